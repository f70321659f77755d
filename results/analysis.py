"""Everything a table says about a population beyond its correlations, in one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from untrained.results.pairwise import PairComparison
from untrained.results.redundancy import Redundancy
from untrained.results.size_bias import SizeBias
from untrained.results.top import TopRanking
from untrained.results.trivial import BaselineDifference


@dataclass(frozen=True, slots=True)
class Analysis:
    """What `analyse` found, by indicator where it belongs to one."""

    top: Mapping[str, TopRanking] = field(default_factory=dict)
    size_bias: Mapping[str, SizeBias] = field(default_factory=dict)
    best_baseline: Mapping[str, BaselineDifference] = field(default_factory=dict)
    pairs: tuple[PairComparison, ...] = ()
    redundancy: Redundancy | None = None
