"""Style of figures and their SVG for pages."""

from __future__ import annotations

import io
import re
import textwrap
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axis import Axis


# seaborn's palette "colorblind" by number, which a figure has as its cycle of colours
BLUE, GREY = "C0", "C7"

INK = "#010203"
"""Stands for the colour of text; a page puts its own in its place."""
PAPER = "#fefdfc"
"""Stands for the colour behind everything."""

SERIES = tuple(zip(("C0", "C3", "C2", "C4", "C1", "C9", "C5", INK), "oDs^vPX*", strict=True))
"""Colour and marker of the first, second, ... series of a figure."""


def _style() -> dict[str, Any]:
    """Return seaborn's style "ticks", small, in the colours that a page can replace."""
    import seaborn as sns
    from cycler import cycler

    return {
        **sns.axes_style("ticks"),
        "axes.edgecolor": INK,
        "axes.facecolor": "none",
        "axes.labelcolor": INK,
        "axes.linewidth": 0.6,
        "axes.prop_cycle": cycler(color=sns.color_palette("colorblind").as_hex()),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 8.0,
        "font.family": "DejaVu Sans",  # comes with matplotlib: the same extents everywhere
        "font.size": 8.0,
        "grid.alpha": 0.4,
        "grid.color": GREY,
        "grid.linewidth": 0.3,
        "legend.fontsize": 7.0,
        "legend.frameon": False,
        "pdf.fonttype": 42,
        "svg.fonttype": "none",
        "text.color": INK,
        "text.parse_math": False,  # names are text: a dollar sign in one starts no formula
        "xtick.color": INK,
        "xtick.major.width": 0.6,
        "xtick.minor.width": 0.4,
        "ytick.color": INK,
        "ytick.major.width": 0.6,
    }


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A picture that can be drawn on anything; drawing it twice gives the same bytes."""

    name: str
    """Name for files and ids: lower-case letters, digits and hyphens."""
    text: str
    """Description for readers who cannot see the picture."""
    size: tuple[float, float]
    """Width and height in inches."""
    draw: Callable[[matplotlib.figure.Figure], None]
    """Fills an empty figure whose layout is constrained."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Texts that browsers show at an element of the SVG, by the element's id."""

    def svg(self) -> str:
        """Draw a stand-alone picture on white."""
        return self._svg(self.name, transparent=False)

    _repr_html_ = svg  # notebooks show the picture

    def pdf(self) -> bytes:
        """Draw one page with embedded fonts."""
        return self._save("pdf", self.name, transparent=False)

    def inline(self, name: str) -> str:
        """Draw an `<svg>` element that takes the page's colours.

        Args:
            name: unique in the page; ids inside are made of it. Letters, digits, hyphens.
        """
        return inline_svg(self._svg(name, transparent=True), name)

    def _svg(self, salt: str, *, transparent: bool) -> str:
        svg = self._save("svg", salt, transparent=transparent).decode()
        for name, title in self.titles.items():
            svg = svg.replace(
                f'<g id="{name}">', f'<g id="{name}"><title>{escape(drawable(title))}</title>'
            )
        return svg

    def _save(self, kind: str, salt: str, *, transparent: bool) -> bytes:
        from matplotlib import style
        from matplotlib.figure import Figure as Canvas

        stream = io.BytesIO()
        # without its dates a file depends on nothing but what is drawn
        dates = {"Date": None} if kind == "svg" else {"CreationDate": None}
        look = style.context(["default", {**_style(), "svg.hashsalt": salt}])
        with look, warnings.catch_warnings():
            # a reader's own fonts have the glyphs that the measuring font lacks
            warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
            figure = Canvas(figsize=self.size, layout="constrained")
            self.draw(figure)
            figure.savefig(stream, format=kind, dpi=200, transparent=transparent, metadata=dates)
        return stream.getvalue()


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def label_powers(axis: Axis) -> None:
    """Label a logarithmic axis by text: matplotlib writes powers of ten as formulas."""
    from matplotlib.ticker import LogFormatter

    class Powers(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            if not super().__call__(x, pos):
                return ""
            plain = all(1e-4 <= abs(tick) <= 1e5 for tick in axis.get_majorticklocs() if tick)
            return self.fix_minus(f"{x:g}" if plain else power(x))

    axis.set_major_formatter(Powers())
    axis.set_minor_formatter(Powers())


def power(value: float) -> str:
    """Format a number by a power of ten.

    >>> power(1e6), power(-2e-5)
    ('10⁶', '-2×10⁻⁵')
    """
    digits, exponent = f"{value:.3e}".split("e")
    factor = {"1.000": "", "-1.000": "-"}.get(digits, f"{float(digits):g}\N{MULTIPLICATION SIGN}")
    return f"{factor}10{str(int(exponent)).translate(_RAISED)}" if value else "0"


def drawable(text: str) -> str:
    """Put text on one line, with a mark for characters that fonts and XML do not have."""
    return re.sub(
        r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "\ufffd", " ".join(text.split())
    )


def wrapped(text: str, width: int = 38, lines: int = 2) -> str:
    """Wrap drawable text into at most some lines, cut with an ellipsis."""
    return "\n".join(textwrap.wrap(drawable(text), width, max_lines=lines, placeholder=" …"))


def inline_svg(svg: str, name: str) -> str:
    """Extract the `<svg>` element of a document, with ids of its own and the page's colours.

    Several figures share a page, so that `figure_1` of one must not be that of another. Only tags
    are changed: a `>` inside text or attributes is always written as an entity.
    """
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # a style sheet in one figure would hold for the whole page
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    # matplotlib notes every text's content as a comment, too
    svg = re.sub(r"\s*<!--.*?-->", "", svg, flags=re.DOTALL)

    def own(tag: re.Match[str]) -> str:
        text = tag.group().replace("xlink:href", "href")
        text = text.replace(INK, "currentColor").replace(PAPER, "var(--page)")
        text = re.sub(r'(\sid=")', rf"\1{name}-", text)
        text = re.sub(r'(href="#|url\(#)', rf"\1{name}-", text)
        return re.sub(r"(\d\.\d\d)\d+", r"\1", text)  # a hundredth of a point is enough

    svg = re.sub(r"<[^>]+>", own, _styled_once(svg))
    svg = re.sub(r">\s+<", "><", svg)
    # the page sets the size; the view box keeps the shape
    head, rest = svg.split(">", maxsplit=1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return f'{head} stroke-linejoin="round">{rest}'


def _styled_once(svg: str) -> str:
    """Move the style that every mark of a group repeats to the group: half the size."""

    def group(found: re.Match[str]) -> str:
        head, body = found.groups()
        styles = set(re.findall(r'<use [^>]*?( style="[^"]*")/>', body))
        if len(styles) != 1:
            return found.group()
        (style,) = styles
        return f"{head}{style}>{body.replace(style, '')}"

    return re.sub(r'(<g id="points[^"]*")>(.*?</g>)', group, svg, flags=re.DOTALL)
