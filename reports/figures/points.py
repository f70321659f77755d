"""The points of a scatter plot, and those that are marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

if TYPE_CHECKING:
    import pandas as pd


Scale = Literal["linear", "log", "symlog"]

DECADES = 2
"""A score that spans more decades than this may get a logarithmic axis."""
LARGEST_EXPONENT = 150
"""Limits and ticks of an axis overflow float64 well before its ends."""
CROWDED = 0.1
"""... if a linear axis would press at least half of the points into this share of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The pairs of one scatter plot, and how many could not be drawn."""

    x: npt.NDArray[np.float64]
    """Drawable scores, shape (points,)."""
    y: npt.NDArray[np.float64]
    """Drawable truth values, shape (points,)."""
    infinite: int
    """Pairs left out because the score is infinite."""
    extreme: int
    """Pairs left out because a number is finite but outside what an axis can be computed for."""
    missing: int
    """Architectures left out because the score or the truth is missing (or the truth infinite)."""
    names: tuple[str, ...] = ()
    """Architecture of each pair; empty where they are not known."""

    @property
    def scale(self) -> Scale:
        """The kind of axis that shows the scores best."""
        return axis_scale(self.x)

    @property
    def places(self) -> npt.NDArray[np.float64]:
        """Where the pairs stand in a picture of the unit square whose axis has that scale."""
        x = self.x
        if self.scale == "log":
            x = np.log(x)
        elif self.scale == "symlog":
            x = np.arcsinh(x / symlog_limit(x))
        corners = [(side - side.min()) / (np.ptp(side) or 1.0) for side in (x, self.y)]
        return np.column_stack(corners)

    def omissions(self) -> str:
        """Half a sentence on what is not drawn, empty if nothing is."""
        parts = []
        if self.missing:
            parts.append(f"{self.missing:,} missing")
        if self.infinite:
            parts.append(f"{self.infinite:,} infinite")
        if self.extreme:
            parts.append(f"{self.extreme:,} beyond 1e±{LARGEST_EXPONENT}")
        return f"not drawn: {', '.join(parts)}" if parts else ""


def points(scores: pd.Series[float], truth: pd.Series[float]) -> Points:
    """Join scores and truth by architecture and set aside what cannot be drawn.

    Args:
        scores: index architecture, NaN = missing; may be infinite.
        truth: index architecture, NaN = unknown.

    Returns:
        The drawable pairs in the order of the architectures' text, so that equal data are drawn
        equally whatever order they came in.
    """
    index = scores.index.union(truth.index, sort=True)
    x = np.asarray(scores.reindex(index), dtype=np.float64)
    y = np.asarray(truth.reindex(index), dtype=np.float64)
    known = ~np.isnan(x) & np.isfinite(y)
    finite = known & np.isfinite(x)
    drawn = finite & _drawable(x) & _drawable(y)
    return Points(
        x=x[drawn],
        y=y[drawn],
        infinite=int(np.count_nonzero(known & ~finite)),
        extreme=int(np.count_nonzero(finite & ~drawn)),
        missing=int(np.count_nonzero(~known)),
        names=tuple(map(str, index[drawn])),
    )


def _drawable(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    size = np.abs(values)
    largest = 10.0**LARGEST_EXPONENT
    within: npt.NDArray[np.bool_] = (size == 0) | ((size >= 1 / largest) & (size <= largest))
    return within


def axis_scale(x: npt.NDArray[np.float64]) -> Scale:
    """Logarithmic for scores that span more than two decades and crowd a linear axis.

    The second condition keeps a uniform score with one value near zero on a linear axis.

    Args:
        x: finite scores, shape (points,).

    Returns:
        `log` if all scores are positive, `symlog` if some are not, else `linear`.
    """
    size = np.abs(x[x != 0])
    if size.size == 0:
        return "linear"
    decades = np.log10(size.max()) - np.log10(size.min())
    if decades <= DECADES or np.median(np.abs(x)) > CROWDED * size.max():
        return "linear"
    return "log" if x.min() > 0 else "symlog"


def symlog_limit(x: npt.NDArray[np.float64]) -> float:
    """Up to where a symmetric logarithmic axis is linear: where next to nothing lies.

    Else the few values near zero would take all the room.
    """
    return float(np.quantile(np.abs(x[x != 0]), 0.05))


@dataclass(frozen=True, slots=True)
class Marked:
    """One network and why it is marked."""

    number: int
    roles: tuple[str, ...]
    architecture: str
    x: float
    y: float

    @property
    def sentence(self) -> str:
        """Roles and name."""
        return f"{', '.join(self.roles)}: {self.architecture}"


def marked(points: Points, *, higher_is_better: bool, larger_truth_is_better: bool) -> list[Marked]:
    """At most four networks; one that has several roles stands once.

    Of equal candidates the first in the order of the points counts. Ranks of ties are averaged.
    """
    if not points.names or points.x.size < 2:
        return []
    score = stats.rankdata(points.x if higher_is_better else -points.x)
    truth = stats.rankdata(points.y if larger_truth_is_better else -points.y)
    if score.min() == score.max() or truth.min() == truth.max():
        return []
    roles: dict[int, list[str]] = {}
    for role, values in (
        ("highest truth", truth),
        ("best score", score),
        ("most overrated", score - truth),
        ("most underrated", truth - score),
    ):
        roles.setdefault(int(np.argmax(values)), []).append(role)
    return [
        Marked(number, tuple(those), points.names[i], float(points.x[i]), float(points.y[i]))
        for number, (i, those) in enumerate(roles.items(), start=1)
    ]
