"""What a new indicator says beyond the size of a network, and beyond other indicators."""

from __future__ import annotations

import math
from collections.abc import Iterator

from untrained.reports.columns import RHO, TAU
from untrained.reports.grid import Cell, Grid, GridColumn, number, words
from untrained.reports.part import Part
from untrained.reports.verdict_sentences import short_target
from untrained.results.contribution import Contribution
from untrained.results.evidence import Evidence
from untrained.results.standing import Standing


def size_part(evidence: Evidence) -> Part | None:
    """Correlation with the sizes, and what is left given them."""
    rows = [_size_row(one) for one in evidence.standings if one.rho_with]
    if not rows:
        return None
    return Part(
        "size",
        "Beyond the size of the network",
        "What is left of the rank correlation with the accuracy when the ranks of a size are held "
        "fixed. Nothing is left (a dash) of a score that ranks as the size does.",
        Grid(
            "size",
            (
                GridColumn("target", "Target", kind="text"),
                GridColumn("rho_params", f"{RHO} with params"),
                GridColumn("rho_flops", f"{RHO} with FLOPs"),
                GridColumn("given_params", f"{RHO} given params", interval=True),
                GridColumn("given_flops", f"{RHO} given FLOPs", interval=True),
                GridColumn("given_both", f"{RHO} given both", interval=True, aside=True),
            ),
            tuple(rows),
        ),
    )


def _size_row(one: Standing) -> tuple[Cell, ...]:
    rhos = dict(one.rho_with)
    partial = {p.given: p for p in one.partial}

    def given(*sizes: str) -> Cell:
        found = partial.get(sizes)
        if found is None:
            return number(math.nan)
        return number(found.rho, low=found.rho_low, high=found.rho_high)

    return (
        words(short_target(one.space, one.target)),
        number(rhos.get("params", math.nan)),
        number(rhos.get("flops", math.nan)),
        given("params"),
        given("flops"),
        given("params", "flops"),
    )


def redundancy_part(evidence: Evidence) -> Part | None:
    """The indicator it ranks most like, the best one, and what it adds to each."""
    rows = [row for one in evidence.standings for row in _additions(one)]
    if not rows:
        return None
    return Part(
        "redundancy",
        "What it adds to others",
        f"{RHO} is that between the two scores. The sum of the two indicators' ranks is compared "
        "with the other indicator alone, on the same networks: a difference above zero says that "
        "something is added.",
        Grid(
            "redundancy",
            (
                GridColumn("target", "Target", kind="text"),
                GridColumn("role", "beside", kind="text"),
                GridColumn("other", "indicator", kind="text", code=True),
                GridColumn("rho", RHO),
                GridColumn("tau", f"its {TAU}-b"),
                GridColumn("sum", f"{TAU}-b of the sum"),
                GridColumn("delta", "difference", interval=True),
            ),
            tuple(rows),
        ),
    )


def _additions(one: Standing) -> Iterator[tuple[Cell, ...]]:
    where = short_target(one.space, one.target)
    nearest_is_best = one.nearest is not None and one.nearest.other == one.best
    roles: list[tuple[str, Contribution | None]] = [
        ("the most alike, and the best" if nearest_is_best else "the most alike", one.nearest),
        ("the best", one.with_best),
    ]
    for role, found in roles:
        if found is not None:
            yield (
                words(where),
                words(role),
                words(found.other),
                number(found.rho),
                number(found.tau_other),
                number(found.tau_sum),
                number(found.delta, sign=True, low=found.delta_low, high=found.delta_high),
            )
