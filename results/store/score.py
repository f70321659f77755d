"""One score of one architecture: a value, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

Status = Literal["ok", "unsupported", "diverged", "out_of_memory", "timeout", "error"]
STATUSES: tuple[Status, ...] = get_args(Status)


class ScoreKey(NamedTuple):
    """What a score is a score of; two scores with equal keys are the same measurement."""

    space: str
    architecture: str
    """In the space's own notation."""
    indicator: str
    version: int
    """Of the indicator's definition."""
    protocol: str
    """Digest of the conditions it was measured under."""
    seed: int


@dataclass(frozen=True, slots=True)
class Score:
    """What one indicator said about one untrained network.

    Raises:
        ValueError: the status is unknown, or value and status contradict each other: a score that
            is `ok` has a value (infinite ones included), any other has NaN.
    """

    space: str
    architecture: str
    indicator: str
    version: int
    protocol: str
    seed: int
    value: float
    status: Status = "ok"
    reason: str = ""
    """Why there is no value; empty when there is one."""
    alone_s: float = math.nan
    """Seconds this indicator would have taken by itself; NaN where not measured."""
    peak_bytes: int | None = None
    """Largest memory in use while it was measured; None where not measured."""
    representative: str | None = None
    """The member of the functional class that was measured; None: the architecture itself."""

    def __post_init__(self) -> None:
        """Refuse a status that contradicts the value."""
        if self.status not in STATUSES:
            raise ValueError(f"status {self.status!r} is none of {', '.join(STATUSES)}")
        if math.isnan(self.value) == (self.status == "ok"):
            raise ValueError(
                f"a score of {self.indicator} is {self.value} with status {self.status!r}: "
                "a value goes with 'ok', NaN with every other status"
            )

    @property
    def key(self) -> ScoreKey:
        """What identifies the score in a store."""
        return ScoreKey(
            self.space, self.architecture, self.indicator, self.version, self.protocol, self.seed
        )
