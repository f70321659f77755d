"""A scatter plot as inline SVG that takes the page's text colour, on light and dark alike."""

from __future__ import annotations

import io
import math
import re
import textwrap
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from untrained.reports.points import Points

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

RASTER_ABOVE = 2000
"""With more points than this they become one picture inside the SVG, to keep the page small."""

_INK = "#010203"  # stands for the page's text colour until the SVG is written
_POINTS = "#3f7fbf"  # a mid blue: contrast about 4 against a white and a near-black page
_GROUP = "points"
_STYLE: dict[str, Any] = {
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same extents everywhere
    "font.size": 8.0,
    "svg.fonttype": "none",
    "text.color": _INK,
    "xtick.color": _INK,
    "xtick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.color": _INK,
    "ytick.major.width": 0.6,
}


def scatter_svg(points: Points, *, x_label: str, y_label: str, name: str) -> str:
    """Draw scores (x) against ground truth (y).

    Args:
        points: at least one.
        x_label: name of the score.
        y_label: name and unit of the truth; long ones are wrapped.
        name: unique in the page; ids inside the SVG are made of it. Letters, digits, hyphens.

    Returns:
        An `<svg>` element: the same input gives the same text.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    stream = io.StringIO()
    with style.context(["default", {**_STYLE, "svg.hashsalt": name}]):
        figure = Figure(figsize=(3.5, 2.6), layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, points)
        # names are text, not formulas: a dollar sign in one must not be parsed
        axes.set_xlabel(_wrapped(x_label), parse_math=False)
        axes.set_ylabel(_wrapped(y_label), parse_math=False)
        with warnings.catch_warnings():
            # the browser has the glyphs that the measuring font lacks
            warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
            figure.savefig(stream, format="svg", dpi=200, transparent=True, metadata={"Date": None})
    return _inline(stream.getvalue(), name)


def _draw(axes: Axes, points: Points) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    n = len(points.x)
    axes.scatter(
        points.x,
        points.y,
        s=9 if n <= RASTER_ABOVE else 4,
        color=_POINTS,
        alpha=min(0.65, max(0.12, 20 / n**0.5)),  # density stays visible where points overlap
        linewidths=0,
        rasterized=n > RASTER_ABOVE,
        gid=_GROUP,
    )
    if points.scale == "log":
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        if points.x.max() / 1e5 > points.x.min():
            axes.xaxis.set_minor_locator(NullLocator())  # they would stand as a black bar
    elif points.scale == "symlog":
        # linear only where next to nothing lies, or the few values near zero take all the room
        linear = float(np.quantile(np.abs(points.x[points.x != 0]), 0.05))
        axes.set_xscale("symlog", linthresh=linear, linscale=0.5)
        axes.set_xticks(symlog_ticks(points.x, linear), minor=False)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(length=3)


def symlog_ticks(x: npt.NDArray[np.float64], linear: float) -> list[float]:
    """Zero and powers of ten far enough apart for their labels, about six in all.

    Args:
        x: finite scores, shape (points,), not all zero.
        linear: positive; the axis is linear between -linear and linear.

    Returns:
        Ticks in ascending order.
    """
    low = math.floor(math.log10(linear))
    tops = {sign: math.log10((sign * x).max()) if (sign * x).max() > 0 else low for sign in (-1, 1)}
    stride = max(1, math.ceil(sum(max(0, top - low) for top in tops.values()) / 5))
    ticks = [0.0]
    for sign, top in tops.items():
        exponents = range(math.floor(top), low + (stride + 1) // 2, -stride)
        ticks += [sign * 10.0**exponent for exponent in exponents]
    return sorted(ticks)


def _wrapped(text: str) -> str:
    lines = textwrap.wrap(" ".join(text.split()), 38, max_lines=2, placeholder=" …")
    return "\n".join(lines)


def _styled_once(svg: str) -> str:
    """The style that every point repeats, moved to their group: half the size."""
    point = re.search(r'<use [^>]*( style="[^"]*")/>', svg)
    if point is None:
        return svg
    return svg.replace(f"{point[1]}/>", "/>").replace(f'id="{_GROUP}"', f'id="{_GROUP}"{point[1]}')


def _inline(svg: str, name: str) -> str:
    """The `<svg>` element alone, with ids of its own and the page's colour.

    Several figures share a page, so that `figure_1` of one must not be that of another. Only tags
    are changed: a `>` inside text or attributes is always written as an entity.
    """
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # a style sheet in one figure would hold for the whole page
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)

    def own(tag: re.Match[str]) -> str:
        text = tag.group().replace("xlink:href", "href").replace(_INK, "currentColor")
        text = re.sub(r'(\sid=")', rf"\1{name}-", text)
        text = re.sub(r'(href="#|url\(#)', rf"\1{name}-", text)
        return re.sub(r"(\d\.\d\d)\d+", r"\1", text)  # a hundredth of a point is enough

    svg = re.sub(r"<[^>]+>", own, _styled_once(svg))
    # the page sets the size; the view box keeps the shape
    head, rest = svg.split(">", maxsplit=1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return f'{head} stroke-linejoin="round">{rest}'
