"""Results of a search for a regression task of GenNAS, as plain values for a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from untrained.results.statistics.correlation import CorrelationRow


@dataclass(frozen=True, slots=True)
class TriedTask:
    """One task, judged by the labelled networks."""

    number: int
    """From 1, in order."""
    parent: int
    """Number of the task that it was mutated from; 0: drawn."""
    id: str
    """Digest of the task."""
    rho: float
    """Spearman's rho of minus the loss and the accuracy; NaN where all losses are equal."""
    tau: float
    """Kendall's tau-b of the same."""
    seconds: float
    """Of all its trainings, summed over networks."""
    content: str
    """The task in a line."""


@dataclass(frozen=True, slots=True)
class Rival:
    """One way to rank networks, on both lots."""

    name: str
    labelled: CorrelationRow
    held_out: CorrelationRow


@dataclass(frozen=True, slots=True)
class TaskSearchTable:
    """Everything that the report of a task search shows."""

    title: str
    facts: tuple[str, ...]
    tried: tuple[TriedTask, ...]
    best: TriedTask
    num_drawn: int
    """How many of the first tasks were drawn at random."""
    rivals: tuple[Rival, ...]
    """The found task first."""
    notes: tuple[str, ...]


def trials_frame(tried: Sequence[TriedTask]) -> pd.DataFrame:
    """Make a frame with one row a task."""
    return pd.DataFrame(
        {
            "number": [one.number for one in tried],
            "parent": [one.parent for one in tried],
            "task": [one.id for one in tried],
            "rho": [one.rho for one in tried],
            "tau": [one.tau for one in tried],
            "seconds": [round(one.seconds, 1) for one in tried],
            "content": [one.content for one in tried],
        }
    )
