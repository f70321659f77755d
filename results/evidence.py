"""What is known of a new indicator: everything a verdict looks at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from untrained.results.pairwise import PairComparison
from untrained.results.searches_paired import PairedDifference
from untrained.results.stability import Stability
from untrained.results.standing import Standing

Relation = Literal["better", "worse", "not told apart", "the same ranking", "unknown"]

LEVEL = 0.05
"""Family-wise: p-values are adjusted by Holm's method for all baselines of a target."""
FEWEST = 10
"""Networks below which a difference is not judged: a single one of so few decides it."""


@dataclass(frozen=True, slots=True)
class Steadiness:
    """The ranking under another initialisation or batch."""

    space: str
    what: Literal["initialisation", "batch"]
    stability: Stability


@dataclass(frozen=True, slots=True)
class SearchedFor:
    """What best-of-n searches by the indicator and by NASWOT's score found, on one target."""

    space: str
    target: str
    n: int
    """Networks drawn by each search."""
    mean: float
    naswot: float
    """Mean of NASWOT's; NaN where it is not stored."""
    random: float
    """Of one network drawn at random, exactly."""
    oracle: float
    """Of the best of as many draws, exactly."""
    difference: PairedDifference
    """To NASWOT."""
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a verdict looks at."""

    name: str
    standings: tuple[Standing, ...]
    steadiness: tuple[Steadiness, ...] = ()
    searches: tuple[SearchedFor, ...] = ()
    broken: tuple[str, ...] = ()
    """Statements of the contract that it does not keep."""
    not_examined: str = ""
    """Why the contract could not be examined; empty where it was."""
    accuracies: tuple[str, ...] = ()
    """What it did that leads to accuracies of trained networks."""
    reached: tuple[str, ...] = ()
    """What else it did besides computing: other files, programs, connections."""
    suspicions: tuple[str, ...] = ()
    """What its text says about where scores may come from."""
    needs_labels: bool | None = None
    """None: not tried."""
    changes_with_labels: bool | None = None
    """Whether a score changes when labels are permuted."""
    failures: int = 0
    """Scores that crashed, ran out of time or memory."""
    wanted: int = 0


def relation(compared: PairComparison | None) -> Relation:
    """What a comparison says at the level of 5 %, after Holm's adjustment.

    The same ranking is a difference of exactly zero in every resample. Fewer than ten networks
    say nothing else.
    """
    if compared is None or math.isnan(compared.delta) or math.isnan(compared.p_holm):
        return "unknown"
    if compared.delta == compared.delta_low == compared.delta_high == 0:
        return "the same ranking"
    if compared.n < FEWEST:
        return "unknown"
    if compared.p_holm > LEVEL:
        return "not told apart"
    return "better" if compared.delta > 0 else "worse"
