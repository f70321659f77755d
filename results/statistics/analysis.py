"""Everything a table says about a population, from the same resamples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from untrained.results.statistics.bootstrap import Resampling
from untrained.results.statistics.correlation import CorrelationRow, correlate_rankings
from untrained.results.statistics.pairwise import (
    PairComparison,
    Redundancy,
    compare_pairs,
    redundancy,
)
from untrained.results.statistics.population import Population
from untrained.results.statistics.resampled_correlations import Rankings
from untrained.results.statistics.size_bias import SIZES, SizeBias, size_biases
from untrained.results.statistics.top import FRACTIONS, PICKS, TopRanking
from untrained.results.statistics.top_ranking import top_rankings
from untrained.results.statistics.trivial_baselines import (
    TRIVIAL,
    BaselineDifference,
    best_baselines,
)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What `analyse` found, by indicator where it belongs to one."""

    rows: tuple[CorrelationRow, ...] = ()
    """As `correlate` returns them."""
    top: Mapping[str, TopRanking] = field(default_factory=dict)
    size_bias: Mapping[str, SizeBias] = field(default_factory=dict)
    best_baseline: Mapping[str, BaselineDifference] = field(default_factory=dict)
    pairs: tuple[PairComparison, ...] = ()
    redundancy: Redundancy | None = None
    clusters: int | None = None
    """Functional classes that were resampled; None: architectures were."""


def analyse(
    scores: pd.DataFrame,
    truth: pd.Series[float],
    *,
    higher_is_better: Mapping[str, bool],
    baseline: str = "params",
    sizes: Sequence[str] = SIZES,
    trivial: Sequence[str] = TRIVIAL,
    fractions: Sequence[float] = FRACTIONS,
    picks: Sequence[int] = PICKS,
    resampling: Resampling | None = None,
    clusters: pd.Series[str] | None = None,
) -> Analysis:
    """All statistics of several indicators and one ground truth that need nothing else.

    Every ranking is resampled once, whatever needs it, so this takes about four times as long as
    `correlate` where all indicators have scores of the same networks.

    Args:
        scores: one column an indicator, indexed by architecture; NaN where there is no score.
        truth: true values, larger is better, indexed by architecture.
        higher_is_better: the direction of each indicator.
        baseline: the indicator that `delta_tau` compares with.
        sizes: indicators that are sizes of a network.
        trivial: indicators that are trivial baselines.
        fractions: of the top slices, in (0, 1].
        picks: how many of the best-scored networks are trained.
        clusters: the functional class of each architecture, to be resampled as a whole.

    Returns:
        The statistics; those that need a size or a trivial baseline are empty without one.

    Raises:
        ValueError: an architecture is listed twice or has no class, an indicator has no direction,
            or a number is out of range.
    """
    population = Population.of(scores, truth, higher_is_better=higher_is_better, clusters=clusters)
    rankings = Rankings(population, resampling or Resampling())
    return Analysis(
        rows=tuple(correlate_rankings(rankings, baseline=baseline)),
        top=top_rankings(rankings, fractions=fractions, picks=picks),
        size_bias=size_biases(rankings, sizes=sizes),
        best_baseline=best_baselines(rankings, trivial=trivial),
        pairs=compare_pairs(rankings),
        redundancy=redundancy(population),
        clusters=None if clusters is None else population.num_units,
    )
