"""Joining stored scores with ground truth: correlation tables and the points behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from untrained.foundation import MissingData
from untrained.harness.aggregating import aggregate_row, member_scores
from untrained.harness.ceilings import noise_ceilings
from untrained.harness.datasets import datasets
from untrained.harness.ranked import Ranked
from untrained.harness.study import Statistics
from untrained.harness.truth import ChosenTruth
from untrained.indicators import indicators
from untrained.reports import Report, Section
from untrained.results import (
    CorrelationRow,
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


def correlate_ranked(
    ranked: Ranked,
    truth: ChosenTruth,
    *,
    statistics: Statistics,
    command: str,
    title: str | None = None,
) -> Section:
    """The correlation table of one search space with one target, and its points.

    A score that was measured for several seeds is their mean, if all of them have a value.

    Args:
        ranked: the scores.
        truth: what they are ranked against.
        statistics: how intervals are computed.
        command: what regenerates the table.
        title: of the table; by default the space's title and the target.

    Raises:
        MissingData: no score fits.
    """
    if ranked.frame.empty:
        raise MissingData(f"no scores of {ranked.space} are stored; run untrained score first")
    measured = wide_scores(ranked)
    # fixed from here on: resamples do not take the ranks inside an aggregate anew
    computed = {one.name: one for one in ranked.aggregates}
    members = member_scores(ranked, measured)
    scores = measured.assign(**{name: one(members) for name, one in computed.items()})
    values = truth.values(scores.index)
    directions = {name: indicators[name].higher_is_better for name in measured.columns}
    directions |= {name: one.aggregate.higher_is_better for name, one in computed.items()}
    larger_is_better = values if truth.higher_is_better else -values
    resampling = Resampling(
        statistics.resamples, statistics.confidence, statistics.seed, statistics.interval
    )
    analysis = analyse(
        scores,
        larger_is_better,
        higher_is_better=directions,
        baseline=BASELINE,
        resampling=resampling,
        clusters=_classes(ranked.space, scores.index) if statistics.by_class else None,
    )
    correlations = analysis.rows
    rows = {
        row.indicator: _row(ranked, row) for row in correlations if row.indicator not in computed
    }
    for row in correlations:
        if one := computed.get(row.indicator):
            rows[one.name] = aggregate_row(one, row, scores[one.name], ranked, rows)
    rows = {
        name: replace(
            row,
            top=analysis.top.get(name),
            size_bias=analysis.size_bias.get(name),
            best_baseline=analysis.best_baseline.get(name),
            stability=_stability(ranked, name, larger_is_better),
        )
        for name, row in rows.items()
    }
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
        rows=tuple(rows.values()),
        published=tuple(
            comparison
            for row in correlations
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
    title: str, sections: Sequence[Section], ranked: Sequence[Ranked], store: ScoreStore
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


def _classes(space: str, architectures: pd.Index[str]) -> pd.Series[str]:
    """The functional class of each architecture."""
    import pandas as pd

    texts = [str(spaces[space].canonical(text)) for text in architectures]
    return pd.Series(texts, index=architectures)


def _stability(ranked: Ranked, name: str, truth: pd.Series[float]) -> Stability | None:
    """How much an indicator's ranking depends on the seed; None for an aggregate or one seed."""
    if name not in ranked.seeds:
        return None
    rows = ranked.frame[ranked.frame["indicator"] == name]
    by_seed = {
        seed: rows[rows["seed"] == seed].set_index("architecture")["value"]
        for seed in ranked.seeds[name]
    }
    return seed_stability(by_seed, truth, higher_is_better=indicators[name].higher_is_better)


def wide_scores(ranked: Ranked) -> pd.DataFrame:
    """One row an architecture of the population, one column an indicator; NaN = missing."""
    values = ranked.frame.groupby(["architecture", "indicator"])["value"].agg(["mean", "count"])
    # a mean over fewer seeds than the others' would have another noise
    wanted = values.index.get_level_values("indicator").map(lambda name: len(ranked.seeds[name]))
    means = values["mean"].where(values["count"] == wanted).unstack("indicator")
    order = [name for name in ranked.protocols if name in means.columns]
    return means.reindex(index=sorted(ranked.architectures), columns=order)


def _row(ranked: Ranked, row: CorrelationRow) -> TableRow:
    indicator = indicators[row.indicator]
    mine = ranked.frame[ranked.frame["indicator"] == row.indicator]
    failed = mine.loc[mine["status"] != "ok", "status"].value_counts().sort_index()
    measured = mine.loc[mine["representative"].isna(), "alone_s"]
    protocol = ranked.protocols[row.indicator]
    return TableRow(
        correlation=row,
        title=indicator.title,
        version=int(mine["version"].iloc[0]),
        protocol=protocol.digest,
        protocol_text=protocol.describe(),
        higher_is_better=indicator.higher_is_better,
        seeds=ranked.seeds[row.indicator],
        failures=tuple((str(status), int(n)) for status, n in failed.items()),
        alone_s=float(measured.median()),
    )


def _notes(ranked: Ranked, truth: ChosenTruth, values: pd.Series[float]) -> tuple[str, ...]:
    notes = list(ranked.notes)
    if any(len(seeds) > 1 for seeds in ranked.seeds.values()):
        notes.append("where a row has several seeds, a score is the mean over these networks")
    shared = ranked.frame["representative"].notna()
    if shared.any():
        notes.append(
            f"{int(shared.sum()):,} of {len(shared):,} scores are those of another member of the "
            "architecture's functional class"
        )
    measured = {p.dataset for p in ranked.protocols.values()}
    if measured != {truth.target.dataset}:
        notes.append(
            f"scores were measured for {', '.join(sorted(measured))}, but the target is on "
            f"{truth.target.dataset}"
        )
    used = (datasets[name] for name in sorted(measured) if name in datasets)
    notes += [
        f"{dataset.name} ({dataset.title}) is a stand-in for {dataset.stand_in_for}, whose images "
        "were not used"
        for dataset in used
        if dataset.stand_in_for
    ]
    unknown = int(values.isna().sum())
    if unknown:
        notes.append(f"{unknown:,} architectures have no ground truth and are not ranked")
    if not truth.higher_is_better:
        notes.append("lower values of the target are better; correlations are with its negative")
    supervised = [name for name in ranked.protocols if indicators[name].uses_accuracy]
    if supervised:
        notes.append(
            "not training-free throughout, something in the definition was set with accuracies of "
            f"trained networks: {', '.join(supervised)}"
        )
    return tuple(notes)
