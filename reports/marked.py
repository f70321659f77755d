"""The networks of a scatter plot that are worth naming: the best, the chosen, the misjudged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from untrained.reports.points import Points


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

    Args:
        points: with names; none gives none.
        higher_is_better: direction of the score.
        larger_truth_is_better: direction of the truth.
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
