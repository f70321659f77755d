"""The report of a search for a task, from numbers made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from untrained.reports import formats
from untrained.reports.pages.search import rivals_grid, task_search_report
from untrained.results.searches.table import Rival, TaskSearchTable, TriedTask, trials_frame
from untrained.results.statistics.correlation import correlate

NAN = float("nan")


def tried(number: int, name: str, rho: float, parent: int = 0) -> TriedTask:
    return TriedTask(number, parent, name, rho, rho / 2, 12.0, f"noise; {name} | signals")


TRIED = (
    tried(1, "aa", 0.5),
    tried(2, "bb", NAN),
    tried(3, "cc", 0.8, 1),
    tried(4, "cc", 0.8, 3),
    tried(5, "dd", -0.2, 3),
)


def table() -> TaskSearchTable:
    rng = np.random.default_rng(0)
    scores = pd.DataFrame({"found task": rng.normal(size=12), "parameters": rng.normal(size=12)})
    rows = correlate(
        scores,
        pd.Series(rng.normal(size=12)),
        higher_is_better={"found task": False, "parameters": True},
    )
    rivals = tuple(Rival(row.indicator, row, row) for row in rows)
    return TaskSearchTable("A task", ("Seed: 0",), TRIED, TRIED[2], 2, rivals, ("a note",))


def test_every_task_is_listed_once_the_best_first_and_the_undefined_last():
    report = task_search_report(table(), version="1")
    text = formats["markdown"].render(report)
    lines = [line for line in text.splitlines() if "\\| signals |" in line]
    assert [line.split(" | ")[0].strip("| ") for line in lines] == ["cc", "aa", "dd", "bb"]
    assert [line.split(" | ")[1].strip() for line in lines] == ["3", "1", "5", "2"]
    assert "The best of 5 tasks is number 3 (cc)" in text
    assert "median rho 0.500, best 0.500 of 2" in text
    assert "- Seed: 0\n" in text
    assert "- a note\n" in text
    tasks = formats["tables"].make(report)["all-tasks.csv"].splitlines()
    assert tasks[1] == "cc,3,1,0.800000,0.400000,12.000000,noise; cc | signals"


def test_rows_and_the_file_agree_with_it():
    found = table()
    rows = rivals_grid(found).texts()
    assert [row["ranking by"] for row in rows] == ["found task", "parameters"]
    text = formats["markdown"].render(task_search_report(found))
    assert rows[0]["held-out rho [95 %]"] in text
    frame = trials_frame(TRIED)
    assert frame["rho"].isna().tolist() == [False, True, False, False, False]
    assert frame["parent"].tolist() == [0, 0, 1, 3, 3]
