"""What parts say about the limits of their numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from untrained.reports import Report, Section
from untrained.reports.blocks.tasks import FEW_TASKS, task_part
from untrained.reports.blocks.top import top_part
from untrained.reports.tables.grid import number
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
    cell = number(-0.001, sign=True, low=-0.01, high=0.008)
    assert dataclasses.replace(cell, signed=True).whole == "-0.001 [-0.010, +0.008]"
    assert number(0.001, sign=True, low=-0.01, high=0.008).whole == "+0.001 [-0.010, +0.008]"
    assert number(0.5, low=0.4, high=0.6).whole == "0.500 [0.400, 0.600]"
