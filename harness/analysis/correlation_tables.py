"""Tables of scores: correlations with ground truth and its noise, or agreement without truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

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
from untrained.harness.study.truth import ChosenTruth, NoTruth
from untrained.reports import Report, Section
from untrained.results import (
    AgreementRow,
    AgreementTable,
    BatchNoise,
    Ceiling,
    CorrelationRow,
    CorrelationTable,
    Resampling,
    ScoreStore,
    Stability,
    TableRow,
    TaskComparison,
    agree,
    analyse,
    batch_noise,
    compare_over_tasks,
    compare_published,
    noise_ceiling,
    perfect_ceiling,
    seed_stability,
    tied_pair_fraction,
)
from untrained.results.statistics.population import Population, Rankings
from untrained.results.statistics.size_bias import SizeBias, size_biases
from untrained.spaces import spaces
from untrained.spaces.benchmarks.benchmark import is_cost

if TYPE_CHECKING:
    import pandas as pd

BASELINE = "params"
CLEAN = "clean_accuracy"
"""Name of the accuracy without an attack among what is held fixed."""
WITHOUT_ACCURACIES = (
    "No accuracies were used. This report says how scores agree with the size of networks and with "
    "each other, not how well they rank trained networks."
)


def correlation_section(
    selection: ScoreSelection, truth: ChosenTruth, *, statistics: Statistics, command: str
) -> Section:
    """The correlation table of one search space with one target, and its points.

    A score that was measured for several seeds is their mean, if all of them have a value, or that
    of the first seed, as the statistics say.

    Raises:
        MissingData: no score fits.
    """
    drawn = selection.averaging(statistics.average)
    matrix = score_matrix(drawn)
    scores, computed = matrix.wide, matrix.computed
    values = truth.values(scores.index)
    larger_is_better, resampling = truth.oriented(values), statistics.resampling
    noise = noise_of_batches(selection, larger_is_better)
    analysis = analyse(
        scores,
        larger_is_better,
        higher_is_better=matrix.higher_is_better,
        baseline=BASELINE,
        resampling=resampling,
        classes=functional_classes(selection.space, scores.index),
        noise=noise,
    )
    biases = dict(analysis.size_bias)
    # the accuracies without an attack, where the target is an accuracy under one
    clean = truth.benchmark.clean_target(truth.target)
    if clean is not None:
        biases = _given_clean(
            biases,
            scores.assign(**{CLEAN: truth.benchmark.values(scores.index, clean)}),
            larger_is_better,
            higher_is_better=matrix.higher_is_better,
            resampling=resampling,
        )
    correlations = {row.indicator: row for row in analysis.rows}
    functions = {row.indicator: row for row in analysis.functions}
    rows = tuple(
        TableRow(
            **row.provenance(),
            correlation=correlations[name],
            top=analysis.top.get(name),
            size_bias=biases.get(name),
            best_baseline=analysis.best_baseline.get(name),
            stability=_stability(selection, name, larger_is_better),
            functions=functions.get(name),
            batch=noise.get(name),
        )
        for name, row in row_provenances(drawn, matrix).items()
    )
    table = CorrelationTable(
        title=f"{spaces[selection.space].title}: {truth.target.label}",
        space=selection.space,
        population=selection.population,
        n_population=len(selection.architectures),
        target=truth.target.label,
        truth_source=truth.source,
        truth_sha256=truth.benchmark.provenance.sha256,
        resamples=statistics.resamples,
        confidence=statistics.confidence,
        bootstrap_seed=statistics.seed,
        command=command,
        notes=_notes(drawn, truth, values),
        rows=rows,
        published=tuple(
            comparison
            for row in analysis.rows
            # published values are of accuracies; and what a user defined is nobody's published
            # indicator, whatever its name
            if selection.file is None
            and clean is None
            and not is_cost(truth.target.metric)
            and (row.indicator not in computed or computed[row.indicator].is_standard)
            for comparison in compare_published(
                row,
                space=selection.space,
                dataset=truth.target.dataset,
                confidence=statistics.confidence,
                size=spaces[selection.space].size,
            )
        ),
        baseline=BASELINE,
        interval=statistics.interval,
        n_common=_common(analysis.rows),
        n_functions=analysis.functions[0].n_population if analysis.functions else 0,
        ceilings=noise_ceilings(truth, values, resampling=resampling),
        pairs=analysis.pairs,
        redundancy=analysis.redundancy,
    )
    return Section(table, scores, values, larger_truth_is_better=truth.higher_is_better)


def _given_clean(
    biases: Mapping[str, SizeBias],
    scores: pd.DataFrame,
    truth: pd.Series[float],
    *,
    higher_is_better: Mapping[str, bool],
    resampling: Resampling,
) -> dict[str, SizeBias]:
    """Add what is left of each correlation with the clean accuracy held fixed.

    Args:
        biases: what is left with sizes held fixed; empty without sizes.
        scores: the column `CLEAN` holds the clean accuracies.
    """
    directions = {**higher_is_better, CLEAN: True}
    population = Population.of(scores, truth, higher_is_better=directions)
    found = size_biases(Rankings(population, resampling), sizes=(CLEAN,))
    return {
        name: replace(
            biases.get(name, SizeBias((), (), None, None)),
            rho_with=(*(biases[name].rho_with if name in biases else ()), *one.rho_with),
            partial=(*(biases[name].partial if name in biases else ()), *one.partial),
        )
        for name, one in found.items()
        if name != CLEAN
    }


def noise_of_batches(selection: ScoreSelection, truth: pd.Series[float]) -> dict[str, BatchNoise]:
    """Measure how far coefficients depend on the batch; empty without further batches.

    Ranks inside an aggregate are those among the networks of the further batches, for each batch.
    """
    if not selection.batches:
        return {}
    first = selection.first_draw().among(selection.batches[0].architectures)
    matrices = [score_matrix(one) for one in (first, *selection.batches)]
    return batch_noise(
        [one.wide for one in matrices],
        truth,
        higher_is_better=matrices[0].higher_is_better,
        baseline=BASELINE,
    )


def _common(rows: Sequence[CorrelationRow]) -> int:
    """Count the networks that all rows have; 0 where each row has all there are."""
    if all(row.n == row.n_population for row in rows):
        return 0
    return max((row.n_common for row in rows), default=0)


def make_report(
    title: str,
    sections: Sequence[Section],
    selections: Sequence[ScoreSelection],
    store: ScoreStore | None,
    *,
    agreements: Sequence[AgreementTable] = (),
) -> Report:
    """A report of some tables, with the environments of their scores where a store knows them."""
    environments = store.environments() if store else {}
    used = sorted(
        {int(number) for part in selections for number in part.frame["environment"].unique()}
        & set(environments)
    )
    return Report(
        title=title,
        sections=tuple(sections),
        environments=tuple(environments[number].entries() for number in used),
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
    if len(quality) < 2 or quality.shape[1] < 2:
        return None
    return compare_over_tasks(quality, confidence=sections[0].table.confidence)


def _stability(selection: ScoreSelection, name: str, truth: pd.Series[float]) -> Stability | None:
    """Measure the dependence of a ranking on the seed; None for an aggregate or one seed."""
    if name not in selection.seeds or selection.file:
        return None
    rows = selection.frame[selection.frame["indicator"] == name]
    by_seed = {
        seed: rows[rows["seed"] == seed].set_index("architecture")["value"]
        for seed in selection.seeds[name]
    }
    return seed_stability(by_seed, truth, higher_is_better=selection.higher_is_better(name))


def _notes(
    selection: ScoreSelection, truth: ChosenTruth, values: pd.Series[float]
) -> tuple[str, ...]:
    return (
        *score_notes(selection),
        *truth.dataset_notes(selection.datasets),
        *stand_in_notes(selection),
        *truth.notes(values),
        *supervised_notes(selection),
    )


def agreement_table(
    selection: ScoreSelection, truth: NoTruth, *, statistics: Statistics, command: str
) -> AgreementTable:
    """The table of one search space.

    Raises:
        MissingData: no score fits.
    """
    selection = selection.averaging(statistics.average)
    matrix = score_matrix(selection)
    scores = matrix.wide
    found = agree(
        scores, higher_is_better=matrix.higher_is_better, resampling=statistics.resampling
    )
    return AgreementTable(
        title=f"{spaces[selection.space].title}: agreement of scores, no accuracies",
        space=selection.space,
        population=selection.population,
        n_population=len(selection.architectures),
        reason=truth.reason,
        resamples=statistics.resamples,
        confidence=statistics.confidence,
        bootstrap_seed=statistics.seed,
        interval=statistics.interval,
        command=command,
        notes=(*score_notes(selection), *stand_in_notes(selection), *supervised_notes(selection)),
        rows=tuple(
            AgreementRow(
                **row.provenance(),
                indicator=name,
                n=int(scores[name].count()),
                n_population=len(scores),
                ties=tied_pair_fraction(scores[name].dropna()),
                with_sizes=found.with_sizes[name],
            )
            for name, row in row_provenances(selection, matrix).items()
        ),
        redundancy=found.redundancy,
    )


def build_tables(
    selections: Sequence[ScoreSelection],
    truths: Mapping[str, ChosenTruth | NoTruth],
    *,
    statistics: Statistics,
    command: str,
) -> tuple[list[Section], list[AgreementTable]]:
    """The tables of some search spaces: against accuracies where there are any.

    Raises:
        MissingData: no score of a space fits.
    """
    sections, agreements = [], []
    for part in selections:
        truth = truths[part.space]
        if isinstance(truth, NoTruth):
            agreements.append(agreement_table(part, truth, statistics=statistics, command=command))
        else:
            section = correlation_section(part, truth, statistics=statistics, command=command)
            sections.append(section)
    return sections, agreements


_VALIDATION_OF = {
    "test_accuracy": "valid_accuracy",
    "test_loss": "val_loss",
    "negative_test_loss": "negative_valid_loss",
    "test_miou": "valid_miou",
    "test_ssim": "valid_ssim",
}
"""Of a test metric, the validation metric where a benchmark has both."""


def noise_ceilings(
    truth: ChosenTruth, values: pd.Series[float], *, resampling: Resampling
) -> tuple[Ceiling, ...]:
    """Estimate how well the target can be ranked, given the noise of its own training.

    A perfect predictor, where the benchmark trained networks with several seeds; and validation in
    place of an indicator.

    There are as many as the benchmark's columns allow, none of surrogates without such columns.

    Args:
        values: its values, indexed by architecture; they cut the top slices.
    """
    import pandas as pd

    sign, wanted = 1 if truth.higher_is_better else -1, truth.target
    alike = [
        one
        for one in truth.benchmark.targets()
        if (one.dataset, one.epochs) == (wanted.dataset, wanted.epochs)
    ]
    found = []
    seeds = {one.seed: one for one in alike if one.metric == wanted.metric and one.seed >= 0}
    if len(seeds) > 1:
        columns = {
            seed: sign * truth.benchmark.values(values.index, one) for seed, one in seeds.items()
        }
        perfect = perfect_ceiling(
            pd.DataFrame(columns),
            sign * values,
            name=wanted.label,
            averaged=wanted.seed < 0,
            resampling=resampling,
        )
        found += [perfect] if perfect else []
    validation = (_VALIDATION_OF.get(wanted.metric), wanted.seed)
    found += [
        noise_ceiling(
            sign * truth.benchmark.values(values.index, one),
            sign * values,
            names=(one.label, wanted.label),
            resampling=resampling,
        )
        for one in alike
        if (one.metric, one.seed) == validation
    ]
    return tuple(found)
