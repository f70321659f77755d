"""Two stores side by side, with what a reader needs to trust the comparison and to repeat it."""

from __future__ import annotations

from dataclasses import dataclass

from untrained.results.bootstrap import Interval
from untrained.results.score_changes import ScoreChange
from untrained.results.side_changes import SideChange


@dataclass(frozen=True, slots=True)
class Condition:
    """What one side of an indicator was measured under."""

    version: int
    protocol: str
    """Digest."""
    protocol_text: str
    seeds: tuple[int, ...]
    """That are compared: those of both sides where they share any."""


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One indicator on both sides."""

    title: str
    higher_is_better: bool
    change: ScoreChange
    side: SideChange
    before: Condition
    after: Condition

    @property
    def indicator(self) -> str:
        """Its id."""
        return self.change.indicator


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not the same on both sides, in words."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Scores of one search space from two stores."""

    title: str
    space: str
    before: str
    """Name of the file."""
    after: str
    n_before: int
    """Architectures that the side lists."""
    n_after: int
    n_common: int
    only_before: tuple[str, ...]
    """The first few architectures of one side alone, by name."""
    only_after: tuple[str, ...]
    indicators_before: tuple[str, ...]
    """Indicators of one side alone."""
    indicators_after: tuple[str, ...]
    target: str
    """Data set, metric, epochs and seed of the truth, in words; empty: none."""
    truth_source: str
    """File the truth was read from; why there is none, where there is none."""
    truth_sha256: str
    resamples: int
    confidence: float
    bootstrap_seed: int
    interval: Interval
    tolerance: float
    """Relative difference up to which scores are the same."""
    margin: float
    """Change of tau-b that is of no consequence."""
    command: str
    notes: tuple[str, ...]
    differences: tuple[Difference, ...]
    """Of environments, versions, protocols and seeds."""
    rows: tuple[ComparedRow, ...]
    clusters: int | None = None
    """Functional classes that were resampled in place of architectures."""
