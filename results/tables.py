"""Tables of a report, with everything a reader needs to trust and regenerate them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from html import escape
from typing import Any

import pandas as pd

from untrained.results.comparison.published import Comparison
from untrained.results.comparison.score_changes import ScoreChange, SideChange
from untrained.results.statistics.bootstrap import Interval
from untrained.results.statistics.ceilings import Ceiling
from untrained.results.statistics.correlation import CorrelationRow, SizeAgreement
from untrained.results.statistics.draws import BatchNoise
from untrained.results.statistics.pairwise import BaselineDifference, PairComparison, Redundancy
from untrained.results.statistics.seed_noise import Stability
from untrained.results.statistics.size_bias import SizeBias
from untrained.results.statistics.top import TopRanking


@dataclass(frozen=True, slots=True)
class Condition:
    """The conditions that scores were measured under."""

    version: int
    protocol: str
    """Digest; several, with spaces between, of an aggregate."""
    protocol_text: str
    """What the digest stands for, in one line."""
    seeds: tuple[int, ...]
    """Of a comparison: those of both sides where they share any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProvenance(Condition):
    """Origin of the scores of a row of any kind of table."""

    title: str
    higher_is_better: bool
    failures: tuple[tuple[str, int], ...]
    """How many scores ended with each status other than `ok`; of an aggregate, those for want of
    which an architecture has no value, by `member:status`."""
    alone_s: float
    """Median seconds a network this indicator takes by itself; NaN where not measured."""
    members: tuple[str, ...] = ()
    """Indicators that an aggregate was computed from, whose digests, times and seeds are its own
    taken together; empty for an indicator."""

    def provenance(self) -> dict[str, Any]:
        """Collect these fields by name, for a row that adds others to them."""
        return {field.name: getattr(self, field.name) for field in fields(RowProvenance)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow(RowProvenance):
    """One indicator or aggregate of a correlation table."""

    correlation: CorrelationRow
    top: TopRanking | None = None
    size_bias: SizeBias | None = None
    """None where neither parameters nor FLOPs were scored, and for what is a size itself."""
    best_baseline: BaselineDifference | None = None
    """None where no trivial baseline was scored, and for a trivial baseline itself."""
    stability: Stability | None = None
    """None with fewer than two seeds."""
    batch: BatchNoise | None = None
    """None where no other batch was drawn."""
    functions: CorrelationRow | None = None
    """The same as `correlation` over one architecture a function; None where no two architectures
    of the population are known to compute the same."""

    @property
    def indicator(self) -> str:
        """Its id, or the aggregate's name."""
        return self.correlation.indicator


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRow(RowProvenance):
    """One indicator or aggregate of an agreement table."""

    indicator: str
    n: int
    """Networks with a score."""
    n_population: int
    ties: float
    """Fraction of their pairs whose scores are equal."""
    with_sizes: tuple[SizeAgreement, ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProvenance:
    """Origin of any table, and how its intervals were made."""

    title: str
    space: str
    resamples: int
    confidence: float
    bootstrap_seed: int
    interval: Interval = "percentile"
    """How the intervals of tau, rho and their differences were made."""
    command: str
    """Regenerates the table."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementTable(TableProvenance):
    """Indicators beside sizes and each other over one population of which no accuracy is known."""

    population: str
    """Which architectures, in words."""
    n_population: int
    reason: str
    """Why there are no accuracies, and how to get them."""
    rows: tuple[AgreementRow, ...]
    """In the order of the study; reports sort them."""
    redundancy: Redundancy


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationTable(TableProvenance):
    """Rank correlations of several indicators with one target over one population."""

    population: str
    """Which architectures were ranked, in words."""
    n_population: int
    target: str
    """Data set, metric, epochs and seed of the truth, in words."""
    truth_source: str
    """File the truth was read from."""
    truth_sha256: str
    rows: tuple[TableRow, ...]
    n_functions: int = 0
    """Functional classes among the architectures with a true value; 0: none has two."""
    n_common: int = 0
    """Networks that all rows have, which `tau_common` is over; 0: all rows have all networks."""
    published: tuple[Comparison, ...] = ()
    """What the literature prints for the same space and data set."""
    baseline: str = "params"
    """The indicator that `delta_tau` compares with."""
    ceilings: tuple[Ceiling, ...] = ()
    pairs: tuple[PairComparison, ...] = ()
    """Every pair of indicators once."""
    redundancy: Redundancy | None = None

    @property
    def ranked(self) -> tuple[TableRow, ...]:
        """The rows by descending tau over the networks that all rows have.

        Those without such a tau stand behind, by their own; equal ones by the indicator's name.
        """
        return tuple(sorted(self.rows, key=_descending_tau))

    def frame(self) -> pd.DataFrame:
        """Convert the ranked rows to plain columns: numbers, and text for seeds and failures.

        Returns:
            One row an indicator. `seeds` reads `0 1 2`, `failures` reads `diverged 3; timeout 1`.
        """
        return pd.DataFrame([_plain(row) for row in self.ranked], columns=list(_COLUMNS))

    def _repr_html_(self) -> str:
        """Show the main columns in a notebook."""
        rows = self.ranked
        columns = {
            "n": [row.correlation.n for row in rows],
            "Kendall tau-b": [_interval(row.correlation, "tau") for row in rows],
            f"tau - {self.baseline}": [
                _interval(row.correlation, "delta", "delta_tau") for row in rows
            ],
            "tau-b, functions": [_interval(row.functions, "tau") for row in rows],
            "Spearman rho": [_interval(row.correlation, "rho") for row in rows],
            "s/network": ["" if math.isnan(s := row.alone_s) else f"{s:.3g}" for row in rows],
        }
        table = pd.DataFrame(columns, index=[row.indicator for row in rows])
        about = f"{self.title}; {self.population}; target: {self.target} ({self.truth_source})"
        return f"<p>{escape(about)}</p>{table.to_html()}"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not the same on both sides, in words."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide(TableProvenance):
    """Scores of one search space from two stores."""

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
    tolerance: float
    """Relative difference up to which scores are the same."""
    margin: float
    """Change of tau-b that is of no consequence."""
    differences: tuple[Difference, ...]
    """Of environments, versions, protocols and seeds."""
    rows: tuple[ComparedRow, ...]


_COLUMNS = (
    *("indicator", "title", "version", "n", "n_population", "coverage"),
    *("tau", "tau_low", "tau_high", "rho", "rho_low", "rho_high"),
    *("tau_failures_last", "ties_score", "ties_truth", "delta_tau", "delta_low", "delta_high"),
    *("delta_p", "delta_p_holm", "n_common", "tau_common", "n_finite", "tau_finite"),
    *("higher_is_better", "seeds", "failures", "alone_s", "protocol", "protocol_text"),
    "members",
)


def _descending_tau(row: TableRow) -> tuple[object, ...]:
    common, own = row.correlation.tau_common, row.correlation.tau
    place = [(math.isnan(tau), 0.0 if math.isnan(tau) else -tau) for tau in (common, own)]
    return (*place, row.correlation.indicator, row.version, row.protocol)


def _interval(row: CorrelationRow | None, name: str, value: str | None = None) -> str:
    """Write an estimate with its interval; empty: there is none."""
    if row is None:
        return ""
    middle, low, high = (getattr(row, n) for n in (value or name, f"{name}_low", f"{name}_high"))
    if math.isnan(middle):
        return ""
    return f"{middle:.3f}" if math.isnan(low) else f"{middle:.3f} [{low:.3f}, {high:.3f}]"


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
