"""The figure of rank correlation against cost."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Annotation, Text

from untrained.reports import Report, Section, formats
from untrained.reports.blocks.cost_and_failures import cost_part
from untrained.reports.figures.cost_quality import cost_quality, pareto_front, with_cost
from untrained.results import CorrelationTable, TableRow

from .conftest import make_row, make_table


def texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_every_indicator_with_a_cost_is_named_once(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    drawn = table(
        row("cheap", alone_s=0.01, tau=0.3),
        row("dear_$x$", alone_s=30.0, tau=0.6),
        row("unmeasured", alone_s=math.nan),
        row("constant", tau=math.nan),
        title="<A> & B",
    )
    assert [r.indicator for r in with_cost(drawn)] == ["cheap", "dear_$x$"]
    shown = texts(formats["svg"].render(Report("T", (Section(drawn),))))
    assert shown.count("cheap") == shown.count("dear_$x$") == 1
    assert not {"unmeasured", "constant"} & set(shown)
    assert any(text.startswith("<A> & B (n = 1,000)") for text in shown)


def test_no_name_hides_a_point_or_a_name_in_a_crowd(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    rng = np.random.default_rng(0)
    crowd = [
        row(f"indicator_{i}", alone_s=10 ** rng.uniform(-1.2, 0), tau=rng.uniform(0.5, 0.65))
        for i in range(16)
    ]
    drawn = cost_quality([table(*crowd)])
    assert drawn is not None
    figure = Canvas(figsize=drawn.size, layout="constrained")
    drawn.draw(figure)
    renderer = FigureCanvasAgg(figure).get_renderer()
    (axes,) = figure.axes
    names = [text for text in axes.texts if isinstance(text, Annotation)]
    boxes = [Text.get_window_extent(text, renderer) for text in names]
    assert len(boxes) == len(crowd)
    points = axes.transData.transform([text.xy for text in names])
    assert not [
        text.get_text()
        for text, box in zip(names, boxes, strict=True)
        if any(box.contains(x, y) for x, y in points)
    ]
    assert sum(a.overlaps(b) for a, b in combinations(boxes, 2)) <= 2
    # those far from their points have a line to them
    for text in names:
        far = math.hypot(*text.get_position()) > 10
        assert text.arrow_patch is not None
        assert text.arrow_patch.get_visible() == far


def test_the_same_report_gives_the_same_bytes_and_an_empty_one_a_picture(
    drawn_report: Report, table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    render = formats["svg"].render
    assert render(drawn_report) == render(drawn_report)
    assert "<svg" in render(Report("T", (Section(table(row("a", alone_s=math.nan))),)))


@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 1.0, 2.0, 9.0]), st.sampled_from([-0.2, 0.0, 0.4, 0.7])),
        min_size=1,
        max_size=8,
    )
)
def test_the_front_is_what_nothing_beats(pairs: list[tuple[float, float]]) -> None:
    rows = [make_row(str(i), alone_s=s, tau=tau) for i, (s, tau) in enumerate(pairs)]
    unbeaten = {
        (s, tau)
        for s, tau in pairs
        if not any(s1 <= s and tau1 >= tau and (s1, tau1) != (s, tau) for s1, tau1 in pairs)
    }
    front = pareto_front(with_cost(make_table(*rows)))
    assert [(row.alone_s, row.correlation.tau) for row in front] == sorted(unbeaten)


def test_a_row_without_most_networks_beats_no_other(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    rows = [row("few", alone_s=0.01, tau=0.9, n=799), row("most", alone_s=1.0, tau=0.6, n=800)]
    drawn = table(*rows)
    assert [one.indicator for one in pareto_front(with_cost(drawn))] == ["most"]
    shown = texts(formats["svg"].render(Report("T", (Section(drawn),))))
    assert {"few (799 networks)", "most"} <= set(shown)


def test_times_of_others_are_of_no_machine_that_is_named() -> None:
    for protocol, whose in (("ab", "of the machine named below"), ("", "that their file gives")):
        rows = [make_row(name, protocol=protocol) for name in "ab"]
        part = cost_part(Section(make_table(*rows)))
        assert f"Times are those {whose} and compare only within the table." in part.meaning
