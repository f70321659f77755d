"""Heat maps of correlations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from untrained.reports.blocks.block import Part
from untrained.reports.figures.drawing import DIVERGING, GREY, Figure, drawable, wrapped
from untrained.reports.tables.columns import MINUS
from untrained.reports.tables.grid import Grid, GridColumn, number, words
from untrained.reports.tables.numbers import MISSING

if TYPE_CHECKING:
    import matplotlib.figure
    import numpy.typing as npt
    from matplotlib.axes import Axes

    from untrained.results import CorrelationRow, CorrelationTable


def draw_matrix(
    axes: Axes,
    values: npt.NDArray[np.float64],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    places: int = 2,
    fontsize: float = 6.5,
) -> None:
    """Draw a matrix whose colours run from -1 to 1.

    Args:
        axes: empty.
        values: in [-1, 1], NaN = missing, shape (rows, columns).
        places: decimals of the numbers in the cells; without the leading zero.
    """
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    colours = colormaps[DIVERGING]
    scale = Normalize(-1, 1)
    # cells as shapes and not as a picture: sharp at any size, no pixels inside an SVG
    axes.pcolormesh(np.ma.masked_invalid(values), cmap=colours, norm=scale, edgecolors="none")
    for i, line in enumerate(values):
        for j, value in enumerate(line):
            known = not math.isnan(value)
            dark = known and _luminance(colours(scale(value))) < 0.4
            axes.text(
                j + 0.5,
                i + 0.5,
                _short(value, places),
                ha="center",
                va="center_baseline",
                fontsize=fontsize,
                color="#ffffff" if dark else "#101010" if known else GREY,
            )
    axes.set_yticks(np.arange(len(rows)) + 0.5)
    axes.set_yticklabels(list(rows), parse_math=False)
    axes.set_xticks(np.arange(len(columns)) + 0.5)
    axes.set_xticklabels(list(columns), rotation=90 if len(columns) > 6 else 0, parse_math=False)
    axes.invert_yaxis()
    axes.tick_params(length=0, labelsize=6.5, top=True, bottom=False)
    axes.xaxis.tick_top()
    for spine in axes.spines.values():
        spine.set_visible(False)


def _short(value: float, places: int) -> str:
    """A correlation without its leading zero."""
    if math.isnan(value):
        return MISSING
    return f"{value:z.{places}f}".replace("0.", ".", 1).replace("-", MINUS)


def _luminance(colour: tuple[float, float, float, float]) -> float:
    """Relative luminance of an sRGB colour."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def heat_map_part(tables: Sequence[CorrelationTable]) -> Part | None:
    """Indicators x tables; None unless two tables share an indicator.

    Indicators stand in the order of their mean tau-b over the tables that have it.
    """
    found: dict[str, dict[int, CorrelationRow]] = {}
    for number_, table in enumerate(tables):
        for row in table.rows:
            found.setdefault(row.correlation.indicator, {})[number_] = row.correlation
    if not any(len(cells) > 1 for cells in found.values()):
        return None
    means = {name: _mean(cells.values()) for name, cells in found.items()}
    names = sorted(found, key=lambda name: (math.isnan(means[name]), -means[name], name))
    headings = short_titles([table.title for table in tables])
    empty = number(math.nan)
    grid = Grid(
        "heat-map",
        (
            GridColumn("indicator", "Indicator", kind="text", code=True),
            GridColumn("mean_tau", "mean τ-b", "over the tables that have it"),
            *(
                GridColumn(f"tau_{i}", heading, interval=True)
                for i, heading in enumerate(headings, start=1)
            ),
        ),
        tuple(
            (
                words(name),
                number(means[name]),
                *(
                    number(cell.tau, low=cell.tau_low, high=cell.tau_high)
                    if (cell := found[name].get(i))
                    else empty
                    for i in range(len(tables))
                ),
            )
            for name in names
        ),
    )
    return Part(
        "heat-map",
        "Indicators on all tables",
        f"Kendall's tau-b, positive where an indicator ranks in the direction it claims; {MISSING} "
        "where it was not scored or is constant. Populations and targets are those of each table.",
        grid,
        (_figure(found, names, headings),),
    )


def short_titles(titles: Sequence[str]) -> list[str]:
    """Titles without the words at their beginning that all share.

    >>> short_titles(["NAS-Bench-201: cifar10", "NAS-Bench-201: cifar100"])
    ['cifar10', 'cifar100']
    """
    split = [title.split() for title in titles]
    shared = 0
    while (
        len(split) > 1
        and all(len(words_) > shared + 1 for words_ in split)
        and (len({words_[shared] for words_ in split}) == 1)
    ):
        shared += 1
    return [" ".join(words_[shared:]) for words_ in split]


def _mean(rows: Iterable[CorrelationRow]) -> float:
    known = [row.tau for row in rows if not math.isnan(row.tau)]
    return float(np.mean(known)) if known else math.nan


def _figure(
    found: dict[str, dict[int, CorrelationRow]], names: list[str], headings: list[str]
) -> Figure:
    values = np.array(
        [
            [found[name][i].tau if i in found[name] else math.nan for i in range(len(headings))]
            for name in names
        ]
    )

    def draw(figure: matplotlib.figure.Figure) -> None:
        draw_matrix(
            figure.add_subplot(),
            values,
            [drawable(name) for name in names],
            [wrapped(heading, 22, 3) for heading in headings],
        )

    size = (1.6 + 0.75 * len(headings), 1.1 + 0.2 * len(names))
    return Figure("heat-map", "Kendall's tau-b of indicators on several tables", size, draw)
