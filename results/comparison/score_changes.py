"""Changes between two sets of scores of the same indicators, and whether they matter."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from untrained.results.statistics.bootstrap import Resampling
from untrained.results.statistics.pairwise import holm
from untrained.results.statistics.population import (
    MIN_NETWORKS,
    Floats,
    Population,
    Ranking,
    Rankings,
    check_unique,
    floats,
)
from untrained.results.statistics.rank_correlation import dense_ranks, kendall_tau_b, spearman_rho

Verdict = Literal["same", "same order", "within noise", "negligible", "moved", "cannot say"]

TOLERANCE = 1e-6
"""Relative difference up to which two scores are the same but for rounding in single precision."""
MARGIN = 0.01
"""A change of tau-b below this is of no consequence: papers print two or three digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChange:
    """Scores, or true values, of the same architectures before and after.

    Numbers that compare are over the architectures with a value on both sides; coefficients are
    NaN with fewer than three of them, and where one side alone is constant.
    """

    n: int
    """Architectures with a value on both sides."""
    lost: int
    """... with a value before and none after."""
    gained: int
    """... with a value after and none before."""
    identical: int
    """... whose two values are equal to the last bit."""
    largest_difference: float
    """Of the two values of an architecture, relative to the larger; infinite beside a finite one
    is infinite; NaN without pairs."""
    rho: float
    """Spearman's rho of the values after with those before."""
    tau: float
    """tau-b of the same; exactly 1 where both sides order all alike, ties included, and there
    only."""


