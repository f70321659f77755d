"""Heat maps of correlations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from untrained.reports.blocks.block import Part
from untrained.reports.figures.drawing import Figure, drawable, wrapped
from untrained.reports.tables.columns import MINUS
from untrained.reports.tables.grid import Column, Grid, estimate_of
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
    fontsize: float = 6.5,
) -> None:
    """Draw a matrix whose colours run from -1 to 1.

    Args:
        axes: empty.
        values: in [-1, 1], NaN = missing, shape (rows, columns).
        fontsize: of the numbers in the cells.
    """
    import seaborn as sns

    shown = [[f"{value:z.2f}".replace("-", MINUS) for value in row] for row in values]
    sns.heatmap(
        values,
        ax=axes,
        vmin=-1,
        vmax=1,
        # red below zero, blue above: both pale enough for dark numbers, on dark pages too
        cmap=sns.diverging_palette(20, 245, s=90, l=55, as_cmap=True),
        annot=np.array(shown),
        fmt="",
        annot_kws={"fontsize": fontsize, "color": "#101010"},
        cbar=False,
        xticklabels=False,
        yticklabels=False,
    )
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=90 if len(columns) > 6 else 0)
    axes.tick_params(
        length=0, labelsize=6.5, top=True, bottom=False, labeltop=True, labelbottom=False
    )


def heat_map_part(tables: Sequence[CorrelationTable]) -> Part | None:
    """Show indicators x tables; None unless two tables share an indicator.

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
    columns = (
        Column("indicator", "Indicator", str, kind="code"),
        Column("mean_tau", "mean τ-b", means.get, "over the tables that have it"),
        *(_tau_column(i, heading, found) for i, heading in enumerate(headings)),
    )
    return Part(
        "heat-map",
        "Indicators on all tables",
        f"Kendall's tau-b, positive where an indicator ranks in the direction it claims; {MISSING} "
        "where it was not scored or is constant. Populations and targets are those of each table.",
        Grid("heat-map", columns, names),
        (_figure(found, names, headings),),
    )


def _tau_column(place: int, heading: str, found: dict[str, dict[int, CorrelationRow]]) -> Column:
    return Column(
        f"tau_{place + 1}",
        heading,
        lambda name: estimate_of(found[name].get(place), "tau"),
        interval=True,
    )


def short_titles(titles: Sequence[str]) -> list[str]:
    """Cut the words that all titles begin with.

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
