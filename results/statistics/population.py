"""Scores and truth of the same architectures as arrays: what every statistic starts from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Architectures with a true value, in the order of their names; larger is better throughout."""

    truth: Floats
    """Shape (n,), no NaN."""
    scores: Mapping[str, Floats]
    """Each of shape (n,); NaN where there is no score, infinite values are legal ranks."""
    clusters: NDArray[np.int64] | None = None
    """0, 1, 2, ... for the functional class of each architecture; None: each is its own."""

    @classmethod
    def of(
        cls,
        scores: pd.DataFrame,
        truth: pd.Series[float],
        *,
        higher_is_better: Mapping[str, bool],
        clusters: pd.Series[str] | None = None,
    ) -> Population:
        """The architectures that `scores` lists and that have a true value.

        Scores of indicators for which lower is better are negated, here and nowhere else. The
        result depends on what is in the arguments and not on the order of their rows.

        Args:
            scores: one column an indicator, indexed by architecture; NaN where there is no score.
            truth: true values, larger is better, indexed by architecture.
            higher_is_better: the direction of each indicator.
            clusters: the functional class of each architecture, whatever the classes are called.

        Returns:
            Arrays in the order of the architectures' names.

        Raises:
            ValueError: an architecture is listed twice or has no class, or an indicator has no
                direction.
        """
        check_unique("scores", scores.index)
        check_unique("the truth", truth.index)
        undirected = sorted(str(name) for name in scores.columns if name not in higher_is_better)
        if undirected:
            raise ValueError(f"higher_is_better says nothing about {', '.join(undirected)}")
        known = truth.dropna()
        population = scores.index.intersection(known.index).sort_values()
        table = scores.reindex(population)
        return cls(
            truth=floats(known.reindex(population)),
            scores={
                str(name): floats(table[name]) * (1 if higher_is_better[name] else -1)
                for name in table.columns
            },
            clusters=None if clusters is None else _labels(clusters, population),
        )

    @property
    def size(self) -> int:
        """How many architectures there are."""
        return self.truth.size

    @property
    def num_units(self) -> int:
        """What a resample draws from: architectures, or functional classes where they are known."""
        if self.clusters is None:
            return self.size
        return int(self.clusters.max(initial=-1)) + 1

    def having(self, *names: str) -> Mask:
        """The architectures that have a score of each of these indicators."""
        mask = np.ones(self.size, dtype=np.bool_)
        for name in names:
            mask &= ~np.isnan(self.scores[name])
        return mask


def floats(column: pd.Series[float]) -> Floats:
    """A column as an array of float64, NaN where it is missing."""
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=math.nan), dtype=np.float64)


def _labels(clusters: pd.Series[str], population: pd.Index[str]) -> NDArray[np.int64]:
    check_unique("clusters", clusters.index)
    classes = clusters.reindex(population)
    if classes.isna().any():
        without = classes.index[classes.isna()]
        raise ValueError(
            f"clusters has no class for {without[0]!r} ({len(without):,} of {len(population):,} "
            "architectures); give every architecture one, its own name where it stands alone"
        )
    # numbered as they are met, so that resamples do not depend on what classes are called
    return np.asarray(pd.factorize(classes)[0], dtype=np.int64)


def check_unique(what: str, index: pd.Index[str]) -> None:
    """Refuse an architecture that is listed twice.

    Raises:
        ValueError: with the first such architecture.
    """
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise ValueError(f"{what} list {twice!r} twice; each architecture must stand once")
