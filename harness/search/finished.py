"""All runs of one search."""

from __future__ import annotations

from dataclasses import dataclass

from untrained.harness.search.opening import Opened
from untrained.harness.search.search_study import OneSearch
from untrained.harness.search.searcher import Asks
from untrained.results.searches_trajectory import Trajectory


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A search, where it was run, and its runs."""

    one: OneSearch
    opened: Opened
    trajectories: tuple[Trajectory, ...]

    @property
    def label(self) -> str:
        """Of its row: what the study says, else searcher, estimator and settings."""
        return label_of(self.one, self.opened)

    @property
    def asks(self) -> frozenset[Asks]:
        """What it asks for under its settings."""
        searcher = self.opened.searcher
        return searcher.asks_with(searcher.settings(self.one.settings))


def label_of(one: OneSearch, opened: Opened) -> str:
    """See `Finished.label`."""
    if one.label is not None:
        return one.label
    parts = [opened.searcher.name]
    if opened.estimator is not None:
        parts.append(f"by {opened.estimator.name}")
    parts += [f"{name}={value}" for name, value in sorted(one.settings.items())]
    return " ".join(parts)
