"""Joining stored scores with ground truth: correlation tables and the points behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING

from untrained.harness.analysis.ceilings import noise_ceilings
from untrained.harness.analysis.score_matrix import (
    functional_classes,
    row_provenances,
    score_matrix,
    score_notes,
    stand_in_notes,
    supervised_notes,
)
from untrained.harness.analysis.score_selection import ScoreSelection
from untrained.harness.study.study import Statistics
from untrained.harness.study.truth import ChosenTruth
from untrained.indicators import indicators
from untrained.reports import Report, Section
from untrained.results import (
    AgreementTable,
    CorrelationTable,
    Resampling,
    ScoreStore,
    Stability,
    TableRow,
    TaskComparison,
    analyse,
    compare_over_tasks,
    compare_published,
    seed_stability,
)
from untrained.spaces import spaces

if TYPE_CHECKING:
    import pandas as pd

BASELINE = "params"
WITHOUT_ACCURACIES = (
    "No accuracies were used. This report says how scores agree with the size of networks and with "
    "each other, not how well they rank trained networks."
)


def correlation_section(
    ranked: ScoreSelection,
    truth: ChosenTruth,
    *,
    statistics: Statistics,
    command: str,
    title: str | None = None,
) -> Section:
    """The correlation table of one search space with one target, and its points.

    A score that was measured for several seeds is their mean, if all of them have a value.

    Args:
        title: of the table; by default the space's title and the target.

    Raises:
        MissingData: no score fits.
    """
    scored = score_matrix(ranked)
    scores, computed = scored.wide, scored.computed
    values = truth.values(scores.index)
    larger_is_better = values if truth.higher_is_better else -values
    resampling = Resampling(
        statistics.resamples, statistics.confidence, statistics.seed, statistics.interval
    )
    analysis = analyse(
        scores,
        larger_is_better,
        higher_is_better=scored.higher_is_better,
        baseline=BASELINE,
        resampling=resampling,
        clusters=functional_classes(ranked.space, scores.index) if statistics.by_class else None,
    )
    correlations = {row.indicator: row for row in analysis.rows}
    rows = tuple(
        TableRow(
            **row.provenance(),
            correlation=correlations[name],
            top=analysis.top.get(name),
            size_bias=analysis.size_bias.get(name),
            best_baseline=analysis.best_baseline.get(name),
            stability=_stability(ranked, name, larger_is_better),
        )
        for name, row in row_provenances(ranked, scored).items()
    )
    table = CorrelationTable(
        title=title or f"{spaces[ranked.space].title}: {truth.target.label}",
        space=ranked.space,
        population=ranked.population,
        n_population=len(ranked.architectures),
        target=truth.target.label,
        truth_source=truth.source,
        truth_sha256=truth.benchmark.provenance.sha256,
        resamples=statistics.resamples,
        confidence=statistics.confidence,
        bootstrap_seed=statistics.seed,
        command=command,
        notes=_notes(ranked, truth, values),
        rows=rows,
        published=tuple(
            comparison
            for row in analysis.rows
            # what a user defined is nobody's published indicator, whatever its name
            if row.indicator not in computed or computed[row.indicator].is_standard
            for comparison in compare_published(
                row,
                space=ranked.space,
                dataset=truth.target.dataset,
                confidence=statistics.confidence,
                size=spaces[ranked.space].size,
            )
        ),
        baseline=BASELINE,
        interval=statistics.interval,
        clusters=analysis.clusters,
        ceilings=noise_ceilings(truth, values, resampling=resampling),
        pairs=analysis.pairs,
        redundancy=analysis.redundancy,
    )
    return Section(table, scores, values, larger_truth_is_better=truth.higher_is_better)


def make_report(
    title: str,
    sections: Sequence[Section],
    ranked: Sequence[ScoreSelection],
    store: ScoreStore,
    *,
    agreements: Sequence[AgreementTable] = (),
) -> Report:
    """A report of some tables, with the environments that their scores were measured in."""
    environments = store.environments()
    used = sorted({int(number) for part in ranked for number in part.frame["environment"].unique()})
    return Report(
        title=title,
        sections=tuple(sections),
        environments=tuple(asdict(environments[number]) for number in used),
        version=version("untrained"),
        task_comparison=_over_tasks(sections),
        summary="" if sections or not agreements else WITHOUT_ACCURACIES,
        agreements=tuple(agreements),
    )


def _over_tasks(sections: Sequence[Section]) -> TaskComparison | None:
    """Friedman's test over the tables, where there are several and two rows stand in all."""
    import pandas as pd

    quality = pd.DataFrame(
        {
            section.table.title: {
                row.correlation.indicator: row.correlation.tau for row in section.table.rows
            }
            for section in sections
        }
    ).T.dropna(axis="columns")
    if len(sections) < 2 or quality.shape[1] < 2:
        return None
    return compare_over_tasks(quality)


def _stability(ranked: ScoreSelection, name: str, truth: pd.Series[float]) -> Stability | None:
    """How much an indicator's ranking depends on the seed; None for an aggregate or one seed."""
    if name not in ranked.seeds:
        return None
    rows = ranked.frame[ranked.frame["indicator"] == name]
    by_seed = {
        seed: rows[rows["seed"] == seed].set_index("architecture")["value"]
        for seed in ranked.seeds[name]
    }
    return seed_stability(by_seed, truth, higher_is_better=indicators[name].higher_is_better)


def _notes(ranked: ScoreSelection, truth: ChosenTruth, values: pd.Series[float]) -> tuple[str, ...]:
    notes = list(score_notes(ranked))
    measured = {p.dataset for p in ranked.protocols.values()}
    if measured != {truth.target.dataset}:
        notes.append(
            f"scores were measured for {', '.join(sorted(measured))}, but the target is on "
            f"{truth.target.dataset}"
        )
    notes += stand_in_notes(ranked)
    notes += truth.notes(values)
    unknown = int(values.isna().sum())
    if unknown:
        notes.append(f"{unknown:,} architectures have no ground truth and are not ranked")
    if not truth.higher_is_better:
        notes.append("lower values of the target are better; correlations are with its negative")
    return (*notes, *supervised_notes(ranked))
