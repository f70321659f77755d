"""Comparison of two stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from untrained.foundation import MissingData, UserError
from untrained.harness.analysis.score_matrix import wide_scores
from untrained.harness.analysis.score_selection import (
    ScoreSelection,
    check_chosen,
    select_stored_scores,
)
from untrained.harness.study.study import Statistics, Truth
from untrained.harness.study.truth import NoTruth, find_truth
from untrained.indicators import indicators
from untrained.reports import Report
from untrained.results import (
    ComparedRow,
    Condition,
    Difference,
    Environment,
    ScoreStore,
    SideBySide,
    compare_scores,
    compare_sides,
)
from untrained.results.comparison.score_changes import MARGIN, TOLERANCE
from untrained.spaces import spaces

if TYPE_CHECKING:
    import pandas as pd

Measured = tuple[ScoreSelection, list[Environment]]
"""Scores of a space, and where they were measured."""


def environment_differences(
    before: Sequence[Environment], after: Sequence[Environment]
) -> Iterator[Difference]:
    """The fields that differ, every distinct value of a side."""

    def found(places: Sequence[Environment], field: str) -> str:
        values = {getattr(place, field) for place in places}
        texts = sorted("unknown" if value is None else str(value) for value in values)
        # as many digits of a commit as tell it apart anywhere
        return ", ".join(text[:12] if field == "git_commit" else text for text in texts)

    for field in fields(Environment):
        old, new = found(before, field.name), found(after, field.name)
        if old != new:
            yield Difference(f"environment: {field.name}", old, new)


def row_differences(rows: Sequence[ComparedRow]) -> Iterator[Difference]:
    """Versions, protocols and seeds, the indicators with the same difference together."""
    users: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        old, new = row.before, row.after
        for what, one, other in (
            ("version", f"v{old.version}", f"v{new.version}"),
            (
                "protocol",
                f"{old.protocol_text} ({old.protocol})",
                f"{new.protocol_text} ({new.protocol})",
            ),
            ("seeds", " ".join(map(str, old.seeds)), " ".join(map(str, new.seeds))),
        ):
            if one != other:
                users.setdefault((what, one, other), []).append(row.indicator)
    for (what, one, other), names in users.items():
        yield Difference(f"{what} of {', '.join(names)}", one, other)


EXAMPLES = 3
"""Architectures of one side alone that a report names."""


def compare_stores(
    paths: tuple[Path, Path],
    *,
    space: str | None,
    truth: Truth,
    protocols: Sequence[str],
    seed: int | None,
    statistics: Statistics,
    command: str,
) -> Report:
    """A report of what changed between two stores, for every search space that both hold.

    Args:
        protocols: digests, or beginnings of them, to choose among several of one indicator; each
            has to be in one of the two at least.

    Raises:
        UserError: a store cannot be read, or leaves open what is compared.
        MissingData: the two have nothing in common.
    """
    before, after = (_side(path, space=space, protocols=protocols, seed=seed) for path in paths)
    measured = [part for side in (before, after) for part, _ in side.values()]
    digests = {protocol.digest for part in measured for protocol in part.protocols.values()}
    check_chosen(protocols, digests, "no score on either side")
    shared = sorted(before.keys() & after.keys())
    if not shared:
        raise MissingData(
            f"the two stores hold no common search space: {paths[0]} has "
            f"{', '.join(before)}, {paths[1]} has {', '.join(after)}"
        )
    names = _names(paths)
    return Report(
        title=f"{names[0]} and {names[1]} side by side",
        sections=(),
        environments=tuple(
            asdict(place)
            for place in dict.fromkeys(
                place for side in (before, after) for name in shared for place in side[name][1]
            )
        ),
        version=version("untrained"),
        comparisons=tuple(
            _compare(
                before[name],
                after[name],
                names,
                wanted=truth,
                statistics=statistics,
                command=command,
            )
            for name in shared
        ),
    )


def _side(
    path: Path, *, space: str | None, protocols: Sequence[str], seed: int | None
) -> dict[str, Measured]:
    """Read what one store holds of each search space."""
    with ScoreStore.read(path) as store:
        digests, environments = store.protocols(), store.environments()
        here = [one for one in protocols if any(digest.startswith(one) for digest in digests)]
        return {
            part.space: (
                part,
                [environments[n] for n in sorted({*map(int, part.frame["environment"])})],
            )
            for part in select_stored_scores(store, space=space, protocols=here, seed=seed)
        }


def _names(paths: tuple[Path, Path]) -> tuple[str, str]:
    """As much of the end of each path as tells the two apart."""
    one, other = (path.parts for path in paths)
    for length in range(1, max(len(one), len(other)) + 1):
        ends = "/".join(one[-length:]), "/".join(other[-length:])
        if ends[0] != ends[1]:
            return ends
    raise UserError(
        f"{paths[0]} was to be compared with itself; name two stores (--compare BEFORE AFTER)"
    )


def _compare(
    before: Measured,
    after: Measured,
    names: tuple[str, str],
    *,
    wanted: Truth,
    statistics: Statistics,
    command: str,
) -> SideBySide:
    (old, old_places), (new, new_places) = _common_seeds(before, after)
    old, new = old.averaging(statistics.average), new.averaging(statistics.average)
    datasets = {p.dataset for part in (old, new) for p in part.protocols.values()}
    truth = find_truth(old.space, wanted, datasets=datasets)
    first, second = wide_scores(old), wide_scores(new)
    common = first.index.intersection(second.index).sort_values()
    known = None if isinstance(truth, NoTruth) else truth
    larger_is_better: pd.Series[float] | None = None
    about_truth: tuple[str, ...] = ()
    if known:
        values = known.values(common)
        larger_is_better = known.oriented(values)
        about_truth = (*known.dataset_notes(datasets), *known.notes(values))
    changes = compare_scores(
        first,
        second,
        larger_is_better,
        higher_is_better={name: indicators[name].higher_is_better for name in first.columns},
        resampling=statistics.resampling,
    )
    rows = tuple(
        ComparedRow(
            title=indicators[change.indicator].title,
            higher_is_better=indicators[change.indicator].higher_is_better,
            change=change,
            side=compare_sides(_rows(old, change.indicator), _rows(new, change.indicator), common),
            before=_condition(old, change.indicator),
            after=_condition(new, change.indicator),
        )
        for change in changes
    )
    return SideBySide(
        title=f"{spaces[old.space].title}: before and after",
        space=old.space,
        before=names[0],
        after=names[1],
        n_before=len(first),
        n_after=len(second),
        n_common=len(common),
        only_before=tuple(first.index.difference(common)[:EXAMPLES]),
        only_after=tuple(second.index.difference(common)[:EXAMPLES]),
        indicators_before=tuple(sorted(set(first.columns) - set(second.columns))),
        indicators_after=tuple(sorted(set(second.columns) - set(first.columns))),
        target=known.target.label if known else "",
        truth_source=truth.reason if isinstance(truth, NoTruth) else truth.source,
        truth_sha256=known.benchmark.provenance.sha256 if known else "",
        resamples=statistics.resamples if known else 0,
        confidence=statistics.confidence,
        bootstrap_seed=statistics.seed,
        interval=statistics.interval,
        tolerance=TOLERANCE,
        margin=MARGIN,
        command=command,
        notes=(
            *dict.fromkeys(
                f"{side}: {note}"
                for side, part in (("before", old), ("after", new))
                for note in part.notes
            ),
            *about_truth,
        ),
        differences=(*environment_differences(old_places, new_places), *row_differences(rows)),
        rows=rows,
    )


def _common_seeds(before: Measured, after: Measured) -> tuple[Measured, Measured]:
    """Both sides with the seeds that they share, where they share any.

    A mean over three networks has less noise than one, and would seem to be the better score.
    """
    (old, old_places), (new, new_places) = before, after
    shared = {
        name: seeds
        for name in old.seeds
        if name in new.seeds and (seeds := tuple(sorted({*old.seeds[name]} & {*new.seeds[name]})))
    }
    return (_with_seeds(old, shared), old_places), (_with_seeds(new, shared), new_places)


def _with_seeds(selection: ScoreSelection, shared: Mapping[str, tuple[int, ...]]) -> ScoreSelection:
    seeds = {name: shared.get(name, own) for name, own in selection.seeds.items()}
    left_out = sorted(name for name, own in selection.seeds.items() if set(own) != set(seeds[name]))
    if not left_out:
        return selection
    note = f"only the seeds of both sides are compared: {', '.join(left_out)}"
    return replace(selection.with_seeds(seeds), notes=(*selection.notes, note))


def _rows(selection: ScoreSelection, indicator: str) -> pd.DataFrame:
    return selection.frame[selection.frame["indicator"] == indicator]


def _condition(selection: ScoreSelection, indicator: str) -> Condition:
    protocol = selection.protocols[indicator]
    return Condition(
        version=int(_rows(selection, indicator)["version"].iloc[0]),
        protocol=protocol.digest,
        protocol_text=f"{protocol.describe()}, data seed {protocol.data_seed}",
        seeds=selection.seeds[indicator],
    )
