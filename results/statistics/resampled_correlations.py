"""Rank correlations that several statistics need, each computed once, all in the same resamples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from untrained.results.statistics.bootstrap import (
    Resampling,
    bca_interval,
    percentile_interval,
    resample_counts,
)
from untrained.results.statistics.jackknife import leave_out_rank_correlations
from untrained.results.statistics.population import Floats, Mask, Population
from untrained.results.statistics.rank_correlation import kendall_tau_b, spearman_rho
from untrained.results.statistics.weighted_correlation import weighted_rank_correlations

MIN_NETWORKS = 3
"""With two networks every correlation is -1 or 1: no statement about an indicator."""

Pair = tuple[Floats, Floats]


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


class Rankings:
    """Tau-b and rho of rankings of one population: points, bootstrap replicates, jackknife.

    What has been computed is kept. All replicates come from the same resamples of the whole
    population, with missing scores left out of each, so differences between rankings are paired.
    """

    def __init__(self, population: Population, resampling: Resampling) -> None:
        """Compute nothing yet."""
        self.population = population
        self.resampling = resampling
        self._points: dict[Ranking, tuple[float, float]] = {}
        self._replicates: dict[Ranking, Pair] = {}
        self._jackknife: dict[Ranking, Pair] = {}

    def ranking(self, x: str, y: str | None = None, *, having: Iterable[str] = ()) -> Ranking:
        """How x ranks y (None: the truth), over the networks that have both and `having`."""
        names = (x, *having) if y is None else (x, y, *having)
        return Ranking(x, y, self.population.having(*names).tobytes())

    def resample(self, wanted: Iterable[Ranking]) -> None:
        """Have the replicates of these rankings; together they take less time than one by one."""
        missing = sorted(
            {one for one in wanted if one not in self._replicates and one.n >= MIN_NETWORKS},
            key=lambda one: (one.y or "", one.among, one.x),
        )
        # all rankings against the same values of the same networks share that side
        sides: dict[tuple[str | None, bytes], list[Ranking]] = {}
        for one in missing:
            sides.setdefault((one.y, one.among), []).append(one)
        chunks: dict[Ranking, list[Pair]] = {one: [] for one in missing}
        for counts in self.counts() if missing else ():
            for members in sides.values():
                mask = members[0].mask
                scores = np.array([self._values(one.x)[mask] for one in members])
                weights = counts if mask.all() else counts[mask]
                taus, rhos = weighted_rank_correlations(
                    scores, self._values(members[0].y)[mask], weights
                )
                for one, tau, rho in zip(members, taus, rhos, strict=True):
                    chunks[one].append((tau, rho))
        for one, parts in chunks.items():
            if parts:
                self._replicates[one] = (
                    np.concatenate([tau for tau, _ in parts]),
                    np.concatenate([rho for _, rho in parts]),
                )

    def counts(self) -> Iterable[np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
        """The counts of all resamples, the same at every call, in chunks (n, r)."""
        return resample_counts(
            self.population.size,
            self.resampling.resamples,
            np.random.default_rng(self.resampling.seed),
            clusters=self.population.clusters,
        )

    def replicates(self, ranking: Ranking) -> Pair:
        """Tau and rho in every resample; empty where there are too few networks."""
        self.resample([ranking])
        return self._replicates.get(ranking, (np.empty(0), np.empty(0)))

    def point(self, ranking: Ranking) -> tuple[float, float]:
        """Tau and rho themselves; NaN where there are too few networks."""
        if ranking not in self._points:
            if ranking.n < MIN_NETWORKS:
                return math.nan, math.nan
            mask = ranking.mask
            x, y = self._values(ranking.x)[mask], self._values(ranking.y)[mask]
            self._points[ranking] = kendall_tau_b(x, y), spearman_rho(x, y)
        return self._points[ranking]

    def jackknife(self, ranking: Ranking) -> Pair:
        """Tau and rho without each unit of the population in turn, scored or not."""
        if ranking not in self._jackknife:
            mask, clusters = ranking.mask, self.population.clusters
            labels = np.arange(self.population.size) if clusters is None else clusters
            self._jackknife[ranking] = leave_out_rank_correlations(
                self._values(ranking.x)[mask],
                self._values(ranking.y)[mask],
                labels[mask],
                num_clusters=self.population.num_units,
            )
        return self._jackknife[ranking]

    def interval(
        self, estimate: float, replicates: Floats, jackknife: Callable[[], Floats]
    ) -> tuple[float, float]:
        """The interval of a statistic, of the kind that was chosen; NaN without resamples."""
        confidence = self.resampling.confidence
        if self.resampling.interval == "percentile" or replicates.size == 0:
            return percentile_interval(replicates, confidence=confidence)
        return bca_interval(replicates, estimate, jackknife(), confidence=confidence)

    def _values(self, name: str | None) -> Floats:
        return self.population.truth if name is None else self.population.scores[name]
