"""The contract of search spaces: every promise, and the examination of one space."""

from __future__ import annotations

from untrained.harness.contract.laboratory import one_thread
from untrained.harness.contract.promise import Finding, Suite
from untrained.harness.contract.space_members import members, moves, says, texts
from untrained.harness.contract.space_networks import networks
from untrained.spaces import SearchSpace


def space_promises(space: SearchSpace) -> Suite[SearchSpace]:
    """What a search space has to keep; promises say themselves where they do not apply."""
    return Suite(says, texts, members, moves, networks)


def examine_space(space: SearchSpace) -> list[Finding]:
    """Check everything that a search space promises; no ground truth is looked at.

    Args:
        space: it need not be registered.

    Returns:
        A finding for each promise, in a fixed order.
    """
    with one_thread():
        return space_promises(space).findings(space)
