"""What a comparison with a baseline found: one statement about one indicator or one truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

Tier = Literal["definition", "golden", "coverage", "scores", "correlation", "truth"]
"""What is looked at, in the order in which findings are listed.

`golden`, `scores` and `correlation` are the three tiers of the gate; `definition`, `coverage` and
`truth` say whether the comparison makes sense and is about the same networks and values.
"""
TIERS: tuple[Tier, ...] = get_args(Tier)

Outcome = Literal["holds", "moved", "worse", "changed", "missing", "new", "unknown"]
"""`moved`: values differ by more than the tolerance; `worse`: scores were lost; `changed`: not
comparable, by a version or protocol; `missing`: nothing to compare; `new`: not in the baseline;
`unknown`: this could not be checked, and the text says why."""
FAILING: frozenset[Outcome] = frozenset({"moved", "worse", "changed", "missing"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement of the gate."""

    tier: Tier
    subject: str
    """An indicator, or `truth`."""
    outcome: Outcome
    text: str
    """What was found, by how much and how sure, in words."""
    space: str = ""
    """Search space; empty where the statement is about none."""
    measure: str = ""
    """What `value` and `limit` are."""
    value: float = math.nan
    limit: float = math.nan
    """The tolerance that the value is held against."""
    n: int = 0
    """Networks that the value is over."""
    p: float = math.nan
    """Chance of a value at least as far off if nothing has changed; NaN where nothing is random."""

    @property
    def failed(self) -> bool:
        """Whether this makes the gate fail."""
        return self.outcome in FAILING

    @property
    def order(self) -> tuple[int, str, str]:
        """By what findings are sorted."""
        return TIERS.index(self.tier), self.space, self.subject
