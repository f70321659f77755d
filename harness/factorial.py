"""A factorial study: the same indicators on the same networks under every combination of levels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from untrained.harness.plan import Plan, plan_study
from untrained.harness.study import Factors
from untrained.harness.study_file import NamedStudy

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN = "own"
"""Level of a factor that the study leaves to each indicator's protocol."""


@dataclass(frozen=True)
class Cell:
    """One combination of levels."""

    levels: Mapping[str, str]
    """By factor, in words."""
    plans: tuple[Plan, ...]
    """One a search space."""


def plan_cells(named: NamedStudy) -> list[Cell]:
    """The plans of every combination of levels, the study's own first.

    Args:
        named: a study; one without factors has one cell, itself.

    Raises:
        UserError: see `plan_study`, of every cell.
    """
    varied = {
        name: tuple(dict.fromkeys((getattr(named.study, name), *further)))
        for name, further in named.study.factors.varied.items()
    }
    cells = []
    for values in product(*varied.values()):
        changes = dict(zip(varied, values, strict=True))
        study = named.study.model_copy(update=changes | {"factors": Factors()})
        cells.append(
            Cell(
                {name: OWN if value is None else str(value) for name, value in changes.items()},
                tuple(plan_study(replace(named, study=study))),
            )
        )
    return cells
