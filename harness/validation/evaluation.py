"""Statistics of a candidate's scores, on which the verdict rests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from untrained.harness.analysis.correlation_tables import noise_ceilings
from untrained.harness.analysis.score_matrix import wide_scores
from untrained.harness.analysis.score_selection import select_scores
from untrained.harness.search import Domain, Problem, find_estimator, searchers
from untrained.harness.search.driver import run_many
from untrained.harness.search.evaluators.evaluator import TabularEvaluator
from untrained.harness.study.plan import Plan
from untrained.harness.study.truth import ChosenTruth
from untrained.harness.validation.access_audit import Kind
from untrained.harness.validation.measuring import ComparisonPlans, Measured
from untrained.indicators import Indicator, indicators
from untrained.results import Resampling, ScoreStore, seed_stability
from untrained.results.searches.comparison import (
    FoundBy,
    SearchComparison,
    paired_difference,
)
from untrained.results.searches.runs import summarise
from untrained.results.searches.table import best_of_n
from untrained.results.statistics.indicator_comparison import (
    Evidence,
    Standing,
    Steadiness,
    standing,
)
from untrained.spaces import Architecture, spaces

if TYPE_CHECKING:
    import pandas as pd


RUNS = 500
DRAWS = (10, 100)
"""Networks drawn, as in NASWOT's paper."""
RIVALS = ("naswot", "params")
"""Whose scores are searched by beside the candidate's."""


def evaluate(
    measured: Measured,
    item: Indicator,
    store: ScoreStore,
    *,
    suspicions: Sequence[str] = (),
    seed: int = 0,
    on_progress: Callable[[str], None] = lambda text: None,
) -> Evidence:
    """Compute the evidence from what was measured."""
    standings: list[Standing] = []
    steadiness: list[Steadiness] = []
    searches: list[SearchComparison] = []
    resampling = Resampling(seed=seed)
    for plans in measured.plans:
        comparison = plans.comparison
        on_progress(f"statistics of {comparison.space}")
        scores = _scores(plans, item, store)
        directions = {name: indicators[name].higher_is_better for name in scores.columns}
        truths = [(truth, truth.values(scores.index)) for truth in comparison.truths]
        standings += [
            standing(
                scores,
                truth.oriented(values),
                item.id,
                higher_is_better=directions,
                space=comparison.space,
                target=truth.target.label,
                ceilings=noise_ceilings(truth, values, resampling=resampling),
                resampling=resampling,
            )
            for truth, values in truths
        ]
        truth, values = truths[0]
        steadiness += _steadiness(plans, item, store, truth.oriented(values))
        searches += compare_searches(
            scores, truths, item.id, space=comparison.space, higher_is_better=directions, seed=seed
        )
    labels = measured.labels
    return Evidence(
        name=item.id,
        standings=tuple(standings),
        steadiness=tuple(steadiness),
        searches=tuple(searches),
        broken=tuple(finding.statement for finding in measured.findings.broken),
        not_examined=measured.findings.died,
        accuracies=_sighted(measured, "accuracies"),
        reached=_sighted(measured, "file", "outside"),
        suspicions=tuple(suspicions),
        needs_labels=any(trial.needs for trial in labels) if labels else None,
        changes_with_labels=any(trial.changes for trial in labels) if labels else None,
        failures=measured.summary.num_failures,
        wanted=measured.summary.wanted,
    )


def _sighted(measured: Measured, *kinds: Kind) -> tuple[str, ...]:
    seen = [event for event in measured.access_events if event.kind in kinds]
    return tuple(dict.fromkeys(f"{event.what} while {event.when}" for event in seen))


def _scores(plans: ComparisonPlans, item: Indicator, store: ScoreStore) -> pd.DataFrame:
    """Join the candidate's scores and those of the baselines, of the same networks."""
    own = _column(plans.main, item, store)
    architectures = list(plans.main.selection.architectures)
    table = plans.comparison.baselines.scores.reindex(architectures)
    table = table.loc[:, table.notna().any()]
    return table.assign(**{item.id: own.reindex(architectures)})


