"""Stored scores, the statistics of rankings, and committed results."""

from untrained.results.environment import Environment, current_environment
from untrained.results.ranking import kendall_tau_b, spearman_rho, tied_pair_fraction
from untrained.results.score import STATUSES, Score, ScoreKey, Status
from untrained.results.store import ScoreStore

__all__ = [
    "STATUSES",
    "Environment",
    "Score",
    "ScoreKey",
    "ScoreStore",
    "Status",
    "current_environment",
    "kendall_tau_b",
    "spearman_rho",
    "tied_pair_fraction",
]
