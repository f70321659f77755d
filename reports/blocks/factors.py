"""What a change of conditions does to each indicator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.grid import GridColumn, number, paired, whole_number, words

if TYPE_CHECKING:
    from untrained.results import FactorEffect


def factor_part(effects: Sequence[FactorEffect]) -> Part:
    """The part of a factorial study."""
    grid = paired(
        "conditions",
        (
            GridColumn("indicator", "Indicator", kind="text", code=True),
            GridColumn("factor", "Factor", kind="text", code=True),
            GridColumn("level", "Level", "the first is the study's own", kind="text", code=True),
            GridColumn("n", "n", "networks scored under every combination"),
            GridColumn("tau", f"mean {TAU}-b", "over all settings of the other factors"),
            GridColumn("effect", "effect", f"on {TAU}-b: difference to the mean of all"),
            GridColumn("agreement", f"{RHO} with the first level", "all other factors equal"),
            GridColumn("share", "share", f"of the variance of {TAU}-b between all combinations"),
        ),
        tuple(
            (
                words(one.indicator),
                words(one.factor),
                words(level.level),
                whole_number(one.n),
                number(level.tau),
                number(level.effect, sign=True),
                number(level.agreement),
                number(one.share, 2),
            )
            for one in effects
            for level in one.levels
        ),
    )
    return Part(
        "conditions",
        "Sensitivity to conditions",
        "The same networks scored under every combination of the levels. `own` leaves a condition "
        "to the indicator's protocol. Agreement compares the scores under two levels: near 1, the "
        "condition does not matter, whatever the truth.",
        grid,
    )
