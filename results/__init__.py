"""Stored scores, the statistics of rankings, and committed results."""

from untrained.results.bootstrap import percentile_interval, resample_counts
from untrained.results.correlation import CorrelationRow, correlate
from untrained.results.environment import Environment, current_environment
from untrained.results.published import (
    Comparison,
    PublishedValue,
    compare_published,
    published_values,
)
from untrained.results.ranking import kendall_tau_b, spearman_rho, tied_pair_fraction
from untrained.results.score import STATUSES, Score, ScoreKey, Status
from untrained.results.store import ScoreStore
from untrained.results.table import CorrelationTable, TableRow
from untrained.results.weighted_ranking import weighted_rank_correlations

__all__ = [
    "STATUSES",
    "Comparison",
    "CorrelationRow",
    "CorrelationTable",
    "Environment",
    "PublishedValue",
    "Score",
    "ScoreKey",
    "ScoreStore",
    "Status",
    "TableRow",
    "compare_published",
    "correlate",
    "current_environment",
    "kendall_tau_b",
    "percentile_interval",
    "published_values",
    "resample_counts",
    "spearman_rho",
    "tied_pair_fraction",
    "weighted_rank_correlations",
]
