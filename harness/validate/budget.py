"""How many networks of each search space fit into the time that is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LEAST = 20
"""Networks of a space below which intervals say next to nothing."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What one search space could use."""

    seconds: float
    """One network takes."""
    available: int
    """Networks that have baselines."""
    weight: float = 1.0
    """Share of the time, relative to the others'."""


def split_budget(seconds: float, demands: Mapping[str, Demand]) -> dict[str, int]:
    """Networks of each space, so that time is shared by weight and none is left where it is used.

    A space whose networks are all affordable gives what it does not need to the others. Where time
    does not even suffice for `LEAST` networks of a space, it gets these all the same (as far as
    there are so many): the caller says so.

    Args:
        seconds: of work, all cores together.
        demands: by space.

    Returns:
        By space, in the order of `demands`.
    """
    left = dict(demands)
    chosen: dict[str, int] = {}
    time = max(0.0, seconds)
    while left:
        total = sum(one.weight for one in left.values())
        full = [
            name
            for name, one in left.items()
            if one.available * one.seconds <= time * one.weight / total
        ]
        if not full:
            for name, one in left.items():
                fitting = int(time * one.weight / total / one.seconds)
                chosen[name] = min(one.available, max(fitting, LEAST))
            break
        for name in full:
            one = left.pop(name)
            chosen[name] = one.available
            time -= one.available * one.seconds
    return {name: chosen[name] for name in demands}
