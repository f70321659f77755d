"""One unit of work: one network of one architecture, and every score wanted of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from untrained.indicators import Protocol, Reading
from untrained.results import Score


@dataclass(frozen=True, slots=True)
class Wanted:
    """One indicator under one protocol, and the architectures its score is for."""

    indicator: str
    version: int
    protocol: Protocol
    members: tuple[str, ...]
    """The architecture that is built, or members of its functional class."""


@dataclass(frozen=True, slots=True)
class ScoreTask:
    """What a worker needs to know; plain values only, so that it crosses a process boundary."""

    space: str
    architecture: str
    """The one that is built."""
    wanted: tuple[Wanted, ...]
    seed: int
    """Of the run; initialisation and draws derive from it and the architecture."""
    device: str = "cpu"
    timeout_s: float | None = None
    """For one indicator; None: no limit."""

    def scores_of(self, wanted: Wanted, reading: Reading) -> Iterator[Score]:
        """The reading as one score for each member."""
        for member in wanted.members:
            yield Score(
                space=self.space,
                architecture=member,
                indicator=wanted.indicator,
                version=wanted.version,
                protocol=wanted.protocol.digest,
                seed=self.seed,
                value=reading.value if reading.status == "ok" else math.nan,
                status=reading.status,
                reason=reading.reason,
                alone_s=reading.alone_s,
                peak_bytes=reading.peak_bytes,
                representative=None if member == self.architecture else self.architecture,
            )

    def failed(self, reason: str) -> list[Score]:
        """Scores with status `error` for everything that is wanted."""
        reading = Reading(math.nan, "error", reason, math.nan, None)
        return [score for wanted in self.wanted for score in self.scores_of(wanted, reading)]
