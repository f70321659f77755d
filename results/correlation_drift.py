"""Whether the rank correlation with the truth has moved, on the same networks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from untrained.results.bootstrap import Resampling
from untrained.results.pairwise import bootstrap_p
from untrained.results.population import Population
from untrained.results.rankings import Rankings
from untrained.results.score_changes import MARGIN


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
        new: by architecture.
        truth: true values, larger is better, by architecture; NaN where there is none.
        old_higher_is_better: the indicator's direction as it was.
        new_higher_is_better: as it is.
        level: chance of a difference beyond the tolerance if nothing has changed.
        resamples: how many.
        seed: of the resamples.
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
