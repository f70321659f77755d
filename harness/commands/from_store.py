"""What `correlate` and `report` have in common: from a store to tables."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from untrained.harness.study import Statistics, Truth
from untrained.harness.study_file import checked

if TYPE_CHECKING:
    from untrained.reports import Report


def report_from_options(
    command: str,
    path: Path,
    *,
    space: str | None,
    truth: Mapping[str, Any],
    protocols: Sequence[str] | None,
    seed: int | None,
    aggregates: str | None,
    statistics: Mapping[str, Any],
) -> Report:
    """One table for each search space of a store, as the options of a command ask for.

    Raises:
        UserError: the store cannot be read, or what is asked for is not in it.
    """
    wanted, how = checked(Truth, truth), checked(Statistics, statistics)
    from untrained.harness.aggregating import aggregates_of_names
    from untrained.harness.agreeing import tables_of
    from untrained.harness.correlating import make_report
    from untrained.harness.stored import ranked_of_store
    from untrained.harness.truth import find_truth
    from untrained.results import ScoreStore

    computed = aggregates_of_names([n.strip() for n in (aggregates or "").split(",") if n.strip()])
    line = _command_line(
        command,
        {"store": path, "space": space, "protocol": protocols, "seed": seed}
        | {"aggregates": ",".join(one.name for one in computed) or None}
        | {("truth_seed" if key == "seed" else key): value for key, value in truth.items()}
        | {key: value for key, value in statistics.items() if value != getattr(Statistics(), key)},
    )
    with ScoreStore.read(path) as store:
        ranked = ranked_of_store(
            store, space=space, protocols=protocols or (), seed=seed, aggregates=computed
        )
        truths = {
            part.space: find_truth(
                part.space, wanted, datasets={p.dataset for p in part.protocols.values()}
            )
            for part in ranked
        }
        sections, agreements = tables_of(ranked, truths, statistics=how, command=line)
        title = f"Correlations of {path.name}" if sections else f"Agreement of {path.name}"
        return make_report(title, sections, ranked, store, agreements=agreements)


def comparison_from_options(
    paths: tuple[Path, Path],
    *,
    space: str | None,
    truth: Mapping[str, Any],
    protocols: Sequence[str] | None,
    seed: int | None,
    statistics: Mapping[str, Any],
) -> Report:
    """Two stores side by side, as the options of `report` ask for.

    Accuracies that are not at hand are done without.

    Raises:
        UserError: a store cannot be read, or what is asked for is not in it.
    """
    # without the accuracies there is less to say, but still what changed
    wanted = checked(Truth, {**truth, "absent": "agreement"})
    how = checked(Statistics, statistics)
    from untrained.harness.comparing import compare_stores

    line = _command_line(
        "report",
        {"space": space, "protocol": protocols, "seed": seed}
        | {("truth_seed" if key == "seed" else key): value for key, value in truth.items()}
        | {key: value for key, value in statistics.items() if value != getattr(Statistics(), key)},
    )
    head, both = "untrained report", shlex.join(map(str, paths))
    return compare_stores(
        paths,
        space=space,
        truth=wanted,
        protocols=protocols or (),
        seed=seed,
        statistics=how,
        command=f"{head} --compare {both}{line.removeprefix(head)}",
    )


def _command_line(command: str, options: Mapping[str, object]) -> str:
    """The command that repeats a call; options that are None are left out."""
    words = ["untrained", command]
    for name, value in options.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is not None:
                words += [f"--{name.replace('_', '-')}", shlex.quote(str(one))]
    return " ".join(words)
