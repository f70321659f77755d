"""Scores of the members of an aggregate and their ranks among the candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from untrained.foundation import Parameter

Ties = Literal["average", "dense", "best"]

_METHODS: dict[Ties, Literal["average", "dense", "max"]] = {
    "average": "average",
    "dense": "dense",
    "best": "max",  # counted from the worst, the best rank of equal values is the largest
}


def ties_parameter(default: Ties) -> Parameter:
    """How equal scores rank, as a parameter."""
    return Parameter(
        meaning="rank of equal scores: the average of theirs, one for all and the next number for "
        "the next score (dense), or the best of theirs",
        default=default,
        choices=tuple(_METHODS),
    )


def ranks(scores: MemberScores, ties: Ties) -> NDArray[np.float64]:
    """Ranks under each member, 1 for the worst candidate.

    Args:
        scores: without NaN; infinite scores rank first or last.
        ties: `average` (1, 2.5, 2.5, 4), `dense` (1, 2, 2, 3) or `best` (1, 3, 3, 4).

    Returns:
        Shape (architectures, members); halves at the finest, so that sums are exact.
    """
    found = rankdata(scores.oriented, method=_METHODS[ties], axis=0)
    return np.asarray(found, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class MemberScores:
    """Scores of some indicators, as measured, and which way each is better."""

    raw: pd.DataFrame
    """One row an architecture, one column a member; NaN = missing. Infinite values are legal."""
    higher_is_better: Mapping[str, bool]
    """By member."""
    diverged: pd.DataFrame | None = None
    """True where a missing score is missing because it diverged; of the shape of `raw`."""

    @property
    def oriented(self) -> NDArray[np.float64]:
        """The scores with a sign that makes larger better, shape (architectures, members)."""
        signs = [1.0 if self.higher_is_better[name] else -1.0 for name in self.raw.columns]
        return np.asarray(self.raw.to_numpy(dtype=np.float64) * np.array(signs), dtype=np.float64)

    def column(self, place: int) -> NDArray[np.float64]:
        """The raw scores of the member at a place, shape (architectures,)."""
        return self.raw.iloc[:, place].to_numpy(dtype=np.float64)

    def candidates(self, members: tuple[str, ...], *, diverged_last: bool) -> MemberScores:
        """The scores of some members over the architectures that have all of them.

        Args:
            members: columns of `raw`, in the order wanted; one that `raw` lacks has no score.
            diverged_last: whether a diverged score is worse than every other, instead of missing.

        Returns:
            Scores without NaN, maybe of no architecture.
        """
        raw = self.raw.reindex(columns=list(members))
        if diverged_last and self.diverged is not None:
            worst = {n: -np.inf if self.higher_is_better[n] else np.inf for n in members}
            failed = self.diverged.reindex(columns=list(members), fill_value=False) & raw.isna()
            raw = raw.mask(failed, pd.Series(worst), axis="columns")
        return MemberScores(raw.dropna(), {name: self.higher_is_better[name] for name in members})
