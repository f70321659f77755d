"""Drift of scores, correlations, coverage and truth from a baseline, and what is said of it.

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

Agreement alone does not see new scores in another unit: reruns that mix two units agree with
nothing either. Two further statistics look at the rank of the new score among the K + 1 of its own
network: the mean over the networks (location), and the mean square of its distance from the middle
(spread). Under exchangeability each of the K + 1 places is equally likely, so their distributions
are computed exactly. And agreement is that of ranks within each seed, which have no unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray
from scipy.special import ndtri

from untrained.results.comparison.score_changes import (
    MARGIN,
    TOLERANCE,
    ValueChange,
    compare_values,
)
from untrained.results.statistics.bootstrap import SAME, Resampling
from untrained.results.statistics.population import (
    MIN_NETWORKS,
    Floats,
    Population,
    Rankings,
    check_unique,
    floats,
)


@dataclass(frozen=True, slots=True)
class CorrelationDrift:
    """tau-b with the truth before and now, over the networks that have all scores."""

    n: int
    tau_before: float
    """The mean over the old seeds. NaN with fewer than three networks, and where a side is
    constant."""
    tau: float
    tolerance: float
    """Limit of |delta|; infinite if it cannot be computed."""
    p: float
    """Two-sided, of no difference; NaN where it cannot be had."""

    @property
    def delta(self) -> float:
        """Compute tau - tau_before."""
        return self.tau - self.tau_before

    @property
    def moved(self) -> bool:
        """Check whether the difference exceeds the tolerance, or only one of the two exists."""
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
    """Compare tau-b before and now, and compute how far it may move by chance.

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
    _, p, error = rankings.difference(now, *olds)
    z = float(-ndtri(level / 2))
    return CorrelationDrift(
        n=population.size,
        tau_before=float(np.mean([rankings.point(one)[0] for one in olds])),
        tau=rankings.point(now)[0],
        tolerance=math.inf if math.isnan(error) else max(MARGIN, z * error),
        p=p,
    )


