"""Searches: requests, searchers, the evaluators that answer them, and the driver."""

from untrained.foundation import Parameter
from untrained.harness.search.driver import Budget, Search, run_search
from untrained.harness.search.estimator import Estimator, find_estimator
from untrained.harness.search.evaluators.evaluator import Evaluator
from untrained.harness.search.problem import Domain, History, Limit, Problem
from untrained.harness.search.requests import (
    BudgetSpent,
    Evaluation,
    Gradient,
    Incumbent,
    Score,
    Scored,
    ScoredSupernet,
    ScoreSupernet,
    Steps,
    SupernetGradient,
    Train,
    Trained,
    evaluate,
    score,
    score_supernet,
    supernet_gradient,
    train,
)
from untrained.harness.search.searcher import (
    BY,
    EPOCHS,
    Asks,
    Searcher,
    register_searcher,
    searchers,
)

World = Evaluator
"""The former name of `Evaluator`."""

__all__ = [
    "BY",
    "EPOCHS",
    "Asks",
    "Budget",
    "BudgetSpent",
    "Domain",
    "Estimator",
    "Evaluation",
    "Evaluator",
    "Gradient",
    "History",
    "Incumbent",
    "Limit",
    "Parameter",
    "Problem",
    "Score",
    "ScoreSupernet",
    "Scored",
    "ScoredSupernet",
    "Search",
    "Searcher",
    "Steps",
    "SupernetGradient",
    "Train",
    "Trained",
    "World",
    "evaluate",
    "find_estimator",
    "register_searcher",
    "run_search",
    "score",
    "score_supernet",
    "searchers",
    "supernet_gradient",
    "train",
]
