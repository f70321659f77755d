"""The contract suite, run on a candidate in a worker."""

from __future__ import annotations

from dataclasses import dataclass, replace

from untrained.harness.contract import Finding, examine
from untrained.harness.execution.scoring import TimeLimitReached, time_limit
from untrained.indicators import indicators

LIMIT_S = 300.0
"""For the whole suite, on networks so small that it takes seconds where nothing is wrong."""

_OF_DECLARATIONS = frozenset(
    {
        "it_says_what_it_is",
        "labels_matter_exactly_if_they_are_needed",
        "a_second_batch_matters_exactly_if_it_is_needed",
        "the_seed_matters_exactly_if_random_numbers_are_drawn",
        "what_a_network_lacks_is_unsupported_exactly_if_it_is_needed",
        "gradients_are_taken_exactly_if_they_are_needed",
        "it_follows_the_initialisation_exactly_if_declared",
        "it_costs_the_passes_it_declares",
        "functional_twins_score_alike_exactly_if_declared",
    }
)
"""Promises that are about what the decorator says, which a plain function does not have."""


@dataclass(frozen=True, slots=True)
class Examined:
    """All promises, or why they could not be examined."""

    promises: tuple[Finding, ...]
    died: str = ""

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The promises that are not kept."""
        return tuple(one for one in self.promises if one.kept is False)


def examine_candidate(name: str, *, plain: bool) -> Examined:
    """Examine a registered indicator.

    Args:
        plain: whether it is a plain function, which cannot break what it never declared.
    """
    try:
        with time_limit(LIMIT_S):
            found = examine(indicators[name])
    except TimeLimitReached:
        return Examined((), f"the contract suite was not done after {LIMIT_S:g} s")
    return Examined(tuple(_forgiven(one) for one in found) if plain else tuple(found))


def _forgiven(one: Finding) -> Finding:
    if one.kept is not False or one.promise.partition("[")[0] not in _OF_DECLARATIONS:
        return one
    detail = f"a plain function declares nothing; as an indicator it would have to: {one.detail}"
    return replace(one, kept=None, detail=detail)
