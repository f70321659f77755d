"""What else differs between two sets of stored scores: statuses, costs, architectures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pandas as pd

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
        after: the same.
        listed: the architectures that both sides list.

    Returns:
        What changed.
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
