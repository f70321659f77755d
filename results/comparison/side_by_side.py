"""Two stores side by side."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pandas as pd

from untrained.results.comparison.score_changes import ScoreChange
from untrained.results.statistics.bootstrap import Interval


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


ABSENT = "absent"
"""In place of a status: no score of the architecture is stored."""


@dataclass(frozen=True, slots=True)
class SideChange:
    """What one indicator's rows say beside their values."""

    statuses: tuple[tuple[str, str, int], ...]
    """Status before, status after (`absent`: no row), and how many architectures that both sides
    list went from the one to the other; only changes, in alphabetical order."""
    alone_s_before: float
    """Median seconds over the architectures that were measured, not shared, on both sides; NaN
    where there are none."""
    alone_s_after: float

    @property
    def cost_ratio(self) -> float:
        """How many times as long it takes; NaN where that is not known."""
        return self.alone_s_after / self.alone_s_before if self.alone_s_before else float("nan")


def compare_sides(before: pd.DataFrame, after: pd.DataFrame, listed: pd.Index[str]) -> SideChange:
    """Changes of status and cost of one indicator.

    Args:
        before: rows of `ScoreStore.frame` of one indicator in one space, one version and protocol;
            of an architecture with several seeds the first status that is not `ok` counts, and the
            mean time.
        listed: the architectures that both sides list.
    """
    moves = Counter(zip(_statuses(before, listed), _statuses(after, listed), strict=True))
    costs = pd.concat([_costs(before), _costs(after)], axis=1, keys=["before", "after"])
    both = costs.reindex(listed).dropna()
    return SideChange(
        statuses=tuple(
            (old, new, count) for (old, new), count in sorted(moves.items()) if old != new
        ),
        alone_s_before=float(both["before"].median()),
        alone_s_after=float(both["after"].median()),
    )


def _statuses(rows: pd.DataFrame, listed: pd.Index[str]) -> list[str]:
    ordered = rows.assign(fine=rows["status"] == "ok").sort_values(["fine", "seed"])
    first = ordered.drop_duplicates("architecture").set_index("architecture")["status"]
    return [str(status) for status in first.reindex(listed).fillna(ABSENT)]


def _costs(rows: pd.DataFrame) -> pd.Series[float]:
    measured = rows[rows["representative"].isna()]
    return measured.groupby("architecture")["alone_s"].mean()
