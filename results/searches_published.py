"""What the literature prints for searches, and how far ours are from it."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

SEARCHED_FOR = "cifar10"
"""Dataset that all published searches were for, whatever their answers are looked up on."""


@dataclass(frozen=True, slots=True)
class PublishedSearch:
    """One cell of a published table: mean and standard deviation over runs."""

    method: str
    """As we label it: `naswot 10`, `rea`."""
    space: str
    dataset: str
    metric: str
    mean: float
    sd: float
    runs: int
    source: str
    seconds: float | None = None
    """Budget of each run; None: it had none."""


@dataclass(frozen=True, slots=True)
class SearchComparison:
    """A published mean beside ours."""

    published: PublishedSearch
    mean: float
    sd: float
    runs: int
    """Of ours; 0: exact."""
    own_error: float
    """Standard error of our mean; 0: exact."""

    @property
    def difference(self) -> float:
        """Ours minus the published mean."""
        return self.mean - self.published.mean

    @property
    def standard_errors(self) -> float:
        """The difference in standard errors of both means together."""
        theirs = self.published.sd / math.sqrt(self.published.runs)
        error = math.hypot(theirs, self.own_error)
        return self.difference / error if error else math.nan


@cache
def published_searches() -> tuple[PublishedSearch, ...]:
    """All that are known, in the file's order."""
    text = (files("untrained.results") / "reference" / "searches.csv").read_text("utf-8")
    return tuple(
        PublishedSearch(
            row["method"],
            row["space"],
            row["dataset"],
            row["metric"],
            float(row["mean"]),
            float(row["sd"]),
            int(row["runs"]),
            row["source"],
            float(row["seconds"]) if row["seconds"] else None,
        )
        for row in csv.DictReader(text.splitlines())
    )
