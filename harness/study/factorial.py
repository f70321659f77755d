"""A factorial study: the same indicators on the same networks under every combination of levels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from untrained.harness.study.plan import Plan, plan_study
from untrained.harness.study.study import Factors
from untrained.harness.study.study_file import NamedStudy
from untrained.harness.study.truth import NoTruth

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from untrained.harness.study.truth import ChosenTruth
    from untrained.results import FactorEffect, ScoreStore

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


def effects_of_factors(
    cells: Sequence[Cell], store: ScoreStore, truths: Mapping[str, ChosenTruth | NoTruth]
) -> dict[str, tuple[FactorEffect, ...]]:
    """What every factor does to every indicator, by search space.

    Args:
        cells: as `plan_cells` gives them, scored.
        truths: by search space; one without accuracies has no effects.

    Returns:
        Effects in the order of the indicators, without those that no factor changes; empty for a
        study without factors.
    """
    from untrained.harness.analysis.score_matrix import wide_scores
    from untrained.harness.analysis.score_selection import ranked_of_plan
    from untrained.indicators import indicators
    from untrained.results import factor_effects

    factors = list(cells[0].levels)
    if not factors:
        return {}
    found = {}
    for number, plan in enumerate(cells[0].plans):
        truth = truths[plan.space]
        if isinstance(truth, NoTruth):
            continue
        wide = {
            tuple(cell.levels.values()): wide_scores(ranked_of_plan(cell.plans[number], store))
            for cell in cells
        }
        values = truth.values(plan.selection.architectures)
        found[plan.space] = tuple(
            effect
            for name in plan.protocols
            if len({cell.plans[number].protocols[name].digest for cell in cells}) > 1
            for effect in factor_effects(
                {levels: scores[name] for levels, scores in wide.items()},
                values if truth.higher_is_better else -values,
                indicator=name,
                factors=factors,
                reference=tuple(cells[0].levels.values()),
                higher_is_better=indicators[name].higher_is_better,
            )
        )
    return found
