"""The leaderboard: numbers of the committed reports, in one file that loads nothing and sorts."""

from __future__ import annotations

import csv
import importlib.util
import re
import sys
from pathlib import Path

import pytest

from untrained.spaces import spaces

from .browser import Browser, needs_chromium

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def leaderboard():
    path = ROOT / "docs" / "site" / "leaderboard.py"
    spec = importlib.util.spec_from_file_location("leaderboard", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["leaderboard"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["leaderboard"]


@pytest.fixture(scope="module")
def page(leaderboard) -> str:
    return leaderboard.page()


def test_it_has_every_correlation_of_the_reports(leaderboard, page: str) -> None:
    rows = [
        (file.parent.name, row)
        for file in (ROOT / "results" / "committed").glob("*/report.csv")
        for row in csv.DictReader(file.open(encoding="utf-8"))
        if row.get("tau")
    ]
    assert len(rows) > 150
    assert page.count("<tr><td>") == len(rows)
    found = {(e.study, e.space, e.target, e.indicator): e for e in leaderboard.entries()}
    assert len(found) == len(rows)
    for study, row in rows:
        space = spaces[row["space"]].title if row["space"] in spaces else row["space"]
        entry = found[study, space, row["target"], row["indicator"]]
        assert entry.tau[0] == float(row["tau"])
        assert entry.n == int(row["n"])
        if row.get("n_functions"):
            assert entry.tau_functions[1] == float(row["tau_low_functions"])


def test_the_summary_names_the_best_of_each_table(leaderboard, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "report.csv").write_text(
        "space,target,indicator,n,tau,tau_low,tau_high,delta_tau,delta_low,delta_high,alone_s\n"
        "toy,accuracy,params,9,0.5,0.4,0.6,,,,\n"
        "toy,accuracy,naswot,9,0.7,,,0.2,0.1,0.3,1.5\n"
    )
    (line,) = leaderboard.summary(tmp_path).splitlines()[6:]
    assert line.startswith("| toy: accuracy | [made]")
    assert line.endswith("| `naswot` | 0.700 |  | 0.500 | 1.5 |")
    page = leaderboard.page(tmp_path)
    assert "+0.200 <small>[+0.100, +0.300]</small>" in page
    assert "<td>0.700" in re.sub(r' data-v="[^"]*"', "", page)


def test_it_loads_nothing(page: str) -> None:
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|src=|@import|url\(", page)


@needs_chromium
@pytest.mark.slow
def test_headings_sort_and_fields_filter(page: str, tmp_path: Path) -> None:
    script = """
    const rows = () => [...document.querySelectorAll("tbody tr")].filter(r => !r.hidden);
    const column = place => rows().map(r => r.cells[place].dataset.v);
    document.querySelectorAll("th button")[4].click();
    const down = column(4).map(Number);
    document.querySelectorAll("th button")[4].click();
    const up = column(4).map(Number);
    const field = document.querySelector("#text");
    field.value = "synflow"; field.dispatchEvent(new Event("input"));
    return {down, up, names: [...new Set(rows().map(r => r.cells[0].textContent))]};
    """
    found = Browser(tmp_path).check(page, script)
    assert found["down"] == sorted(found["down"], reverse=True)
    assert found["up"] == sorted(found["up"])
    assert all("synflow" in name for name in found["names"])
    assert len(found["names"]) >= 2
