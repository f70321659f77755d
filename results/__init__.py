"""Stored scores, the statistics of rankings, and committed results."""

from untrained.results.comparison.drift import (
    SAME_RHO,
    CorrelationDrift,
    CoverageDrift,
    ScoreDrift,
    TruthDrift,
    correlation_drift,
    coverage_drift,
    other_seed_drift,
    same_seed_drift,
    truth_drift,
)
from untrained.results.comparison.finding import FAILING, TIERS, Finding, Outcome, Tier
from untrained.results.comparison.published import (
    Comparison,
    PublishedValue,
    compare_published,
    published_values,
)
from untrained.results.comparison.score_changes import (
    ScoreChange,
    SideChange,
    compare_scores,
    compare_sides,
)
from untrained.results.statistics.analysis import (
    Agreement,
    Analysis,
    SizeAgreement,
    agree,
    analyse,
)
from untrained.results.statistics.bootstrap import (
    INTERVALS,
    Interval,
    Resampling,
    bca_interval,
    percentile_interval,
    resample_counts,
)
from untrained.results.statistics.correlation import CorrelationRow, correlate
from untrained.results.statistics.pairwise import (
    TRIVIAL,
    BaselineDifference,
    PairComparison,
    Redundancy,
)
from untrained.results.statistics.population import Population, Ranking, Rankings
from untrained.results.statistics.rank_correlation import (
    kendall_tau_b,
    spearman_rho,
    tied_pair_fraction,
    weighted_tau,
)
from untrained.results.statistics.seed_noise import (
    Ceiling,
    FactorEffect,
    FactorLevel,
    Stability,
    factor_effects,
    noise_ceiling,
    seed_stability,
)
from untrained.results.statistics.size_bias import PartialCorrelation, SizeBias, SizeBin, SizeBins
from untrained.results.statistics.task_comparison import TaskComparison, compare_over_tasks
from untrained.results.statistics.top import Pick, TopRanking, TopSlice, top_rankings
from untrained.results.statistics.weighted_correlation import weighted_rank_correlations
from untrained.results.store.environment import Environment, current_environment
from untrained.results.store.score import STATUSES, Score, ScoreKey, Status
from untrained.results.store.store import ScoreStore
from untrained.results.tables import (
    AgreementRow,
    AgreementTable,
    ComparedRow,
    Condition,
    CorrelationTable,
    Difference,
    RowProvenance,
    SideBySide,
    TableProvenance,
    TableRow,
)

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
    "RowProvenance",
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
    "TableProvenance",
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
