"""Names are drawn as they are: no formulas, no comments of matplotlib's, no fonts needed."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from untrained.reports.figures.cost_quality import cost_quality
from untrained.reports.figures.dot_rows import Dots, dot_rows
from untrained.reports.figures.drawing import Figure, power
from untrained.reports.figures.heat_map import draw_matrix
from untrained.reports.figures.scatter import points, scatter
from untrained.reports.figures.searches import logged_figure, pruning_figure
from untrained.results import CorrelationTable, TableRow
from untrained.results.searches.runs import Curve, Logged, Pruning

NAME = "_50 % of $\\frac{x}_1$ <名前>"
"""Is no formula, is named by its first letter as matplotlib names what legends leave out."""


def dots() -> Figure:
    series = [Dots(NAME, (0.1, 0.2)), Dots("other", (0.3, 0.4))]
    return dot_rows([NAME, "b"], series, name="f", text="", x_label=NAME)


def matrix() -> Figure:
    values = np.array([[1.0, -0.5], [-0.5, np.nan]])
    names = [NAME, "b"]
    return Figure("f", "", (3, 3), lambda f: draw_matrix(f.subplots(), values, names, names))


def logged() -> Figure:
    curve = Curve(np.arange(1.0, 30.0), np.arange(58.0).reshape(2, 29) ** 2 + 1)
    return logged_figure([Logged(NAME, {NAME: curve}), Logged("b", {NAME: curve})])


def pruning() -> Figure:
    return pruning_figure([Pruning(NAME, NAME, NAME, (np.array([[1.0, 2.0], [2.0, 999.0]]),))])


def scattered() -> Figure:
    values = pd.Series({"a": 1.0, "b": 9.0})
    return scatter(points(values, values), x_label=NAME, y_label=NAME, name="f")


def lines_of(svg: str) -> list[str]:
    root = ET.fromstring(svg)
    return ["".join(node.itertext()) for node in root.iter() if node.tag.endswith("}text")]


@pytest.mark.parametrize(
    ("make", "times"), [(dots, 3), (matrix, 2), (logged, 2), (pruning, 3), (scattered, 2)]
)
def test_a_name_is_no_formula(make: Callable[[], Figure], times: int) -> None:
    figure = make()
    for svg in (figure.svg(), figure.inline("f1")):
        # axes of logged values end with the letter that stands for them
        shown = [plain(re.sub(" [(].[)]$", "", line)) for line in lines_of(svg)]
        assert shown.count(plain(NAME)) == times
    assert figure.pdf().startswith(b"%PDF-")


def plain(text: str) -> str:
    """Without underscores, which are blanks in the names of logged values."""
    return text.replace("_", " ").strip()


def test_a_table_and_an_indicator_are_named_as_they_are(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    figure = cost_quality([table(row(NAME), title=NAME)])
    assert figure is not None
    shown = lines_of(figure.svg())
    assert NAME in shown
    assert any(line.startswith(f"{NAME} (n = ") for line in shown)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1e-9, "10⁻⁹"),
        (-1e12, "-10¹²"),
        (1.0, "10⁰"),
        (-2e-5, "-2\N{MULTIPLICATION SIGN}10⁻⁵"),
    ],
)
def test_powers_of_ten_are_text(value: float, text: str) -> None:
    assert power(value) == text
