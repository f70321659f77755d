"""Drift of correlations, of coverage and of the ground truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from untrained.results.comparison.score_changes import MARGIN, largest_difference
from untrained.results.statistics.bootstrap import Resampling
from untrained.results.statistics.pairwise import bootstrap_p
from untrained.results.statistics.population import Population, floats
from untrained.results.statistics.rank_correlation import kendall_tau_b
from untrained.results.statistics.resampled_correlations import MIN_NETWORKS, Rankings


@dataclass(frozen=True, slots=True)
class CorrelationDrift:
    """tau-b with the truth before and now, over the networks that have all scores."""

    n: int
    tau_before: float
    """The mean over the old seeds. NaN with fewer than three networks, and where a side is
    constant."""
    tau: float
    tolerance: float
    """What |delta| is held against; infinite where it cannot be had."""
    p: float
    """Two-sided, of no difference; NaN where it cannot be had."""

    @property
    def delta(self) -> float:
        """Tau - tau_before."""
        return self.tau - self.tau_before

    @property
    def moved(self) -> bool:
        """Whether the difference is beyond the tolerance, or one of the two alone exists."""
        if math.isnan(self.delta):
            return math.isnan(self.tau) != math.isnan(self.tau_before)
        return abs(self.delta) > self.tolerance


def correlation_drift(
    old: pd.DataFrame,
    new: pd.Series[float],
    truth: pd.Series[float],
    *,
    old_higher_is_better: bool,
    new_higher_is_better: bool,
    level: float,
    resamples: int = 1000,
    seed: int = 0,
) -> CorrelationDrift:
    """How far tau-b has moved, and how far it may.

    All networks are resampled together with their old and new scores and their true value, so the
    difference is paired: what the choice of networks does to both sides cancels. Its bootstrap
    standard error s then holds the noise of the weights, which is each network's own, and the
    tolerance is

        max(0.01, z s),    z = Phi^-1(1 - level / 2).

    The normal quantile is used because a percentile of that order would take more resamples than
    there are; a change of 0.01 or less is of no consequence, as papers print two or three digits.

    Args:
        old: one column a seed, indexed by architecture; NaN where there is no score.
        truth: true values, larger is better, by architecture; NaN where there is none.
        old_higher_is_better: the indicator's direction as it was.
        level: chance of a difference beyond the tolerance if nothing has changed.
    """
    names = [f"old {place}" for place in range(old.shape[1])]
    frame = pd.concat([old.set_axis(names, axis=1), new.rename("new")], axis=1, join="inner")
    directions = dict.fromkeys(names, old_higher_is_better) | {"new": new_higher_is_better}
    population = Population.of(frame.dropna(), truth, higher_is_better=directions)
    rankings = Rankings(population, Resampling(resamples, seed=seed))
    olds, now = [rankings.ranking(name) for name in names], rankings.ranking("new")
    rankings.resample([*olds, now])
    before = float(np.mean([rankings.point(one)[0] for one in olds]))
    tau = rankings.point(now)[0]
    means = np.mean([rankings.replicates(one)[0] for one in olds], axis=0)
    replicates = rankings.replicates(now)[0] - means
    defined = replicates[~np.isnan(replicates)]
    error = float(defined.std(ddof=1)) if defined.size > 1 else math.inf
    z = float(-ndtri(level / 2))
    return CorrelationDrift(
        n=population.size,
        tau_before=before,
        tau=tau,
        tolerance=max(MARGIN, z * error),
        p=bootstrap_p(tau - before, replicates),
    )


@dataclass(frozen=True, slots=True)
class CoverageDrift:
    """How many networks of a baseline have a score now, and had one."""

    n: int
    """Networks of the baseline."""
    scored_before: float
    """With a score; the mean over the old seeds."""
    scored: int
    lost: tuple[str, ...]
    """Those that had a score under every old seed and have none now, sorted."""
    gained: tuple[str, ...]
    """Those that had none under any old seed and have one now, sorted."""
    p: float
    """One-sided: chance of as many missing scores if nothing has changed and seeds decide which
    network has one; 0 or 1 where no network's old scores are partly missing."""


def coverage_drift(old: pd.DataFrame, new: pd.Series[float]) -> CoverageDrift:
    """How coverage changed.

    Under the hypothesis that nothing has changed, the K old scores and the new one of a network are
    exchangeable (`score_drift` says why): given that m of the K + 1 are missing, the new one is
    with probability m / (K + 1). Networks are independent, so the number of missing new scores is a
    sum of independent unlike coin tosses, whose distribution is computed exactly.

    With a single old seed that is the new one too, nothing is random and any loss counts: look at
    `lost` then, not at p.

    Args:
        old: one column a seed, indexed by architecture; NaN where there is no score.
        new: by architecture; what it does not list is missing.
    """
    missing = np.isnan(old.to_numpy(dtype=np.float64))
    absent = np.isnan(new.reindex(old.index).to_numpy(dtype=np.float64))
    chances = (missing.sum(axis=1) + absent) / (missing.shape[1] + 1)
    never, always = missing.all(axis=1), ~missing.any(axis=1)
    return CoverageDrift(
        n=absent.size,
        scored_before=float((~missing).sum() / missing.shape[1]),
        scored=int((~absent).sum()),
        lost=tuple(sorted(map(str, old.index[absent & always]))),
        gained=tuple(sorted(map(str, old.index[~absent & never]))),
        p=_at_least(int(absent.sum()), chances),
    )


def _at_least(count: int, chances: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """P(sum of independent coin tosses >= count)."""
    distribution = np.ones(1)
    for chance in chances:
        distribution = np.convolve(distribution, [1 - chance, chance])
    return float(min(1.0, distribution[count:].sum()))


TRUTH_TOLERANCE = 1e-6
"""Relative difference up to which two true values are the same: tables hold single precision."""


@dataclass(frozen=True, slots=True)
class TruthDrift:
    """True values now beside those of a baseline."""

    n: int
    """Networks with a value on both sides."""
    different: int
    """... whose two values differ by more than rounding."""
    lost: int
    """Networks with a value before and none now."""
    gained: int
    tau: float
    """Rank agreement of the two, tau-b; NaN with fewer than three networks or a constant side."""
    largest_difference: float
    """Relative to the larger value; NaN without networks."""

    @property
    def same(self) -> bool:
        """Whether nothing has changed."""
        return not (self.different or self.lost or self.gained)


def truth_drift(old: pd.Series[float], new: pd.Series[float]) -> TruthDrift:
    """How the truth has changed.

    Args:
        old: by architecture; NaN where there is no value.
        new: by architecture; what it does not list has none.
    """
    x, y = floats(old), floats(new.reindex(old.index))
    had, has = ~np.isnan(x), ~np.isnan(y)
    a, b = x[had & has], y[had & has]
    return TruthDrift(
        n=a.size,
        different=int((np.abs(a - b) > TRUTH_TOLERANCE * np.maximum(abs(a), abs(b))).sum()),
        lost=int((had & ~has).sum()),
        gained=int((~had & has).sum()),
        tau=kendall_tau_b(a, b) if a.size >= MIN_NETWORKS else math.nan,
        largest_difference=largest_difference(a, b),
    )
