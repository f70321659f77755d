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
from untrained.results.correlation_drift import CorrelationDrift, correlation_drift
from untrained.results.coverage_drift import CoverageDrift, coverage_drift
from untrained.results.environment import Environment, current_environment
from untrained.results.factors import FactorEffect, FactorLevel, factor_effects
from untrained.results.finding import FAILING, TIERS, Finding, Outcome, Tier
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
from untrained.results.score_drift import SAME_RHO, ScoreDrift, other_seed_drift, same_seed_drift
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
from untrained.results.truth_drift import TruthDrift, truth_drift
from untrained.results.weighted_ranking import weighted_rank_correlations

__all__ = [
    "FAILING",
    "INTERVALS",
    "SAME_RHO",
    "STATUSES",
    "TIERS",
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
    "CorrelationDrift",
    "CorrelationRow",
    "CorrelationTable",
    "CoverageDrift",
    "Difference",
    "Environment",
    "FactorEffect",
    "FactorLevel",
    "Finding",
    "Interval",
    "Outcome",
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
    "ScoreDrift",
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
    "Tier",
    "TopRanking",
    "TopSlice",
    "TruthDrift",
    "agree",
    "analyse",
    "bca_interval",
    "compare_over_tasks",
    "compare_published",
    "compare_scores",
    "compare_sides",
    "correlate",
    "correlation_drift",
    "coverage_drift",
    "current_environment",
    "factor_effects",
    "kendall_tau_b",
    "noise_ceiling",
    "other_seed_drift",
    "percentile_interval",
    "published_values",
    "resample_counts",
    "same_seed_drift",
    "seed_stability",
    "spearman_rho",
    "tied_pair_fraction",
    "top_rankings",
    "truth_drift",
    "weighted_rank_correlations",
    "weighted_tau",
]
