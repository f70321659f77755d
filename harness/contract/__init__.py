"""What plug-ins promise: checks that this project's tests and those of others share.

    examine(indicator), examine_space(space), examine_searcher(searcher),
    examine_executor(executors["dask"]) -> list[Finding]
    indicator_promises(indicator), ... -> Suite, to run one promise at a time
    find_subjects(names, project=folder) -> registered plug-ins with their promises

The pytest plug-in (`untrained.harness.pytest_plugin`) makes a test of each promise.
"""

from untrained.harness.contract.executors import examine_executor, executor_promises
from untrained.harness.contract.indicators import examine, indicator_promises
from untrained.harness.contract.plugins import find_subjects
from untrained.harness.contract.promise import Broken, Finding, Inapplicable, Promise, Suite
from untrained.harness.contract.searchers import examine_searcher, searcher_promises
from untrained.harness.contract.spaces import examine_space, space_promises

__all__ = [
    "Broken",
    "Finding",
    "Inapplicable",
    "Promise",
    "Suite",
    "examine",
    "examine_executor",
    "examine_searcher",
    "examine_space",
    "executor_promises",
    "find_subjects",
    "indicator_promises",
    "searcher_promises",
    "space_promises",
]
