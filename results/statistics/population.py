"""Scores of a population of architectures as arrays, and rank correlations in shared resamples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.foundation import derive
from untrained.results.statistics.bootstrap import (
    LINEAR_BEYOND,
    PARTS_BEYOND,
    Estimate,
    Resampling,
    bca_interval,
    bootstrap_p,
    counts_in_parts,
    percentile_interval,
    resample_counts,
    standard_error,
)
from untrained.results.statistics.concordance import concordances
from untrained.results.statistics.jackknife import leave_out_rank_correlations
from untrained.results.statistics.rank_correlation import (
    dense_ranks,
    kendall_tau_b,
    spearman_rho,
    weighted_tau,
)
from untrained.results.statistics.weighted_correlation import weighted_rank_correlations

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Architectures in the order of their names; larger is better throughout."""

    names: pd.Index[str]
    """The n architectures."""
    truth: Floats
    """Shape (n,), no NaN; all NaN where no truth is known."""
    scores: Mapping[str, Floats]
    """Each of shape (n,); NaN where there is no score, infinite values are legal ranks."""

    @classmethod
    def of(
        cls,
        scores: pd.DataFrame,
        truth: pd.Series[float] | None,
        *,
        higher_is_better: Mapping[str, bool],
    ) -> Population:
        """Select the architectures that `scores` lists and, given a truth, that have a true value.

        Scores of indicators for which lower is better are negated, here and nowhere else. The
        result depends on what is in the arguments and not on the order of their rows.

        Args:
            scores: one column an indicator, indexed by architecture; NaN where there is no score.
            truth: true values, larger is better, indexed by architecture; None: none is known.
            higher_is_better: the direction of each indicator.

        Returns:
            Arrays in the order of the architectures' names.

        Raises:
            ValueError: an architecture is listed twice, or an indicator has no direction.
        """
        check_unique("scores", scores.index)
        undirected = sorted(str(name) for name in scores.columns if name not in higher_is_better)
        if undirected:
            raise ValueError(f"higher_is_better says nothing about {', '.join(undirected)}")
        population = scores.index.sort_values()
        if truth is not None:
            check_unique("the truth", truth.index)
            population = population.intersection(truth.dropna().index, sort=False)
        table = scores.reindex(population)
        return cls(
            names=population,
            truth=np.full(len(population), math.nan)
            if truth is None
            else floats(truth.reindex(population)),
            scores={
                str(name): floats(table[name]) * (1 if higher_is_better[name] else -1)
                for name in table.columns
            },
        )

    @property
    def size(self) -> int:
        """How many architectures there are."""
        return self.truth.size

    def among(self, mask: Mask) -> Population:
        """Select architectures."""
        scores = {name: values[mask] for name, values in self.scores.items()}
        return Population(self.names[mask], self.truth[mask], scores)

    def having(self, *names: str) -> Mask:
        """Select the architectures that have a score of each of these indicators."""
        mask = np.ones(self.size, dtype=np.bool_)
        for name in names:
            mask &= ~np.isnan(self.scores[name])
        return mask


def floats(column: pd.Series[float]) -> Floats:
    """Convert a column to an array of float64, NaN where it is missing."""
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=math.nan), dtype=np.float64)


def one_of_each_class(classes: pd.Series[str], *, seed: int) -> pd.Index[str]:
    """Draw one architecture of each functional class, each member with equal probability.

    Members of a class compute the same function, but the parts of them that no output depends on
    count for their sizes: a rule such as the first by name would prefer small or large members.

    Args:
        classes: the functional class of each architecture, indexed by architecture. Neither the
            order of the rows nor the names of the classes matter.

    Returns:
        One architecture a class, sorted.

    Raises:
        ValueError: an architecture is listed twice or has no class.
    """
    check_unique("classes", classes.index)
    if classes.isna().any():
        without = classes.index[classes.isna()]
        raise ValueError(
            f"classes has no class for {without[0]!r} ({len(without):,} of {len(classes):,} "
            "architectures); give every architecture one, its own name where it stands alone"
        )
    order = np.random.default_rng(derive(seed, "members")).permutation(len(classes))
    shuffled = classes.sort_index().iloc[order]
    return shuffled.index[~shuffled.duplicated()].sort_values()


def check_unique(what: str, index: pd.Index[str]) -> None:
    """Refuse an architecture that is listed twice.

    Raises:
        ValueError: with the first such architecture.
    """
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise ValueError(f"{what} list {twice!r} twice; each architecture must stand once")


MIN_NETWORKS = 3
"""With two networks every correlation is -1 or 1: no statement about an indicator."""

DECISIVE = 0.02
"""Share of a coefficient's variance from which one network is decisive (`Rankings`). Just below it,
with all but fifty of 10,500 scores equal, ends of intervals moved by .15 of a standard error."""


