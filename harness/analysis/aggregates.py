"""The aggregates of a run: which ones are asked for, and how a table gets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from untrained.foundation import MalformedInput, MissingData
from untrained.harness.study.study_file import NamedStudy
from untrained.indicators import indicators
from untrained.results import RowProvenance
from untrained.results.aggregates import BoundAggregate, MemberScores, aggregates

if TYPE_CHECKING:
    import pandas as pd

    from untrained.harness.analysis.score_selection import Ranked


def aggregates_of_study(named: NamedStudy) -> tuple[BoundAggregate, ...]:
    """Those that a study names, and those that it defines.

    Args:
        named: the study; its text serves to name the lines of mistakes.

    Raises:
        MalformedInput: an aggregate, member or parameter does not exist or does not fit; the
            message has its line.
    """
    study = named.study
    found: dict[str, BoundAggregate] = {}
    for name in study.aggregates:
        with named.at("aggregates"):
            found[name] = BoundAggregate.of(aggregates[name])
    for number, own in enumerate(study.aggregate):
        with named.at("aggregate", number, "kind"):
            kind = aggregates[own.kind]
        with named.at("aggregate", number, "name"):
            _check_free(own.name, found)
        with named.at("aggregate", number, "members"):
            for member in own.members:
                indicators[member]
        with named.at("aggregate", number):
            found[own.name] = BoundAggregate.of(
                kind,
                name=own.name,
                members=own.members,
                parameters=own.parameters,
                diverged=own.diverged,
            )
    return tuple(found.values())


def aggregates_of_names(names: Sequence[str]) -> tuple[BoundAggregate, ...]:
    """Those of some names, with their own members and default parameters.

    Raises:
        UnknownName: there is no such aggregate.
        MalformedInput: it is a kind, which has no members of its own.
    """
    return tuple(BoundAggregate.of(aggregates[name]) for name in dict.fromkeys(names))


def with_members(names: Sequence[str], chosen: Sequence[BoundAggregate]) -> list[str]:
    """Indicators, each once, and behind them what aggregates need besides."""
    needed = [member for one in chosen for member in one.members]
    return list(dict.fromkeys([*names, *needed]))


def check_members(chosen: Sequence[BoundAggregate], stored: Sequence[str], place: str) -> None:
    """Refuse an aggregate whose members were not scored.

    Raises:
        MissingData: a member is missing.
    """
    for one in chosen:
        missing = [member for member in one.members if member not in stored]
        if missing:
            raise MissingData(
                f"{one.name} is computed from {', '.join(one.members)}, but {place} has no scores "
                f"of {', '.join(missing)}; score the same architectures with untrained score "
                f"--indicators {','.join(missing)}"
            )


def member_scores(ranked: Ranked, scores: pd.DataFrame) -> MemberScores:
    """What aggregates are computed from.

    Args:
        scores: the same as a table, one row an architecture, one column an indicator.

    Returns:
        The scores, and where all that is missing for a mean over the seeds diverged.
    """
    frame = ranked.frame
    fates = frame.assign(
        done=frame["status"].isin(("ok", "diverged")), bad=frame["status"] == "diverged"
    ).groupby(["architecture", "indicator"])[["done", "bad"]]
    counts = fates.sum().unstack("indicator").reindex(scores.index)
    diverged = scores.isna()
    for name in diverged.columns:
        complete = counts["done"][name] == len(ranked.seeds[str(name)])
        diverged[name] &= complete & (counts["bad"][name] > 0)
    directions = {name: indicators[name].higher_is_better for name in ranked.protocols}
    return MemberScores(scores, directions, diverged)


def aggregate_row(
    one: BoundAggregate,
    values: pd.Series[float],
    ranked: Ranked,
    rows: Mapping[str, RowProvenance],
) -> RowProvenance:
    """What the row of an aggregate says it was computed from.

    Args:
        values: its values; NaN = missing.
    """
    members = [rows[member] for member in one.members]
    without = values.index[values.isna()]
    failed = ranked.frame[
        ranked.frame["architecture"].isin(without)
        & ranked.frame["indicator"].isin(one.members)
        & (ranked.frame["status"] != "ok")
    ]
    fates = (failed["indicator"] + ":" + failed["status"]).value_counts().sort_index()
    return RowProvenance(
        title=one.aggregate.title,
        version=one.aggregate.version,
        protocol=" ".join(dict.fromkeys(member.protocol for member in members)),
        protocol_text=one.describe(),
        higher_is_better=one.aggregate.higher_is_better,
        seeds=tuple(sorted({seed for member in members for seed in member.seeds})),
        failures=tuple((str(fate), int(n)) for fate, n in fates.items()),
        alone_s=sum(member.alone_s for member in members),
        members=one.members,
    )


def _check_free(name: str, taken: Mapping[str, BoundAggregate]) -> None:
    for what, registered in (
        ("an indicator", list(indicators)),
        ("a registered aggregate", list(aggregates)),
    ):
        if name in registered:
            raise MalformedInput(
                f"the aggregate {name!r} has the name of {what}, whose row it would be taken for; "
                "choose another name"
            )
    if name in taken:
        raise MalformedInput(f"two aggregates are named {name!r}; choose another name for one")