def compare_values(before: pd.Series[float], after: pd.Series[float]) -> ValueChange:
    """Compare two columns of values.

    Args:
        before: by architecture; NaN where there is no value.
        after: by architecture; what it does not list has no value, what `before` does not list is
            left out.
    """
    x, y = floats(before), floats(after.reindex(before.index))
    had, has = ~np.isnan(x), ~np.isnan(y)
    a, b = x[had & has], y[had & has]
    rho = tau = math.nan
    if a.size >= MIN_NETWORKS:
        alike = np.array_equal(dense_ranks(a), dense_ranks(b))
        rho, tau = (1.0, 1.0) if alike else (spearman_rho(a, b), kendall_tau_b(a, b))
    return ValueChange(
        n=a.size,
        lost=int((had & ~has).sum()),
        gained=int((~had & has).sum()),
        identical=int((a == b).sum()),
        largest_difference=largest_difference(a, b),
        rho=rho,
        tau=tau,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreChange(ValueChange):
    """One indicator's scores before and after, over the architectures that both sides list.

    What does not exist is NaN: fewer than three architectures with both scores and a true value,
    a constant side, no truth.
    """

    indicator: str
    n_listed: int
    """Architectures that both sides list, scored or not."""
    n_truth: int
    """Architectures with both scores and a true value."""
    tau_before: float
    """tau-b with the truth."""
    tau_after: float
    delta: float
    """tau_after - tau_before."""
    delta_low: float
    delta_high: float
    """Paired bootstrap interval."""
    p: float
    """Two-sided, of no difference, by the bootstrap standard error; NaN where both sides order all
    architectures alike, so that there is nothing to test and nothing for Holm to count."""
    p_holm: float
    """p adjusted by Holm's method for the indicators of the comparison that have a p."""
    verdict: Verdict = "cannot say"
    """See `verdict_of`."""

    @property
    def coverage_before(self) -> float:
        """Compute the fraction of the listed architectures that had a score; NaN without any."""
        return (self.n + self.lost) / self.n_listed if self.n_listed else math.nan

    @property
    def coverage_after(self) -> float:
        """Compute the fraction of the listed architectures that have a score; NaN without any."""
        return (self.n + self.gained) / self.n_listed if self.n_listed else math.nan


def compare_scores(
    before: pd.DataFrame,
    after: pd.DataFrame,
    truth: pd.Series[float] | None = None,
    *,
    higher_is_better: Mapping[str, bool],
    resampling: Resampling | None = None,
    tolerance: float = TOLERANCE,
    margin: float = MARGIN,
) -> tuple[ScoreChange, ...]:
    """Compare two sets of scores, for every indicator that both have.

    The two sides of an indicator, and all indicators, see the same resamples of the architectures
    that both sides list and that have a true value.

    Args:
        before: one column an indicator, indexed by architecture; NaN where there is no score.
        after: the same; architectures and indicators of one side alone are left out.
        truth: true values, larger is better, indexed by architecture; None: tau cannot be had.
        higher_is_better: the direction of each common indicator.
        tolerance: relative difference up to which scores count as the same.
        margin: change of tau-b that is of no consequence.

    Returns:
        One change an indicator, in the order of `before`'s columns.

    Raises:
        ValueError: an architecture is listed twice, or an indicator has no direction.
    """
    check_unique("the scores before", before.index)
    check_unique("the scores after", after.index)
    resampling = resampling or Resampling()
    names = [str(name) for name in before.columns if name in after.columns]
    listed = before.index.intersection(after.index).sort_values()
    old, new = before.reindex(listed), after.reindex(listed)
    known = pd.Series(math.nan, index=listed) if truth is None else truth.reindex(listed)
    rankings = _rankings({"before": old, "after": new}, names, known, higher_is_better, resampling)
    pairs = {
        name: rankings.pair(f"before {place}", f"after {place}") for place, name in enumerate(names)
    }
    rankings.resample(one for pair in pairs.values() for one in pair)
    found = [_change(name, old[name], new[name], rankings, pairs[name]) for name in names]
    adjusted = holm([one.p for one in found])
    found = [replace(one, p_holm=p) for one, p in zip(found, adjusted, strict=True)]
    level = 1 - resampling.confidence
    return tuple(
        replace(one, verdict=verdict_of(one, level=level, tolerance=tolerance, margin=margin))
        for one in found
    )


def verdict_of(
    change: ScoreChange,
    *,
    level: float = 0.05,
    tolerance: float = TOLERANCE,
    margin: float = MARGIN,
) -> Verdict:
    """Classify a change by whether it matters.

    Returns:
        The first that holds of what follows; architectures whose score was lost or gained count for
        none of them.

        - `moved`: tau-b is told apart from what it was, and may have changed by the margin or more;
          or the scores of one side have become all the same;
        - `same`: all scores agree within the tolerance;
        - `same order`: scores differ, but order all architectures as before, ties included;
        - `negligible`: tau-b is told apart from what it was, but the whole interval is within the
          margin;
        - `within noise`: tau-b is not told apart from what it was, which the interval puts in
          numbers: with few architectures much may hide in it;
        - `cannot say`: scores differ and there is no p: no truth, too few architectures, no score.
    """
    apart = change.p_holm <= level
    small = max(abs(change.delta_low), abs(change.delta_high)) < margin
    constant = math.isnan(change.tau) and change.n >= MIN_NETWORKS
    rules: tuple[tuple[Verdict, bool], ...] = (
        ("moved", (apart and not small) or constant),
        ("cannot say", change.n == 0),
        ("same", change.largest_difference <= tolerance),
        ("same order", change.tau == 1),
        ("cannot say", math.isnan(change.p_holm)),
        ("negligible", apart),
    )
    return next((verdict for verdict, holds in rules if holds), "within noise")


def _rankings(
    sides: Mapping[str, pd.DataFrame],
    names: list[str],
    truth: pd.Series[float],
    higher_is_better: Mapping[str, bool],
    resampling: Resampling,
) -> Rankings:
    undirected = [name for name in names if name not in higher_is_better]
    if undirected:
        raise ValueError(f"higher_is_better says nothing about {', '.join(undirected)}")
    # numbers in place of names: two columns of one indicator must not collide with a third's name
    columns = {
        f"{side} {place}": frame[name]
        for place, name in enumerate(names)
        for side, frame in sides.items()
    }
    directions = {
        f"{side} {place}": higher_is_better[name]
        for place, name in enumerate(names)
        for side in sides
    }
    both = pd.DataFrame(columns, index=truth.index)
    return Rankings(Population.of(both, truth, higher_is_better=directions), resampling)


def _change(
    name: str,
    old: pd.Series[float],
    new: pd.Series[float],
    rankings: Rankings,
    pair: tuple[Ranking, Ranking],
) -> ScoreChange:
    before, after = pair
    change = compare_values(old, new)
    delta, p, _ = rankings.difference(after, before)
    return ScoreChange(
        **asdict(change),
        indicator=name,
        n_listed=len(old),
        n_truth=before.n,
        tau_before=rankings.point(before)[0],
        tau_after=rankings.point(after)[0],
        delta=delta.value,
        delta_low=delta.low,
        delta_high=delta.high,
        p=math.nan if change.tau == 1 else p,
        p_holm=math.nan,
    )


def largest_difference(a: Floats, b: Floats) -> float:
    """Compute the largest difference of paired values, relative to the larger of the two.

    Args:
        a: no NaN.

    Returns:
        From 0 to 2; infinite where an infinite value stands beside another one; NaN without pairs.
    """
    if a.size == 0:
        return math.nan
    differs = a != b
    if not differs.any():
        return 0.0
    x, y = a[differs], b[differs]
    if not (np.isfinite(x) & np.isfinite(y)).all():
        return math.inf
    # halved, so that a difference of two huge numbers of opposite sign does not overflow
    sizes = np.maximum(np.abs(x), np.abs(y))
    return float((2 * np.abs(x / sizes / 2 - y / sizes / 2)).max())


ABSENT = "absent"
"""In place of a status: no score of the architecture is stored."""


@dataclass(frozen=True, slots=True)
class SideChange:
    """Changes of status and cost of one indicator."""

    statuses: tuple[tuple[str, str, int], ...]
    """Status before, status after (`absent`: no row), and how many architectures that both sides
    list went from the one to the other; only changes, in alphabetical order."""
    alone_s_before: float
    """Median seconds over the architectures that were measured, not shared, on both sides; NaN
    where there are none."""
    alone_s_after: float

    @property
    def cost_ratio(self) -> float:
        """Compute the ratio of costs, after to before; NaN if a cost is unknown."""
        return self.alone_s_after / self.alone_s_before if self.alone_s_before else float("nan")


def compare_sides(before: pd.DataFrame, after: pd.DataFrame, listed: pd.Index[str]) -> SideChange:
    """Compare status and cost of one indicator.

    Args:
        before: rows of `ScoreStore.frame` of one indicator in one space, one version and protocol;
            of an architecture with several seeds the first status that is not `ok` counts, and the
            mean time.
        listed: the architectures that both sides list.
    """
    moves = Counter(zip(_statuses(before, listed), _statuses(after, listed), strict=True))
    costs = pd.concat([_costs(before), _costs(after)], axis=1, keys=["before", "after"])
    both = costs.reindex(listed).dropna()
    return SideChange(
        statuses=tuple(
            (old, new, count) for (old, new), count in sorted(moves.items()) if old != new
        ),
        alone_s_before=float(both["before"].median()),
        alone_s_after=float(both["after"].median()),
    )


def _statuses(rows: pd.DataFrame, listed: pd.Index[str]) -> list[str]:
    ordered = rows.assign(fine=rows["status"] == "ok").sort_values(["fine", "seed"])
    first = ordered.drop_duplicates("architecture").set_index("architecture")["status"]
    return [str(status) for status in first.reindex(listed).fillna(ABSENT)]


def _costs(rows: pd.DataFrame) -> pd.Series[float]:
    measured = rows[rows["representative"].isna()]
    return measured.groupby("architecture")["alone_s"].mean()