@dataclass(frozen=True, slots=True)
class CoverageDrift:
    """Numbers of networks of a baseline that have a score now, and had one."""

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
    """Count the networks that have lost or gained a score.

    Under the hypothesis that nothing has changed, the K old scores and the new one of a network are
    exchangeable (the module says why): given that m of the K + 1 are missing, the new one is
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
    """Compute P(sum of independent coin tosses >= count)."""
    distribution = np.ones(1)
    for chance in chances:
        distribution = np.convolve(distribution, [1 - chance, chance])
    return float(min(1.0, distribution[count:].sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthDrift(ValueChange):
    """True values now beside those of a baseline."""

    different: int
    """Networks whose two values differ by more than rounding: tables hold single precision."""

    @property
    def same(self) -> bool:
        """Check whether nothing has changed."""
        return not (self.different or self.lost or self.gained)


def truth_drift(old: pd.Series[float], new: pd.Series[float]) -> TruthDrift:
    """Compare true values, given as to `compare_values`."""
    x, y = floats(old), floats(new.reindex(old.index))
    # where a value is missing the comparison is with NaN, and false
    different = np.abs(x - y) > TOLERANCE * np.maximum(abs(x), abs(y))
    return TruthDrift(**asdict(compare_values(old, new)), different=int(different.sum()))


SAME_RHO = 0.999
"""Spearman's rho of scores at the same seed. Rounding on another machine exchanges neighbours: of
40 networks five pairs may change places (6 * 10 / (40^3 - 40) = 0.0009); a changed indicator
disturbs more."""
FIRST_LOOK = 999
"""Reruns after which an unsuspicious p is left as it is."""
SUSPICIOUS = 0.02
CHUNK_SCORES = 1 << 20
"""Scores drawn at once, over all networks, which bounds the memory."""


@dataclass(frozen=True, slots=True)
class ScoreDrift:
    """New scores of one indicator beside old ones of the same networks."""

    n: int
    """Networks with a new score and all old ones."""
    rho: float
    """Spearman's rho of the new scores with the old; with several old seeds, of the ranks among the
    new scores with the mean of those within each old seed. NaN with fewer than three networks, and
    where one side is constant."""
    identical: int = 0
    """Networks whose new score is equal to the old; 0 where the seed matters and is another."""
    largest_difference: float = math.nan
    """Of the two scores of a network relative to the larger; NaN where the seed matters and is
    another."""
    usual_low: float = math.nan
    """5th and 95th percentile of rho if nothing has changed; NaN at the same seed."""
    usual_high: float = math.nan
    p: float = math.nan
    """One-sided: chance of a rho as low if nothing has changed. NaN at the same seed."""
    p_location: float = math.nan
    """Two-sided: chance that new scores lie as far above or below the old ones of their networks.
    NaN at the same seed."""
    p_spread: float = math.nan
    """Two-sided: chance that new scores lie as far outside or inside the old ones of their
    networks. NaN at the same seed."""
    constant: bool = False
    """Whether the new scores are all equal, and the old ones were not."""
    awakened: bool = False
    """Whether the old scores were all equal, and the new ones are not."""


def same_seed_drift(old: pd.Series[float], new: pd.Series[float]) -> ScoreDrift:
    """Compare new scores with the old ones of the same seed.

    Args:
        old: by architecture; NaN where there is none.

    Returns:
        The drift; rho is 1 exactly where both order all networks alike, also if they are all tied.

    Raises:
        ValueError: an architecture is listed twice.
    """
    table = _common({"old": old, "new": new})
    change = compare_values(pd.Series(table[:, 0]), pd.Series(table[:, 1]))
    one_sided = change.n >= MIN_NETWORKS and math.isnan(change.rho)
    constant = one_sided and bool((table[:, 1] == table[0, 1]).all())
    return ScoreDrift(
        n=change.n,
        rho=change.rho,
        identical=change.identical,
        largest_difference=change.largest_difference,
        constant=constant,
        awakened=one_sided and not constant,
    )


def other_seed_drift(
    old: pd.DataFrame, new: pd.Series[float], *, level: float, seed: int = 0
) -> ScoreDrift:
    """Compare new scores with those of several old seeds, none of which is the new one.

    Args:
        old: one column a seed, indexed by architecture; NaN where there is no score.
        level: p below which the caller will act; decides how many reruns are drawn.

    Returns:
        The drift. p is the share of reruns, the real one counted, whose rho is not larger; it is
        never below one over their number, which is at most half the level. A rerun exchanges ranks
        within columns, which are scores only up to their column's other scores: its level is not
        exact by argument, but measured. The p of location and spread are exact.

    Raises:
        ValueError: an architecture is listed twice, or there is no old seed.
    """
    if old.shape[1] == 0:
        raise ValueError("there are no old scores to compare with")
    columns = {str(place): old[name] for place, name in enumerate(old.columns)}
    table = _common({**columns, "new": new})
    n, last = table.shape[0], table.shape[1] - 1
    seed_free = bool((table[:, :last] == table[:, :1]).all())
    if n < MIN_NETWORKS or seed_free:
        return same_seed_drift(pd.Series(table[:, 0]), pd.Series(table[:, last]))
    ranks = scipy.stats.rankdata(table, axis=0)
    observed = float(_rhos(ranks, np.full((1, n), last))[0])
    if math.isnan(observed):
        constant = (table[:, last] == table[0, last]).all()
        varied = not (table[:, :last] == table[0, 0]).all()
        return ScoreDrift(n, math.nan, constant=bool(constant and varied))
    generator = np.random.default_rng(seed)

    def reruns(count: int) -> Floats:
        return _rhos(ranks, generator.integers(last + 1, size=(count, n)))

    chunk = max(1, CHUNK_SCORES // n)
    first = np.concatenate([reruns(count) for count in _chunks(FIRST_LOOK, chunk)])
    low, high = np.quantile(first[~np.isnan(first)], [0.05, 0.95])
    beyond, drawn = _not_larger(first, observed), FIRST_LOOK
    if (beyond + 1) / (drawn + 1) < SUSPICIOUS:
        for count in _chunks(math.ceil(2 / level) - drawn, chunk):
            beyond, drawn = beyond + _not_larger(reruns(count), observed), drawn + count
    location, spread = _within_networks(table)
    return ScoreDrift(
        n,
        observed,
        usual_low=float(low),
        usual_high=float(high),
        p=(beyond + 1) / (drawn + 1),
        p_location=location,
        p_spread=spread,
    )


def _within_networks(table: Floats) -> tuple[float, float]:
    """Compute the p of location and spread of the last column among all scores of each network."""
    # twice the mid-rank, counted from the middle: whole numbers
    ranks = scipy.stats.rankdata(table, axis=1)
    places = np.rint(2 * ranks).astype(np.int64) - (table.shape[1] + 1)
    return _exchange_p(places), _exchange_p(places**2)


def _exchange_p(values: NDArray[np.int64]) -> float:
    """Compute the two-sided p of the sum of the last column, if each row is exchangeable.

    A row adds any of its values with the same probability, and rows are independent: the
    distribution of the sum is the convolution of the rows'.

    Args:
        values: shape (n, K + 1).
    """
    shifted = values - values.min()
    columns = values.shape[1]
    distribution = np.ones(1)
    for row in shifted:
        distribution = np.convolve(distribution, np.bincount(row) / columns)
    # times the number of columns, so that sum and mean are whole numbers
    distances = np.abs(columns * np.arange(distribution.size) - int(shifted.sum()))
    own = abs(columns * int(shifted[:, -1].sum()) - int(shifted.sum()))
    return float(min(1.0, distribution[distances >= own].sum()))


def _common(columns: dict[str, pd.Series[float]]) -> Floats:
    """Select the networks that have all columns, sorted by name: shape (n, columns)."""
    for name, column in columns.items():
        check_unique(f"{name} scores", column.index)
    frame = pd.concat(columns, axis=1, join="inner").sort_index()
    table = np.column_stack([floats(frame[name]) for name in frame.columns])
    return np.asarray(table[~np.isnan(table).any(axis=1)], dtype=np.float64)


def _chunks(total: int, size: int) -> Iterator[int]:
    """Split a total into parts of at most a size."""
    for start in range(0, total, size):
        yield min(size, total - start)


def _rhos(ranks: Floats, chosen: NDArray[np.int64]) -> Floats:
    """Compute rho of every rerun: of the chosen scores with the mean rank of the others.

    Args:
        ranks: of the scores within each column, shape (n, K + 1).
        chosen: shape (reruns, n), which column counts as the new one.
    """
    rows = np.arange(ranks.shape[0])
    new = scipy.stats.rankdata(ranks[rows, chosen], axis=1)
    rest = scipy.stats.rankdata(ranks.sum(axis=1) - ranks[rows, chosen], axis=1)
    new -= new.mean(axis=1, keepdims=True)
    rest -= rest.mean(axis=1, keepdims=True)
    sizes = np.sqrt((new**2).sum(axis=1) * (rest**2).sum(axis=1))
    with np.errstate(invalid="ignore"):
        return np.asarray((new * rest).sum(axis=1) / sizes, dtype=np.float64)


def _not_larger(rhos: Floats, observed: float) -> int:
    # a rerun that happens to be constant agrees with nothing
    return int((np.isnan(rhos) | (rhos <= observed + SAME)).sum())


Tier = Literal["definition", "golden", "coverage", "scores", "correlation", "truth"]
"""Tiers of a check, in the order of its findings.

