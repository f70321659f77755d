"""A report on searches: every part in every format, hostile names, and the page in a browser."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import matplotlib.figure
import numpy as np
import pytest

from untrained.reports import formats
from untrained.reports.figures.searches import anytime_figure
from untrained.reports.pages.search import (
    cost_text,
    search_files,
    search_grids,
    search_json,
    search_report,
)
from untrained.reports.tables.numbers import MISSING
from untrained.results.searches.comparison import EqualCost, RandomRanks, RankedAnswer
from untrained.results.searches.pools import Pools, pool_spread
from untrained.results.searches.runs import (
    Curve,
    Landscape,
    Logged,
    Pruning,
    Route,
    Surface,
    summarise,
)
from untrained.results.searches.speed import SpeedUp
from untrained.results.searches.table import (
    Column,
    PublishedSearch,
    PublishedSearchComparison,
    SearchRow,
    SearchTable,
)

from .browser import Browser, needs_chromium

HOSTILE = "<script>alert(1)</script> | a_b"


def curve(top: float) -> Curve:
    grid = np.geomspace(1, 100, 20)
    mean = top - 10 / grid
    return Curve(grid, np.stack([mean - 1, mean, mean + 1]))


@pytest.fixture(scope="module")
def table() -> SearchTable:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((60, 2))
    heights = [Surface(name, rng.random(60), 0.25) for name in ("ntk_condition", "accuracy")]
    heights[0].height[3] = math.nan
    route = Route(HOSTILE, 2, points[[0, 5, 9]], np.array([1, 4, 30]))
    rows = (
        SearchRow(
            HOSTILE,
            "teg",
            (summarise([90.0, 91.0, 92.0]),),
            evaluations=summarise([100.0, 100.0, 100.0]),
            cost_s=summarise([40.0, 50.0, 60.0]),
            reaching=summarise([5.0, math.nan, 7.0]),
            settings="steps = 10",
            facts=("scores of 60 networks",),
            curve=curve(92.0),
        ),
        SearchRow("random network", "", (summarise([80.0]),), settings="exact: all"),
    )
    cell = PublishedSearch("rea", "toy", "cifar10", "test_accuracy", 93.9, 0.3, 500, "somebody")
    return SearchTable(
        title=f"Searches {HOSTILE}",
        space="toy",
        dataset="cifar10",
        benchmark="a table",
        sha256="0" * 64,
        command="untrained search toy",
        seed=0,
        columns=(Column("cifar10", "test_accuracy", "cifar10 test accuracy", 94.0, True),),
        main=0,
        rows=rows,
        published=(PublishedSearchComparison(cell, 93.8, 0.2, 3, 0.1),),
        notes=("searches see scores",),
        speed_ups=(
            SpeedUp(HOSTILE, "rea", 0.97, 91.2, 12.0, 1200.0, 50.0, 150.0, 0.95, 3, 3),
            SpeedUp(HOSTILE, "rea", 0.99, 93.1, math.nan, 900.0, math.nan, 0.0, 0.95, 3, 3),
        ),
        equal_costs=(
            EqualCost(HOSTILE, summarise([90.0, 92.0]), 50.0, 25, 2.0, 89.0, 1.0, 0, "naswot"),
        ),
        ranks=RandomRanks(
            summarise(rng.random(50)),
            0.99,
            (RankedAnswer(HOSTILE, 0, "|a~0|", "Genotype(normal=[])", 0.5, 7),),
        ),
        landscape=Landscape(points, tuple(heights), (route,), 6, 0.09),
        logged=(Logged(HOSTILE, {"ntk_condition": curve(200.0), "entropy": curve(9.0)}),),
        prunings=(Pruning("te_nas", "linear_regions", "ntk_condition", (points[:4], points[4:8])),),
    )


@pytest.fixture(scope="module")
def files(table):
    return search_files(table, version="1.0")


def test_the_files_are_there_and_the_same_every_time(table, files):
    figures = {"anytime", "landscape", "series", "pruning"}
    assert set(files) == {"report.md", "report.html"} | {
        f"{name}.{suffix}" for name in figures for suffix in ("svg", "pdf")
    }
    for name in figures:
        assert f"({name}.svg)" in files["report.md"]
    again = [figure for part in search_report(table).parts for figure in part.figures]
    assert {f"{figure.name}.svg" for figure in again} <= set(files)
    for figure in again:
        assert figure.svg() == files[f"{figure.name}.svg"]


def test_every_part_stands_in_both_documents(files):
    for title in (
        "What was found",
        "What was found by each cost",
        "Distance and speed",
        "Beside random search at equal cost",
        "Time to fixed levels",
        "Among random networks",
        "Beside published values",
        "Landscapes",
        "What searches logged",
        "Rounds of pruning",
        "What each search is",
    ):
        assert f"## {title}\n" in files["report.md"]
        assert f"<h2>{title}</h2>" in files["report.html"]
    assert "scores of 60 networks" in files["report.md"]


def test_hostile_names_are_escaped(files):
    assert "<script>alert" not in files["report.html"]
    assert "<script>alert" not in files["report.md"]
    assert "<script>alert" not in files["series.svg"]


def test_the_json_holds_what_is_compared(table):
    document = json.loads(search_json(table))
    assert document["speed_ups"][0]["ratio"] == 100
    assert document["equal_cost"][0]["difference"] == 2.0
    assert document["ranks"]["answers"][0]["rank"] == 7
    assert document["rows"][1]["cost_s"] is None


def test_numbers_are_printed_as_they_are_meant(table):
    grids = {grid.name: grid for grid in search_grids(table)}
    assert list(grids) == ["found", "distance", "equal-cost", "speed", "ranks", "published"]
    speed, never = grids["speed"].texts()
    assert (speed["of the optimum"], speed["level"], speed["after s"]) == ("97 %", "91.20", "12")
    assert (never["after s"], never["times faster"]) == ("never", MISSING)
    assert speed["times faster"] == "100"
    assert speed["95 % interval"] == "50 to 150"
    distance, rule = grids["distance"].texts()
    assert distance["distance to the optimum"] == "3.00"
    assert distance["runs that came to 99 % of it"] == "2 of 3"
    assert rule["runs that came to 99 % of it"] == ""
    assert cost_text(0.4567) == "0.457"


@needs_chromium
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_logs_nothing_and_fits_its_window(table, tmp_path: Path, width: int):
    browser = Browser(tmp_path)
    html = search_files(table)["report.html"]
    assert isinstance(html, str)
    sizes = browser.check(
        html,
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth];",
        f"--window-size={width},900",
    )
    assert sizes[0] <= sizes[1]


def test_without_a_known_optimum_no_distance_is_shown(table):
    column = replace(table.columns[0], optimum=math.nan)
    unknown = replace(table, columns=(column,), notes=("all is PREDICTED",))
    text = formats["markdown"].render(search_report(unknown))
    assert "## Spread over runs" in text
    assert "## Distance and speed" not in text
    assert "distance to the optimum" not in text
    assert "All is PREDICTED." in text


def test_nothing_is_tabulated_about_a_column_that_is_not_there(table):
    pools = Pools(2, 10, 20, None)
    spread = pool_spread([1.0, 2.0], pools)
    rows = tuple(replace(row, pools=pools, spreads=(spread,)) for row in table.rows)
    assert "pools" in [grid.name for grid in search_grids(replace(table, rows=rows))]
    none = replace(table, rows=rows, main=-1, equal_costs=(), speed_ups=(), ranks=None)
    assert [grid.name for grid in search_grids(none)] == ["found", "published"]


def test_other_formats_hold_the_same_tables(table):
    report = search_report(table)
    lines = formats["csv"].render(report).splitlines()
    assert lines[0] == "search,runs,evaluations,cost_s,cifar10_test_accuracy"
    assert lines[2] == "random network,,,,80.000000"
    assert "\\caption{Time to fixed levels." in formats["latex"].render(report)
    files = formats["tables"].make(report)
    assert {"all-found.csv", "all-speed.csv", "all-settings.csv"} < set(files)


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_the_better_end_of_a_band_is_not_cut(table, higher_is_better):
    column = replace(table.columns[0], optimum=math.nan, higher_is_better=higher_is_better)
    drawn = anytime_figure(replace(table, columns=(column,)))
    figure = matplotlib.figure.Figure()
    drawn.draw(figure)
    low, high = figure.axes[0].get_ylim()
    values = table.rows[0].curve.values
    if higher_is_better:
        assert high > np.percentile(values, 90, axis=0).max()
    else:
        assert low < np.percentile(values, 10, axis=0).min()
