"""From measured scores to the numbers that a verdict rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from untrained.harness.analysis.correlation_tables import noise_ceilings
from untrained.harness.analysis.score_matrix import wide_scores
from untrained.harness.analysis.score_selection import select_scores
from untrained.harness.study.plan import Plan
from untrained.harness.validation.access_audit import Kind
from untrained.harness.validation.measuring import GroundPlans, Measured
from untrained.harness.validation.search_outcome import RUNS, compare_searches
from untrained.indicators import Indicator, indicators
from untrained.results import Resampling, ScoreStore, seed_stability
from untrained.results.searches.comparison import PairedDifference, SearchComparison
from untrained.results.statistics.indicator_comparison import (
    Evidence,
    SearchedFor,
    Standing,
    Steadiness,
    standing,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The numbers, and the evidence they make."""

    evidence: Evidence
    searches: tuple[SearchComparison, ...]


def weigh(
    measured: Measured,
    item: Indicator,
    store: ScoreStore,
    *,
    suspicions: Sequence[str] = (),
    seed: int = 0,
    runs: int = RUNS,
    told: Callable[[str], None] = lambda text: None,
) -> Judged:
    """Compute every statistic."""
    standings: list[Standing] = []
    steadiness: list[Steadiness] = []
    searches: list[SearchComparison] = []
    resampling = Resampling(seed=seed)
    for plans in measured.plans:
        ground = plans.ground
        told(f"statistics of {ground.space}")
        scores = _scores(plans, item, store)
        directions = {name: indicators[name].higher_is_better for name in scores.columns}
        truths = [(truth, truth.values(scores.index)) for truth in ground.truths]
        standings += [
            standing(
                scores,
                values if truth.higher_is_better else -values,
                item.id,
                higher_is_better=directions,
                space=ground.space,
                target=truth.target.label,
                ceilings=noise_ceilings(truth, values, resampling=resampling),
                resampling=resampling,
            )
            for truth, values in truths
        ]
        truth, values = truths[0]
        oriented = values if truth.higher_is_better else -values
        steadiness += _steadiness(plans, item, store, oriented)
        searches += compare_searches(
            scores,
            truths,
            item.id,
            space=ground.space,
            higher_is_better=directions,
            runs=runs,
            seed=seed,
        )
    labels = measured.labels
    evidence = Evidence(
        name=item.id,
        standings=tuple(standings),
        steadiness=tuple(steadiness),
        searches=tuple(map(_searched, searches)),
        broken=tuple(one.statement for one in measured.findings.broken),
        not_examined=measured.findings.died,
        accuracies=_sighted(measured, "accuracies"),
        reached=_sighted(measured, "file", "outside"),
        suspicions=tuple(suspicions),
        needs_labels=any(one.needs for one in labels) if labels else None,
        changes_with_labels=any(one.changes for one in labels) if labels else None,
        failures=measured.summary.num_failures,
        wanted=measured.summary.wanted,
    )
    return Judged(evidence, tuple(searches))


def _sighted(measured: Measured, *kinds: Kind) -> tuple[str, ...]:
    seen = [one for one in measured.sightings if one.kind in kinds]
    return tuple(dict.fromkeys(f"{one.what} while {one.when}" for one in seen))


def _scores(plans: GroundPlans, item: Indicator, store: ScoreStore) -> pd.DataFrame:
    """The candidate's scores beside those of the baselines, of the same networks."""
    own = _column(plans.main, item, store)
    architectures = list(plans.main.selection.architectures)
    table = plans.ground.baselines.scores.reindex(architectures)
    table = table.loc[:, table.notna().any()]
    return table.assign(**{item.id: own.reindex(architectures)})


def _column(plan: Plan, item: Indicator, store: ScoreStore) -> pd.Series[float]:
    return wide_scores(select_scores(plan, store)).reindex(columns=[item.id])[item.id]


def _steadiness(
    plans: GroundPlans, item: Indicator, store: ScoreStore, truth: pd.Series[float]
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
            {0: main, 1: _column(plan, item, store)},
            truth,
            higher_is_better=item.higher_is_better,
        )
        assert stability is not None, "there are two columns"
        found.append(Steadiness(plans.ground.space, what, stability))
    return found


def _searched(one: SearchComparison) -> SearchedFor:
    naswot = next((found for found in one.found if found.name == "naswot"), None)
    nan = float("nan")
    return SearchedFor(
        space=one.space,
        target=one.target,
        n=one.n,
        mean=one.found[0].values.mean,
        naswot=one.mean_of("naswot"),
        random=one.random[0],
        oracle=one.oracle[0],
        difference=(naswot and naswot.difference) or PairedDifference(0, nan, nan, nan),
        higher_is_better=one.higher_is_better,
    )
