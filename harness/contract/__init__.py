"""What plug-ins promise: checks that this project's tests and those of others share."""

from untrained.harness.contract.indicators import examine, indicator_promises
from untrained.harness.contract.promise import Broken, Finding, Inapplicable, Promise, Suite

__all__ = [
    "Broken",
    "Finding",
    "Inapplicable",
    "Promise",
    "Suite",
    "examine",
    "indicator_promises",
]
