"""A correlation table with everything a reader needs to trust and regenerate it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from untrained.results.statistics.bootstrap import Interval
from untrained.results.statistics.correlation import CorrelationRow
from untrained.results.statistics.pairwise import PairComparison, Redundancy
from untrained.results.statistics.seed_noise import Ceiling, Stability
from untrained.results.statistics.size_bias import SizeBias
from untrained.results.statistics.top import TopRanking
from untrained.results.statistics.trivial_baselines import BaselineDifference
from untrained.results.tables.published import Comparison


@dataclass(frozen=True, slots=True)
class TableRow:
    """One indicator or aggregate of a table: its correlation and what it was measured under."""

    correlation: CorrelationRow
    title: str
    version: int
    protocol: str
    """Digest; several, with spaces between, of an aggregate."""
    protocol_text: str
    """What the digest stands for, in one line."""
    higher_is_better: bool
    seeds: tuple[int, ...]
    failures: tuple[tuple[str, int], ...]
    """How many scores ended with each status other than `ok`; of an aggregate, those for want of
    which an architecture has no value, by `member:status`."""
    alone_s: float
    """Median seconds a network this indicator takes by itself; NaN where not measured."""
    members: tuple[str, ...] = ()
    """Indicators that an aggregate was computed from, whose digests, times and seeds are its own
    taken together; empty for an indicator."""
    top: TopRanking | None = None
    size_bias: SizeBias | None = None
    """None where neither parameters nor FLOPs were scored, and for what is a size itself."""
    best_baseline: BaselineDifference | None = None
    """None where no trivial baseline was scored, and for a trivial baseline itself."""
    stability: Stability | None = None
    """None with fewer than two seeds."""

    @property
    def indicator(self) -> str:
        """Its id, or the aggregate's name."""
        return self.correlation.indicator


@dataclass(frozen=True, slots=True)
class CorrelationTable:
    """Rank correlations of several indicators with one target over one population."""

    title: str
    space: str
    population: str
    """Which architectures were ranked, in words."""
    n_population: int
    target: str
    """Data set, metric, epochs and seed of the truth, in words."""
    truth_source: str
    """File the truth was read from."""
    truth_sha256: str
    resamples: int
    confidence: float
    bootstrap_seed: int
    command: str
    """Regenerates the table."""
    notes: tuple[str, ...]
    rows: tuple[TableRow, ...]
    published: tuple[Comparison, ...] = ()
    """What the literature prints for the same space and data set."""
    baseline: str = "params"
    """The indicator that `delta_tau` compares with."""
    interval: Interval = "percentile"
    """How the intervals of the rows' tau, rho and delta_tau were made."""
    clusters: int | None = None
    """Functional classes that were resampled in place of architectures; None: architectures."""
    ceilings: tuple[Ceiling, ...] = ()
    pairs: tuple[PairComparison, ...] = ()
    """Every pair of indicators once."""
    redundancy: Redundancy | None = None

    @property
    def ranked(self) -> tuple[TableRow, ...]:
        """The rows by descending tau, NaN last, equal ones by the indicator's name."""
        return tuple(sorted(self.rows, key=_descending_tau))

    def frame(self) -> pd.DataFrame:
        """The ranked rows as plain columns: numbers, and text for seeds and failures.

        Returns:
            One row an indicator. `seeds` reads `0 1 2`, `failures` reads `diverged 3; timeout 1`.
        """
        return pd.DataFrame([_plain(row) for row in self.ranked], columns=list(_COLUMNS))


_COLUMNS = (
    *("indicator", "title", "version", "n", "n_population", "coverage"),
    *("tau", "tau_low", "tau_high", "rho", "rho_low", "rho_high"),
    *("tau_failures_last", "ties_score", "ties_truth", "delta_tau", "delta_low", "delta_high"),
    *("higher_is_better", "seeds", "failures", "alone_s", "protocol", "protocol_text"),
    "members",
)


def _descending_tau(row: TableRow) -> tuple[bool, float, str, int, str]:
    tau = row.correlation.tau
    undefined = math.isnan(tau)
    name = row.correlation.indicator
    return (undefined, 0.0 if undefined else -tau, name, row.version, row.protocol)


def _plain(row: TableRow) -> dict[str, object]:
    derived = {
        "seeds": " ".join(str(seed) for seed in row.seeds),
        "members": " ".join(row.members),
        "failures": "; ".join(f"{status} {count}" for status, count in row.failures),
    }
    return {
        name: derived[name]
        if name in derived
        else getattr(row if hasattr(row, name) else row.correlation, name)
        for name in _COLUMNS
    }
