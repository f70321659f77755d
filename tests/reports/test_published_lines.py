"""The table of published values, as each format prints it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest

from untrained.reports import Report, Section, formats
from untrained.reports.blocks.published import published_part
from untrained.reports.tables.grid import Cell
from untrained.reports.tables.numbers import MISSING
from untrained.results import Comparison, CorrelationTable, PublishedValue, TableRow


def printed(metric: str = "kendall", **changes: object) -> PublishedValue:
    fields: dict[str, object] = {
        "space": "nasbench201",
        "dataset": "cifar10",
        "indicator": "naswot",
        "metric": metric,
        "value": 0.557,
        "n": 15625,
        "target": "test accuracy",
        "absolute": False,
        "source": "A & B 2024",
        "note": "all networks",
    }
    return PublishedValue(**(fields | changes))  # type: ignore[arg-type]


def lines(table: CorrelationTable) -> list[list[Cell]]:
    part = published_part(Section(table))
    assert part
    assert part.grid
    return [[column.cell(row) for column in part.grid.columns] for row in part.grid.rows]


@pytest.fixture
def compared(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> CorrelationTable:
    return table(
        row("snip", tau=0.9),
        row("naswot", tau=0.5),
        published=(
            Comparison(printed(), 0.621, 0.59, 0.649, 4.3, "no"),
            Comparison(printed("spearman", value=0.78), 0.802, 0.771, 0.829, -0.4, "yes"),
            Comparison(printed(source="C 2025", n=None, target=""), 0.621, 0.59, 0.649, math.nan),
            Comparison(printed(indicator="snip", absolute=True), -0.5, -0.6, -0.4, 1.0),
        ),
    )


def test_tau_and_rho_of_one_source_share_a_line(compared: CorrelationTable) -> None:
    snip, both, bare = ([cell.whole for cell in line] for line in lines(compared))
    assert both == [
        *("naswot", "0.557", "0.621 [0.590, 0.649]", "no", "+4.3"),
        *("0.780", "0.802 [0.771, 0.829]", "yes", "-0.4"),
        *("15,625", "test accuracy", "A & B 2024"),
        "all networks",
    ]
    assert bare[3:11] == ["cannot say", *[MISSING] * 7]
    assert snip[:5] == ["snip", "0.557 abs.", "-0.500 [-0.600, -0.400]", "cannot say", "+1.0"]


def test_two_values_of_one_thing_by_one_source_stand_apart(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    twice = table(
        row("naswot"),
        published=tuple(
            Comparison(printed(value=value), 0.6, 0.5, 0.7, 0.0) for value in (0.45, 0.84)
        ),
    )
    assert [line[1].text for line in lines(twice)] == ["0.450", "0.840"]


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_pages_show_them_and_only_where_there_are_any(
    name: str, compared: CorrelationTable, table: Callable[..., CorrelationTable]
) -> None:
    text = formats[name].render(Report("T", (Section(compared),)))
    assert "Published beside measured" in text
    assert (" 0.621 [0.590, 0.649] |" in text) == (name == "markdown")
    assert "A &amp; B 2024" in text
    assert "Published beside" not in formats[name].render(Report("T", (Section(table()),)))


def test_json_has_every_field(compared: CorrelationTable) -> None:
    document = json.loads(formats["json"].render(Report("T", (Section(compared),))))
    first, _, bare, _ = document["tables"][0]["published"]
    assert first["published"]["value"] == 0.557
    assert (first["z"], first["within"]) == (4.3, "no")
    assert bare["z"] is None
