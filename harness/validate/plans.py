"""What of a candidate is scored: the networks of every space, and some of them once more."""

from __future__ import annotations

from dataclasses import dataclass

from untrained.harness.plan import Plan
from untrained.harness.validate.budget import LEAST
from untrained.harness.validate.ground import Ground
from untrained.indicators import Indicator, Protocol

AGAIN = 0.2
"""Share of the networks that are scored under another initialisation, and another batch."""


@dataclass(frozen=True, slots=True, eq=False)
class GroundPlans:
    """The scores wanted of one space."""

    ground: Ground
    main: Plan
    other_seed: Plan
    """Some of the networks, initialised anew."""
    other_batch: Plan | None
    """The same ones as they were, shown another batch; None where no batch is looked at."""

    @property
    def all(self) -> list[Plan]:
        """Every plan."""
        return [self.main, self.other_seed, *([self.other_batch] if self.other_batch else [])]


def plan_ground(
    ground: Ground, candidate: Indicator, n: int, *, seed: int, timeout_s: float | None
) -> GroundPlans:
    """The plans of a space.

    Args:
        ground: the space.
        candidate: the indicator.
        n: networks to score.
        seed: chooses the second initialisation and batch.
        timeout_s: for one network.
    """
    again = min(n, max(LEAST, round(AGAIN * n)))
    first = ground.baselines.network_seed

    def plan(networks: int, protocol: Protocol, network_seed: int) -> Plan:
        return Plan(
            space=ground.space,
            selection=ground.selection(networks),
            protocols={candidate.id: protocol},
            versions={candidate.id: candidate.version},
            seeds=(network_seed,),
            timeout_s=timeout_s,
        )

    own = ground.protocol(candidate)
    other = ground.protocol(candidate, other_batch=1 + seed)
    return GroundPlans(
        ground,
        main=plan(n, own, first),
        other_seed=plan(again, own, first + 1 + seed),
        other_batch=plan(again, other, first) if other != own else None,
    )
