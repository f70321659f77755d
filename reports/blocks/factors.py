"""Block: effects of conditions on each indicator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from untrained.reports.blocks.block import Part
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.grid import Column, Grid

if TYPE_CHECKING:
    from untrained.results import FactorEffect, FactorLevel


class _Line(NamedTuple):
    effect: FactorEffect
    level: FactorLevel


def factor_part(effects: Sequence[FactorEffect]) -> Part:
    """Make the part of a factorial study."""
    columns = (
        Column("indicator", "Indicator", "effect.indicator", kind="code"),
        Column("factor", "Factor", "effect.factor", kind="code"),
        Column("level", "Level", "level.level", "the first is the study's own", kind="code"),
        Column("n", "n", "effect.n", "networks scored under every combination"),
        Column("tau", f"mean {TAU}-b", "level.tau", "over all settings of the other factors"),
        Column(
            "effect",
            "effect",
            "level.effect",
            f"on {TAU}-b: difference to the mean of all",
            sign=True,
        ),
        Column(
            "agreement", f"{RHO} with the first level", "level.agreement", "all other factors equal"
        ),
        Column(
            "share",
            "share",
            "effect.share",
            f"of the variance of {TAU}-b between all combinations",
            places=2,
        ),
    )
    rows = [_Line(effect, level) for effect in effects for level in effect.levels]
    return Part(
        "conditions",
        "Sensitivity to conditions",
        "The same networks scored under every combination of the levels. `own` leaves a condition "
        "to the indicator's protocol. Agreement compares the scores under two levels: near 1, the "
        "condition does not matter, whatever the truth.",
        Grid("conditions", columns, rows),
    )
