"""Scores made of other scores over one set of candidates; a file registers the one it defines."""

from untrained.foundation import Parameter, Value
from untrained.results.aggregates.aggregate import (
    Aggregate,
    BoundAggregate,
    Diverged,
    MemberScores,
    aggregate,
    aggregates,
)

__all__ = [
    "Aggregate",
    "BoundAggregate",
    "Diverged",
    "MemberScores",
    "Parameter",
    "Value",
    "aggregate",
    "aggregates",
]
