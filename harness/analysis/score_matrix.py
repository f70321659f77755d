"""Stored scores as a table of values, and what every row of a report says beside its statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from untrained.foundation import MissingData
from untrained.harness.analysis.score_selection import ScoreSelection, select_scores
from untrained.harness.data.datasets import datasets
from untrained.harness.study.plan import Cell
from untrained.harness.study.truth import ChosenTruth, NoTruth
from untrained.indicators import indicators
from untrained.results import FactorEffect, RowProvenance, ScoreStore, factor_effects
from untrained.results.aggregates import BoundAggregate, MemberScores
from untrained.spaces import spaces

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class ScoreMatrix:
    """The scores of a population, those of aggregates included."""

    wide: pd.DataFrame
    """One row an architecture, one column an indicator or aggregate; NaN = missing."""
    computed: Mapping[str, BoundAggregate]
    """The aggregates, by name."""
    higher_is_better: Mapping[str, bool]
    """By column."""


def score_matrix(selection: ScoreSelection) -> ScoreMatrix:
    """The values of all scores and aggregates.

    Raises:
        MissingData: there are none.
    """
    if selection.frame.empty:
        raise MissingData(f"no scores of {selection.space} are stored; run untrained score first")
    measured = wide_scores(selection)
    # fixed from here on: resamples do not take the ranks inside an aggregate anew
    computed = {one.name: one for one in selection.aggregates}
    scores = measured
    if computed:
        members = member_scores(selection, measured)
        scores = measured.assign(**{name: one(members) for name, one in computed.items()})
    directions = {name: selection.higher_is_better(name) for name in measured.columns}
    directions |= {name: one.aggregate.higher_is_better for name, one in computed.items()}
    return ScoreMatrix(scores, computed, directions)


def wide_scores(selection: ScoreSelection) -> pd.DataFrame:
    """One row an architecture of the population, one column an indicator; NaN = missing."""
    import pandas as pd

    frame, names = selection.frame, pd.Index(selection.columns, name="indicator")
    architectures = pd.Index(sorted(selection.architectures), name="architecture")
    # numbers in place of texts: a sort of millions of pairs of texts takes long
    row = architectures.get_indexer(pd.Index(frame["architecture"]))
    column = names.get_indexer(pd.Index(frame["indicator"]))
    values = frame["value"].groupby(row * len(names) + column).agg(["mean", "count"])
    # a mean over fewer seeds than the others' would have another noise
    draws = np.array([len(selection.seeds[str(name)]) for name in names])
    means = values["mean"].where(values["count"] == draws[values.index % len(names)])
    matrix = means.reindex(np.arange(len(architectures) * len(names))).to_numpy()
    wide = pd.DataFrame(matrix.reshape(-1, len(names)), index=architectures, columns=names)
    return wide.iloc[:, np.isin(np.arange(len(names)), column)]


def member_scores(selection: ScoreSelection, scores: pd.DataFrame) -> MemberScores:
    """Collect the scores that aggregates are computed from.

    Returns:
        The scores, and where all that is missing for a mean over the seeds diverged.
    """
    frame = selection.frame
    fates = frame.assign(
        done=frame["status"].isin(("ok", "diverged")), bad=frame["status"] == "diverged"
    ).groupby(["architecture", "indicator"])[["done", "bad"]]
    counts = fates.sum().unstack("indicator").reindex(scores.index)
    diverged = scores.isna()
    for name in diverged.columns:
        complete = counts["done"][name] == len(selection.seeds[str(name)])
        diverged[name] &= complete & (counts["bad"][name] > 0)
    directions = {name: selection.higher_is_better(name) for name in selection.columns}
    return MemberScores(scores, directions, diverged)


def row_provenances(selection: ScoreSelection, matrix: ScoreMatrix) -> dict[str, RowProvenance]:
    """Describe how each column was measured or computed, aggregates last."""
    rows = {
        name: _provenance(selection, name)
        for name in selection.columns
        if name in matrix.wide.columns
    }
    for name, one in matrix.computed.items():
        rows[name] = aggregate_row(one, matrix.wide[name], selection, rows)
    return rows


def functional_classes(space: str, architectures: pd.Index[str]) -> pd.Series[str] | None:
    """The functional class of each architecture; None where each is of a class of its own."""
    import pandas as pd

    if not spaces[space].knows_equalities:
        return None
    texts = [str(spaces[space].canonical(text)) for text in architectures]
    return pd.Series(texts, index=architectures)


def score_notes(selection: ScoreSelection) -> tuple[str, ...]:
    """Note which stored scores were left out, averaged or shared, or of incomplete networks."""
    notes = list(selection.notes)
    least = spaces[selection.space].least_cells
    whole = [one for one in selection.protocols.values() if one.skeleton == "full"]
    if any(one.cells < least for one in whole):
        notes.append(
            f"with fewer than {least} cells a network of {selection.space} can lack a kind of "
            "cell, of which its scores then know nothing"
        )
    if any(len(seeds) > 1 for seeds in selection.seeds.values()):
        notes.append("where a row has several seeds, a score is the mean over these networks")
    shared = selection.frame["representative"].notna()
    if shared.any():
        names = sorted(set(selection.frame["indicator"][shared]))
        notes.append(
            f"{int(shared.sum()):,} of {len(shared):,} scores are those of another member of the "
            f"architecture's functional class, with its weights: {', '.join(names)}"
        )
    return tuple(notes)


def stand_in_notes(selection: ScoreSelection) -> tuple[str, ...]:
    """Note data sets that stand in for others."""
    if selection.file is not None:
        return ()
    used = (datasets[name] for name in sorted(selection.datasets) if name in datasets)
    return tuple(
        f"{dataset.name} ({dataset.title}) is a stand-in for {dataset.stand_in_for}, whose images "
        "were not used"
        for dataset in used
        if dataset.stand_in_for
    )


def supervised_notes(selection: ScoreSelection) -> tuple[str, ...]:
    """Note indicators that are not training-free throughout."""
    supervised = [name for name in selection.protocols if indicators[name].uses_accuracy]
    if not supervised:
        return ()
    return (
        "not training-free throughout, something in the definition was set with accuracies of "
        f"trained networks: {', '.join(supervised)}",
    )


def _provenance(selection: ScoreSelection, name: str) -> RowProvenance:
    mine = selection.frame[selection.frame["indicator"] == name]
    failed = mine.loc[mine["status"] != "ok", "status"].value_counts().sort_index()
    measured = mine.loc[mine["representative"].isna(), "alone_s"]
    file, protocol = selection.file, selection.protocols.get(name)
    return RowProvenance(
        title=name if file else indicators[name].title,
        version=int(mine["version"].iloc[0]),
        protocol=protocol.digest if protocol else "",
        protocol_text=protocol.describe() if protocol else file.describe() if file else "",
        higher_is_better=selection.higher_is_better(name),
        seeds=() if file else selection.seeds[name],
        failures=tuple((str(status), int(n)) for status, n in failed.items()),
        alone_s=float(measured.median()),
    )


def aggregate_row(
    one: BoundAggregate,
    values: pd.Series[float],
    selection: ScoreSelection,
    rows: Mapping[str, RowProvenance],
) -> RowProvenance:
    """Describe how an aggregate was computed whose values are these; NaN = missing."""
    members = [rows[member] for member in one.members]
    without = values.index[values.isna()]
    failed = selection.frame[
        selection.frame["architecture"].isin(without)
        & selection.frame["indicator"].isin(one.members)
        & (selection.frame["status"] != "ok")
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


def effects_of_factors(
    cells: Sequence[Cell],
    store: ScoreStore,
    truths: Mapping[str, ChosenTruth | NoTruth],
    *,
    average: Literal["seeds", "none"] = "seeds",
) -> dict[str, tuple[FactorEffect, ...]]:
    """Measure what every factor does to every indicator, by search space.

    Args:
        cells: as `plan_cells` gives them, scored.
        truths: by search space; one without accuracies has no effects.
        average: whether a score is the mean over its seeds or that of the first.

    Returns:
        Effects in the order of the indicators, without those that no factor changes; empty for a
        study without factors.
    """
    factors = list(cells[0].levels)
    if not factors:
        return {}
    found = {}
    for number, plan in enumerate(cells[0].plans):
        truth = truths[plan.space]
        if isinstance(truth, NoTruth):
            continue
        wide = {
            tuple(cell.levels.values()): wide_scores(
                select_scores(cell.plans[number], store).averaging(average)
            )
            for cell in cells
        }
        values = truth.values(plan.selection.architectures)
        found[plan.space] = tuple(
            effect
            for name in plan.protocols
            if len({cell.plans[number].protocols[name].digest for cell in cells}) > 1
            for effect in factor_effects(
                {levels: scores[name] for levels, scores in wide.items()},
                truth.oriented(values),
                indicator=name,
                factors=factors,
                reference=tuple(cells[0].levels.values()),
                higher_is_better=indicators[name].higher_is_better,
            )
        )
    return found