class Ranking(NamedTuple):
    """One indicator's scores against the truth, or another's scores, over some architectures."""

    x: str
    y: str | None
    """None: the truth."""
    among: bytes
    """Which architectures, as the bytes of a mask."""

    @property
    def mask(self) -> Mask:
        """Which architectures."""
        return np.frombuffer(self.among, dtype=np.bool_)

    @property
    def n(self) -> int:
        """How many architectures."""
        return int(self.mask.sum())


class TauDifference(NamedTuple):
    """tau-b of one ranking minus that of another one of the same networks, paired."""

    estimate: Estimate
    p: float
    """Two-sided, as `bootstrap_p` has it."""
    error: float
    """The bootstrap standard error; NaN without resamples."""


class Rankings:
    """Tau-b and rho of rankings of one population: points, bootstrap replicates, jackknife.

    What has been computed is kept. All replicates come from the same resamples of the whole
    population, with missing scores left out of each, so differences between rankings are paired.
    Those of a ranking of more than `LINEAR_BEYOND` networks are linear in the counts of a resample:
    the estimate plus, for each network, its count less 1 times what the estimate loses without it.
    They are not where one network makes up more than `DECISIVE` of the variance of that: where
    all but a few are tied, say, and nothing may be defined without one of these.
    """

    def __init__(self, population: Population, resampling: Resampling) -> None:
        """Compute nothing yet."""
        self.population = population
        self.resampling = resampling
        self._ranks: dict[str | None, Integers] = {}
        self._points: dict[Ranking, tuple[float, float]] = {}
        self._replicates: dict[Ranking, Floats] = {}
        self._jackknife: dict[Ranking, Floats] = {}
        self._concordances: dict[Ranking, Integers] = {}

    def ranks(self, name: str | None) -> Integers:
        """Rank all networks by a score or the truth (None) from 1; 0 where it is missing."""
        if name not in self._ranks:
            values = self.population.truth if name is None else self.population.scores[name]
            known = ~np.isnan(values)
            self._ranks[name] = np.zeros(values.size, dtype=np.int64)
            self._ranks[name][known] = dense_ranks(values[known]) + 1
        return self._ranks[name]

    def ranking(self, x: str, y: str | None = None, *, having: Iterable[str] = ()) -> Ranking:
        """Name the ranking of y (None: the truth) by x over the networks with both and `having`."""
        names = (x, *having) if y is None else (x, y, *having)
        return Ranking(x, y, self.population.having(*names).tobytes())

    def pair(self, first: str, second: str) -> tuple[Ranking, Ranking]:
        """Name two indicators' rankings of the networks that have both scores."""
        return self.ranking(first, having=[second]), self.ranking(second, having=[first])

    def resample(self, wanted: Iterable[Ranking]) -> None:
        """Compute the replicates of these rankings, which takes less time than one by one."""
        missing = sorted(
            {one for one in wanted if one not in self._replicates and one.n >= MIN_NETWORKS},
            key=lambda one: (one.y or "", one.among, one.x),
        )
        if not missing or not self.resampling.resamples:
            return
        many = [one for one in missing if one.n > LINEAR_BEYOND]
        effects = self._effects(many)
        linear = {one for one, own in zip(many, effects, strict=True) if self._is_smooth(one, own)}
        exact = [one for one in missing if one not in linear]
        # all rankings against the same values of the same networks share that side
        sides: dict[tuple[str | None, bytes], list[Ranking]] = {}
        for one in exact:
            sides.setdefault((one.y, one.among), []).append(one)
        chunks: dict[Ranking, list[Floats]] = {one: [] for one in missing}
        for counts in self.counts():
            for members in sides.values():
                mask = members[0].mask
                scores = np.array([self.ranks(one.x)[mask] for one in members])
                weights = counts if mask.all() else counts[mask]
                found = weighted_rank_correlations(scores, self.ranks(members[0].y)[mask], weights)
                for one, *tau_and_rho in zip(members, *found, strict=True):
                    chunks[one].append(np.array(tau_and_rho))
            if linear:
                # one product of matrices, which takes a tenth of the time of one a ranking
                changes = effects.reshape(2 * len(many), -1) @ (counts - np.float64(1))
                for one, change in zip(many, changes.reshape(len(many), 2, -1), strict=True):
                    if one in linear:
                        own = np.reshape(self.point(one), (2, 1))
                        chunks[one].append(np.clip(own + change, -1.0, 1.0))
        for one, parts in chunks.items():
            self._replicates[one] = np.concatenate(parts, axis=1)

    def _effects(self, rankings: Sequence[Ranking]) -> Floats:
        """Compute what tau and rho of rankings lose without each network, shape (k, 2, n).

        Whole multiples of 2^-48, so that sums over a resample are exact in any order, and equal
        rankings differ by nothing.
        """
        effects = np.zeros((len(rankings), 2, self.population.size))
        for own, one in zip(effects, rankings, strict=True):
            lost = np.reshape(self.point(one), (2, 1)) - self._left_out(one)
            own[:, one.mask] = np.rint(lost * 2**48) / 2**48
        return effects

    def _is_smooth(self, ranking: Ranking, effects: Floats) -> bool:
        """Check whether no network is decisive, or nothing is defined at all."""
        if math.isnan(self.point(ranking)[0]):
            return True
        squares = effects**2
        return bool((squares.max(axis=1) <= DECISIVE * squares.sum(axis=1)).all())

    def _left_out(self, ranking: Ranking) -> Floats:
        return leave_out_rank_correlations(*self._sides(ranking), self._shares(ranking))

    def _sides(self, ranking: Ranking) -> tuple[Integers, Integers]:
        mask = ranking.mask
        return dense_ranks(self.ranks(ranking.x)[mask]), dense_ranks(self.ranks(ranking.y)[mask])

    def _shares(self, ranking: Ranking) -> Integers:
        """Compute what each network adds to the concordance, once for rankings of the truth."""
        if ranking in self._concordances:
            return self._concordances[ranking]
        shares = concordances(*self._sides(ranking))
        if ranking.y is None:
            self._concordances[ranking] = shares
        return shares

    def weighted_tau(self, ranking: Ranking) -> float:
        """Compute tau with weights that fall from the top; NaN with too few networks."""
        if ranking.n < MIN_NETWORKS:
            return math.nan
        shares = self._shares(ranking) if ranking.n > PARTS_BEYOND else None
        return weighted_tau(*self._sides(ranking), shares)

    def counts(self) -> Iterable[np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
        """Draw the counts of all resamples, the same at every call, in chunks (n, r)."""
        return resample_counts(
            self.population.size,
            self.resampling.resamples,
            np.random.default_rng(self.resampling.seed),
        )

    def counts_in_parts(self, num_points: int) -> Iterator[tuple[Integers, NDArray[np.float32]]]:
        """Draw the resamples of so many points from random parts of them."""
        resampling = self.resampling
        return counts_in_parts(
            num_points, resampling.resamples, np.random.default_rng(resampling.seed)
        )

    def replicates(self, ranking: Ranking) -> Floats:
        """Compute tau and rho in every resample, shape (2, R); R = 0 with too few networks."""
        self.resample([ranking])
        return self._replicates.get(ranking, np.empty((2, 0)))

    def point(self, ranking: Ranking) -> tuple[float, float]:
        """Compute tau and rho themselves; NaN with too few networks."""
        if ranking not in self._points:
            if ranking.n < MIN_NETWORKS:
                return math.nan, math.nan
            x, y = self._sides(ranking)
            self._points[ranking] = kendall_tau_b(x, y), spearman_rho(x, y)
        return self._points[ranking]

    def jackknife(self, ranking: Ranking) -> Floats:
        """Compute tau and rho without each network of the population in turn, shape (2, n)."""
        if ranking not in self._jackknife:
            # leaving out a network that is not ranked changes nothing
            whole = np.repeat(np.reshape(self.point(ranking), (2, 1)), self.population.size, axis=1)
            whole[:, ranking.mask] = self._left_out(ranking)
            self._jackknife[ranking] = whole
        return self._jackknife[ranking]

    def estimates(self, ranking: Ranking) -> tuple[Estimate, Estimate]:
        """Compute tau and rho, each with its interval."""
        (tau, rho), (taus, rhos) = self.point(ranking), self.replicates(ranking)
        return (
            Estimate(tau, *self.interval(tau, taus, lambda: self.jackknife(ranking)[0])),
            Estimate(rho, *self.interval(rho, rhos, lambda: self.jackknife(ranking)[1])),
        )

    def difference(self, first: Ranking, *others: Ranking) -> TauDifference:
        """Subtract from tau-b of one ranking the mean of that of one or several others."""
        delta = self.point(first)[0] - float(np.mean([self.point(one)[0] for one in others]))

        def paired(values: Callable[[Ranking], Floats]) -> Floats:
            means = np.mean([values(one)[0] for one in others], axis=0)
            return np.asarray(values(first)[0] - means, dtype=np.float64)

        deltas = paired(self.replicates)
        ends = self.interval(delta, deltas, lambda: paired(self.jackknife))
        return TauDifference(
            Estimate(delta, *ends), bootstrap_p(delta, deltas), standard_error(deltas)
        )

    def interval(
        self, estimate: float, replicates: Floats, jackknife: Callable[[], Floats]
    ) -> tuple[float, float]:
        """Compute the interval of a statistic, of the kind chosen; NaN without resamples."""
        confidence = self.resampling.confidence
        if self.resampling.interval == "percentile" or replicates.size == 0:
            return percentile_interval(replicates, confidence=confidence)
        return bca_interval(replicates, estimate, jackknife(), confidence=confidence)
