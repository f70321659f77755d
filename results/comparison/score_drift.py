"""Whether new scores rank the same networks as old ones did: at the same seed, or at another.

At the same seed a score is the same number again but for rounding, so Spearman's rho must not fall
below 0.999. At another seed the networks have other weights, and the question is whether the new
scores differ from the old ones by more than those differ from each other. That has an exact answer.

Every random number of a score derives from its seed and its architecture. If nothing has changed,
the K old scores and the new one of a network are therefore exchangeable, and networks are
independent of each other. Choosing anew, for every network by itself, which of its K + 1 scores
counts as the new one gives a rerun that is as likely as the real one. The share of such reruns that
agree no better with the rest is the p-value of a permutation test, which has its level exactly,
whatever the distribution of the scores (Lehmann and Romano, Testing Statistical Hypotheses, 2005,
chapter 15).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from untrained.results.comparison.score_changes import largest_difference
from untrained.results.statistics.population import Floats, check_unique, floats
from untrained.results.statistics.rank_correlation import dense_ranks, mid_ranks, spearman_rho
from untrained.results.statistics.resampled_correlations import MIN_NETWORKS

SAME_RHO = 0.999
"""Spearman's rho of scores at the same seed. Rounding on another machine exchanges neighbours: of
40 networks five pairs may change places (6 * 10 / (40^3 - 40) = 0.0009); a changed indicator
disturbs more."""
FIRST_LOOK = 999
"""Reruns after which an unsuspicious p is left as it is."""
SUSPICIOUS = 0.02
CHUNK_SCORES = 1 << 20
"""Scores drawn at once, over all networks, which bounds the memory."""
EQUAL = 1e-12
"""Coefficients that differ by less are equal but for rounding."""


@dataclass(frozen=True, slots=True)
class ScoreDrift:
    """New scores of one indicator beside old ones of the same networks."""

    n: int
    """Networks with a new score and all old ones."""
    rho: float
    """Spearman's rho of the new scores with the old; with several old seeds, with the mean of the
    ranks that they give a network among all scores. NaN with fewer than three networks, and where
    one side is constant."""
    identical: int
    """Networks whose new score is equal to the old at the same seed; 0 at another seed."""
    largest_difference: float
    """Of the two scores of a network relative to the larger; NaN at another seed."""
    usual_low: float
    """5th and 95th percentile of rho if nothing has changed; NaN at the same seed."""
    usual_high: float
    p: float
    """One-sided: chance of a rho as low if nothing has changed. NaN at the same seed."""
    constant: bool = False
    """Whether the new scores are all alike, and the old ones were not."""
    awakened: bool = False
    """Whether the old scores were all alike, and the new ones are not."""


def same_seed_drift(old: pd.Series[float], new: pd.Series[float]) -> ScoreDrift:
    """New scores against the old ones of the same seed.

    Args:
        old: by architecture; NaN where there is none.

    Returns:
        The drift; rho is 1 exactly where both order all networks alike, also if they are all tied.

    Raises:
        ValueError: an architecture is listed twice.
    """
    both = _common({"old": old, "new": new})
    a, b = both[:, 0], both[:, 1]
    rho, constant, awakened = _agreement(a, b)
    return ScoreDrift(
        n=a.size,
        rho=rho,
        identical=int((a == b).sum()),
        largest_difference=largest_difference(a, b),
        usual_low=math.nan,
        usual_high=math.nan,
        p=math.nan,
        constant=constant,
        awakened=awakened,
    )


def other_seed_drift(
    old: pd.DataFrame, new: pd.Series[float], *, level: float, seed: int = 0
) -> ScoreDrift:
    """New scores against those of several old seeds, none of which they were measured with.

    Args:
        old: one column a seed, indexed by architecture; NaN where there is no score.
        level: p below which the caller will act; decides how many reruns are drawn.

    Returns:
        The drift. p is the share of reruns, the real one counted, whose rho is not larger; it is
        never below one over their number, which is at most half the level.

    Raises:
        ValueError: an architecture is listed twice, or there is no old seed.
    """
    if old.shape[1] == 0:
        raise ValueError("there are no old scores to compare with")
    columns = {str(place): old[name] for place, name in enumerate(old.columns)}
    table = _common({**columns, "new": new})
    n, last = table.shape[0], table.shape[1] - 1
    constant = bool(n and (table[:, last] == table[0, last]).all())
    seed_free = bool((table[:, :last] == table[:, :1]).all())
    if n < MIN_NETWORKS or seed_free:
        rho, lost, awakened = _agreement(table[:, 0], table[:, last])
        return ScoreDrift(n, rho, 0, math.nan, math.nan, math.nan, math.nan, lost, awakened)
    pooled = mid_ranks(table.ravel()).reshape(table.shape)
    observed = float(_rhos(table, pooled, np.full((1, n), last))[0])
    if math.isnan(observed):
        varied = not (table[:, :last] == table[0, 0]).all()
        return ScoreDrift(
            n, math.nan, 0, math.nan, math.nan, math.nan, math.nan, constant and varied
        )
    generator = np.random.default_rng(seed)

    def reruns(count: int) -> Floats:
        return _rhos(table, pooled, generator.integers(last + 1, size=(count, n)))

    chunk = max(1, CHUNK_SCORES // n)
    first = np.concatenate([reruns(count) for count in _chunks(FIRST_LOOK, chunk)])
    low, high = np.quantile(first[~np.isnan(first)], [0.05, 0.95])
    beyond, drawn = _not_larger(first, observed), FIRST_LOOK
    if (beyond + 1) / (drawn + 1) < SUSPICIOUS:
        for count in _chunks(math.ceil(2 / level) - drawn, chunk):
            beyond, drawn = beyond + _not_larger(reruns(count), observed), drawn + count
    return ScoreDrift(n, observed, 0, math.nan, float(low), float(high), (beyond + 1) / (drawn + 1))


def _common(columns: dict[str, pd.Series[float]]) -> Floats:
    """The networks that have all columns, in the order of their names: shape (n, columns)."""
    for name, column in columns.items():
        check_unique(f"{name} scores", column.index)
    frame = pd.concat(columns, axis=1, join="inner").sort_index()
    table = np.column_stack([floats(frame[name]) for name in frame.columns])
    return np.asarray(table[~np.isnan(table).any(axis=1)], dtype=np.float64)


def _agreement(a: Floats, b: Floats) -> tuple[float, bool, bool]:
    """Rho, and whether b alone is constant, and a alone."""
    if a.size < MIN_NETWORKS:
        return math.nan, False, False
    ranks, others = dense_ranks(a), dense_ranks(b)
    if np.array_equal(ranks, others):
        return 1.0, False, False
    return spearman_rho(a, b), not others.any(), not ranks.any()


def _chunks(total: int, size: int) -> Iterator[int]:
    """How many at once until there are as many as wanted."""
    for start in range(0, total, size):
        yield min(size, total - start)


def _rhos(table: Floats, pooled: Floats, chosen: NDArray[np.int64]) -> Floats:
    """Rho of every rerun: of the chosen scores with the mean rank of the others.

    Args:
        table: scores, shape (n, K + 1).
        pooled: their ranks among all, the same shape.
        chosen: shape (reruns, n), which column counts as the new one.
    """
    rows = np.arange(table.shape[0])
    new = rankdata(table[rows, chosen], axis=1)
    rest = rankdata(pooled.sum(axis=1) - pooled[rows, chosen], axis=1)
    new -= new.mean(axis=1, keepdims=True)
    rest -= rest.mean(axis=1, keepdims=True)
    sizes = np.sqrt((new**2).sum(axis=1) * (rest**2).sum(axis=1))
    with np.errstate(invalid="ignore"):
        return np.asarray((new * rest).sum(axis=1) / sizes, dtype=np.float64)


def _not_larger(rhos: Floats, observed: float) -> int:
    # a rerun that happens to be constant agrees with nothing
    return int((np.isnan(rhos) | (rhos <= observed + EQUAL)).sum())