def _column(plan: Plan, item: Indicator, store: ScoreStore) -> pd.Series[float]:
    return wide_scores(select_scores(plan, store)).reindex(columns=[item.id])[item.id]


def _steadiness(
    plans: ComparisonPlans, item: Indicator, store: ScoreStore, truth: pd.Series[float]
) -> list[Steadiness]:
    main = _column(plans.main, item, store)
    found = []
    others: tuple[tuple[Literal["initialisation", "batch"], Plan | None], ...] = (
        ("initialisation", plans.other_seed),
        ("batch", plans.other_batch),
    )
    for what, plan in others:
        if plan is None:
            continue
        stability = seed_stability(
            {0: main, 1: _column(plan, item, store)}, truth, higher_is_better=item.higher_is_better
        )
        assert stability is not None, "there are two columns"
        found.append(Steadiness(plans.comparison.space, what, stability))
    return found


def compare_searches(
    scores: pd.DataFrame,
    truths: Sequence[tuple[ChosenTruth, pd.Series[float]]],
    candidate: str,
    *,
    space: str,
    higher_is_better: Mapping[str, bool],
    runs: int = RUNS,
    seed: int = 0,
) -> list[SearchComparison]:
    """Search by each indicator: draw n networks and keep the best score; repeat for n and targets.

    Runs of the same number draw the same networks whatever they are searched by, so differences
    are paired. Networks are those that all of the scores, and the first target, have a value of;
    draws are with replacement, of at most half as many as there are networks. Nothing is trained,
    so no search sees an accuracy.

    Args:
        scores: one column an indicator, indexed by architecture; NaN where there is none.
        truths: each with its values; the answers are looked up in them.
    """
    names = [candidate, *(name for name in RIVALS if name in scores and name != candidate)]
    own = scores[names].dropna()
    own = own[truths[0][1].reindex(own.index).notna()].sort_index()
    # a search that draws nearly all networks finds the best by score, whatever it draws
    draws = [n for n in DRAWS if 2 * n <= len(own)]
    finals = {
        (name, n): _finals(own[name], space, name, n=n, runs=runs, seed=seed)
        for name in names
        for n in draws
    }
    found = []
    for truth, values in truths:
        known = values.reindex(own.index)
        if known.isna().any():
            continue
        array = np.asarray(known, dtype=np.float64)
        criterion = array if truth.higher_is_better else -array
        for n in draws:
            mine = np.asarray(known.loc[finals[candidate, n]], dtype=np.float64)
            rows = []
            for name in names:
                theirs = np.asarray(known.loc[finals[name, n]], dtype=np.float64)
                difference = None if name == candidate else paired_difference(mine, theirs)
                rows.append(FoundBy(name, summarise(theirs), difference))
            found.append(
                SearchComparison(
                    space=space,
                    target=truth.target.label,
                    networks=len(own),
                    n=n,
                    found=tuple(rows),
                    random=best_of_n(criterion, array, 1),
                    oracle=best_of_n(criterion, array, n),
                    higher_is_better=truth.higher_is_better,
                )
            )
    return found


def _finals(
    scores: pd.Series[float], space: str, name: str, *, n: int, runs: int, seed: int
) -> list[str]:
    """Run the searches and return the answer of each."""
    searcher = searchers["random"]
    texts = [str(text) for text in scores.index]
    domain = Domain(spaces[space], members=[Architecture(space, text) for text in texts])
    evaluator = TabularEvaluator(
        Problem(domain, "", find_estimator([name])),
        scores={text: (float(value),) for text, value in zip(texts, scores, strict=True)},
    )
    trajectories = run_many(searcher, evaluator, runs=runs, seed=seed, settings={"n": n})
    return [trajectory.final for trajectory in trajectories]
