"""What parts say about the limits of their numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from untrained.reports import Report, Section
from untrained.reports.blocks.tasks import FEW_TASKS, task_part
from untrained.reports.blocks.top import top_part
from untrained.reports.tables.grid import Column
from untrained.reports.tables.numbers import MISSING
from untrained.results import CorrelationTable


def test_slices_under_bca_intervals_say_that_their_own_are_others(
    full_table: Callable[..., CorrelationTable],
) -> None:
    def notes(**changes: object) -> str:
        part = top_part(Section(full_table(3, **changes)))
        assert part
        return " ".join(part.notes)

    assert "percentile intervals" not in notes()
    assert "intervals of the slices are percentile intervals" in notes(interval="bca")
    assert "percentile intervals" not in notes(interval="bca", resamples=0)


@pytest.mark.parametrize(("tasks", "said"), [(FEW_TASKS - 1, True), (FEW_TASKS, False)])
def test_few_tasks_make_a_rough_p(full_report: Report, tasks: int, said: bool) -> None:
    assert full_report.task_comparison
    comparison = dataclasses.replace(
        full_report.task_comparison, tasks=tuple(f"task {i}" for i in range(tasks))
    )
    part = task_part(dataclasses.replace(full_report, task_comparison=comparison))
    assert part
    assert any("rough approximation" in note for note in part.notes) == said
    assert f"over {tasks} tasks, of the indicators that have a tau-b in all of them" in part.meaning


def test_a_signed_interval_has_the_signs_of_a_positive_text() -> None:
    def shown(value: float, low: float, high: float, **how: bool) -> str:
        column = Column("x", "x", lambda _: (value, low, high), interval=True, **how)
        return column.cell(None).whole

    assert shown(-0.001, -0.01, 0.008, sign=True) == "-0.001 [-0.010, 0.008]"
    assert shown(-0.001, -0.01, 0.008, sign=True, sign_ends=True) == "-0.001 [-0.010, +0.008]"
    assert shown(0.001, -0.01, 0.008, sign=True) == "+0.001 [-0.010, +0.008]"
    assert shown(0.5, 0.4, 0.6) == "0.500 [0.400, 0.600]"
    assert shown(math.nan, math.nan, math.nan) == MISSING


def test_a_column_reads_attributes_or_computes_and_knows_what_is_missing() -> None:
    ends = SimpleNamespace(tau=0.5, tau_low=0.4, tau_high=0.6, n=np.int64(1200), text="", none=None)
    row = SimpleNamespace(inner=ends)
    assert Column("tau", get="inner.tau", interval=True).cell(row).whole == "0.500 [0.400, 0.600]"
    number = Column("n", get="inner.n").cell(row)
    assert (number.text, number.value) == ("1,200", 1200)
    missing = Column("text", get="inner.text").cell(row)
    assert (missing.text, missing.value) == (MISSING, None)
    assert Column("none", get="inner.none").cell(row).key == ""
    assert Column("n", get=lambda row: row.inner.n / 7, places=1).cell(row).text == "171.4"
