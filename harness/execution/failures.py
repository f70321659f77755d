"""Failed scores, grouped by what went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

FAILURES = frozenset({"error", "timeout", "out_of_memory"})
"""Statuses that say something went wrong in the run; `unsupported` and `diverged` are findings."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed scores whose reasons differ in numbers and quoted names at most."""

    status: str
    reason: str
    """That of the first one."""
    count: int
    indicators: tuple[str, ...]
    architecture: str
    """That of the first one."""


class Failure(NamedTuple):
    """A failed score."""

    architecture: str
    indicator: str
    status: str
    reason: str


def group_failures(failures: Iterable[Failure]) -> tuple[FailureGroup, ...]:
    """Group failed scores, the most frequent reason first."""
    groups: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for architecture, indicator, status, reason in failures:
        key = status, re.sub(r"'[^']*'|\d+(\.\d+)?", "#", reason)
        groups.setdefault(key, []).append((reason, indicator, architecture))
    found = [
        FailureGroup(
            status,
            members[0][0],
            len(members),
            tuple(sorted({indicator for _, indicator, _ in members})),
            members[0][2],
        )
        for (status, _), members in groups.items()
    ]
    return tuple(sorted(found, key=lambda group: (-group.count, group.status, group.reason)))
