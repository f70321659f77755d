"""Routes of searches on a plane of architectures, and series that searches logged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.results.searches.runs import Curve, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """One height of a landscape."""

    label: str
    height: Floats
    """Of each network, its rank from 0 (the worst) to 1; NaN where it has no value. (n,)."""
    explained: float
    """R² of the linear fit of these ranks on the two coordinates."""


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """The incumbents of one run, each once where it became one."""

    label: str
    run: int
    points: Floats
    """(steps, 2)."""
    evaluations: NDArray[np.int64]
    """At which each became the incumbent."""


@dataclass(frozen=True, slots=True, eq=False)
class Landscape:
    """Networks on a plane, several heights above it, and routes of searches across."""

    points: Floats
    """(n, 2)."""
    surfaces: tuple[Surface, ...]
    routes: tuple[Route, ...]
    decisions: int
    """Of an architecture: the largest edit distance."""
    share: float
    """Of the variance of the embedding that lies in the plane."""


@dataclass(frozen=True, slots=True, eq=False)
class Logged:
    """What a search logged, by evaluations: mean over runs with a band."""

    label: str
    curves: dict[str, Curve]
    """By the name of the series, in the order they are shown."""


@dataclass(frozen=True, slots=True, eq=False)
class Pruning:
    """Two scores of a supernet before each round of pruning it."""

    label: str
    x_name: str
    y_name: str
    runs: tuple[Floats, ...]
    """By run, (rounds, 2): x and y."""
