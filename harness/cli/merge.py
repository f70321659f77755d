"""`untrained merge`: one store of many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer


def merge(
    stores: Annotated[
        list[Path], typer.Argument(metavar="STORE...", help="Score stores, or exports of stores.")
    ],
    *,
    output: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Score store that receives the scores; one that exists keeps its own.",
        ),
    ],
) -> None:
    """Merge stores, such as those of shards, into one.

    Stores that do not fit are refused, and the output is then as it was: two values of one score,
    two settings of --share-classes, another version of the format. Merging again adds nothing.

    [dim]untrained score --space nasbench201 --all --indicators snip --shard 3/100 --store 3.sqlite

    untrained merge *.sqlite --output scores.sqlite[/dim]
    """
    from untrained.foundation import Interrupted
    from untrained.results import ScoreStore
    from untrained.results.store.merge import merge_stores
    from untrained.spaces import spaces

    def canonical_of(space: str) -> Callable[[str], str] | None:
        if space not in spaces:
            return None
        found = spaces[space]
        return lambda architecture: str(found.canonical(architecture))

    try:
        added = merge_stores(stores, output, canonical_of=canonical_of)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; {output} is as it was") from None
    with ScoreStore(output, create=False) as merged:
        statuses = merged.count_by_status()
    counts = ", ".join(f"{count} {status}" for status, count in statuses.items())
    print(f"{sum(statuses.values())} scores in {output}: {counts or 'none'} ({added} new)")
