"""Combinations of levels, and what they ask for."""

from __future__ import annotations

import pytest

from untrained.foundation import UserError
from untrained.harness.study.plan import OWN, plan_cells, plan_study

FACTORS = {"inputs": ["ones"], "batch_size": [4, 16], "initialisation": ["gaussian"]}


def test_a_study_without_factors_is_its_own_only_cell(tiny_study):
    (cell,) = plan_cells(tiny_study())
    assert cell.levels == {}
    assert [plan.keys for plan in cell.plans] == [plan.keys for plan in plan_study(tiny_study())]


def test_every_combination_is_planned_once_and_the_studys_own_first(tiny_study):
    study = tiny_study(indicators=["naswot", "grad_norm"], factors=FACTORS)
    cells = plan_cells(study)
    assert len(cells) == 2 * 3 * 2
    assert cells[0].levels == {"inputs": "gaussian", "batch_size": "8", "initialisation": OWN}
    assert len({tuple(cell.levels.values()) for cell in cells}) == len(cells)
    protocols = [cell.plans[0].protocols["grad_norm"] for cell in cells]
    assert len({protocol.digest for protocol in protocols}) == len(cells)
    assert cells[0].plans[0].keys == plan_study(study)[0].keys
    last = protocols[-1]
    assert (last.inputs, last.batch_size, last.initialisation) == ("ones", 16, "gaussian")


def test_a_level_that_the_study_has_already_is_no_second_one(tiny_study):
    assert len(plan_cells(tiny_study(factors={"inputs": ["gaussian", "ones"]}))) == 2


def test_an_indicator_that_a_factor_does_not_touch_has_one_protocol(tiny_study):
    cells = plan_cells(tiny_study(indicators=["params"], factors={"batch_size": [4, 8]}))
    assert len({cell.plans[0].protocols["params"].digest for cell in cells}) == 1


def test_an_unknown_level_is_named(tiny_study):
    with pytest.raises(UserError, match="no initialisation named 'gausian'; did you mean gaussian"):
        plan_cells(tiny_study(factors={"initialisation": ["gausian"]}))