`golden`, `scores` and `correlation` are the three tiers of the gate; `definition`, `coverage` and
`truth` say whether the comparison makes sense and is about the same networks and values.
"""
TIERS: tuple[Tier, ...] = get_args(Tier)

Outcome = Literal["holds", "moved", "worse", "changed", "missing", "new", "unknown"]
"""`moved`: values differ by more than the tolerance; `worse`: scores were lost; `changed`: not
comparable, by a version or protocol; `missing`: nothing to compare; `new`: not in the baseline;
`unknown`: this could not be checked, and the text says why."""
FAILING: frozenset[Outcome] = frozenset({"moved", "worse", "changed", "missing"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement of the gate."""

    tier: Tier
    subject: str
    """An indicator, or `truth`."""
    outcome: Outcome
    text: str
    """Finding with its size and certainty, in words."""
    space: str = ""
    """Search space; empty where the statement is about none."""
    measure: str = ""
    """Meaning of `value` and `limit`."""
    value: float = math.nan
    limit: float = math.nan
    """The tolerance that the value is held against."""
    n: int = 0
    """Networks that the value is over."""
    p: float = math.nan
    """Chance of a value at least as far off if nothing has changed; NaN where nothing is random."""

    @property
    def failed(self) -> bool:
        """Check whether this makes the gate fail."""
        return self.outcome in FAILING

    @property
    def order(self) -> tuple[int, str, str]:
        """Return the sort key of findings."""
        return TIERS.index(self.tier), self.space, self.subject
