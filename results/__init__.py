"""Stored scores, the statistics of rankings, and committed results."""

from untrained.results.agreement import (
    Agreement,
    AgreementRow,
    AgreementTable,
    SizeAgreement,
    agree,
)
from untrained.results.analysis import Analysis, analyse
from untrained.results.bootstrap import (
    INTERVALS,
    Interval,
    Resampling,
    bca_interval,
    percentile_interval,
    resample_counts,
)
from untrained.results.ceiling import Ceiling, noise_ceiling
from untrained.results.correlation import CorrelationRow, correlate
from untrained.results.environment import Environment, current_environment
from untrained.results.factors import FactorEffect, FactorLevel, factor_effects
from untrained.results.iso_size import SizeBin, SizeBins
from untrained.results.pairwise import PairComparison
from untrained.results.population import Population
from untrained.results.published import (
    Comparison,
    PublishedValue,
    compare_published,
    published_values,
)
from untrained.results.ranking import kendall_tau_b, spearman_rho, tied_pair_fraction, weighted_tau
from untrained.results.rankings import Ranking, Rankings
from untrained.results.redundancy import Redundancy
from untrained.results.score import STATUSES, Score, ScoreKey, Status
from untrained.results.score_changes import ScoreChange, compare_scores
from untrained.results.side_by_side import ComparedRow, Condition, Difference, SideBySide
from untrained.results.side_changes import SideChange, compare_sides
from untrained.results.size_bias import PartialCorrelation, SizeBias
from untrained.results.stability import Stability, seed_stability
from untrained.results.store import ScoreStore
from untrained.results.table import CorrelationTable, TableRow
from untrained.results.task_comparison import TaskComparison, compare_over_tasks
from untrained.results.top import Pick, TopRanking, TopSlice
from untrained.results.top_ranking import top_rankings
from untrained.results.trivial import TRIVIAL, BaselineDifference
from untrained.results.weighted_ranking import weighted_rank_correlations

__all__ = [
    "INTERVALS",
    "STATUSES",
    "TRIVIAL",
    "Agreement",
    "AgreementRow",
    "AgreementTable",
    "Analysis",
    "BaselineDifference",
    "Ceiling",
    "ComparedRow",
    "Comparison",
    "Condition",
    "CorrelationRow",
    "CorrelationTable",
    "Difference",
    "Environment",
    "FactorEffect",
    "FactorLevel",
    "Interval",
    "PairComparison",
    "PartialCorrelation",
    "Pick",
    "Population",
    "PublishedValue",
    "Ranking",
    "Rankings",
    "Redundancy",
    "Resampling",
    "Score",
    "ScoreChange",
    "ScoreKey",
    "ScoreStore",
    "SideBySide",
    "SideChange",
    "SizeAgreement",
    "SizeBias",
    "SizeBin",
    "SizeBins",
    "Stability",
    "Status",
    "TableRow",
    "TaskComparison",
    "TopRanking",
    "TopSlice",
    "agree",
    "analyse",
    "bca_interval",
    "compare_over_tasks",
    "compare_published",
    "compare_scores",
    "compare_sides",
    "correlate",
    "current_environment",
    "factor_effects",
    "kendall_tau_b",
    "noise_ceiling",
    "percentile_interval",
    "published_values",
    "resample_counts",
    "seed_stability",
    "spearman_rho",
    "tied_pair_fraction",
    "top_rankings",
    "weighted_rank_correlations",
    "weighted_tau",
]
