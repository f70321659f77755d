"""The figure of rank correlation against cost."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from untrained.reports import Report, Section, formats
from untrained.reports.figures.cost_quality import CostPoint, cost_points, pareto_front
from untrained.results import CorrelationTable, TableRow


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
    assert [p.indicator for p in cost_points(drawn)] == ["cheap", "dear_$x$"]
    shown = texts(formats["svg"].render(Report("T", (Section(drawn),))))
    assert shown.count("cheap") == shown.count("dear_$x$") == 1
    assert not {"unmeasured", "constant"} & set(shown)
    assert any(text.startswith("<A> & B (n = 1,000)") for text in shown)


def test_the_same_report_gives_the_same_bytes_and_an_empty_one_a_picture(
    drawn_report: Report, table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    render = formats["svg"].render
    assert render(drawn_report) == render(drawn_report)
    assert "<svg" in render(Report("T", (Section(table(row("a", alone_s=math.nan))),)))


@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 1.0, 2.0, 9.0]), st.sampled_from([-0.2, 0.0, 0.4, 0.7])),
        max_size=8,
    )
)
def test_the_front_is_what_nothing_beats(pairs: list[tuple[float, float]]) -> None:
    points = sorted(
        (CostPoint(str(i), s, t, t, t) for i, (s, t) in enumerate(pairs)),
        key=lambda p: (p.seconds, -p.tau, p.indicator),
    )
    unbeaten = {
        (p.seconds, p.tau)
        for p in points
        if not any(
            q.seconds <= p.seconds and q.tau >= p.tau and (q.seconds, q.tau) != (p.seconds, p.tau)
            for q in points
        )
    }
    assert [(p.seconds, p.tau) for p in pareto_front(points)] == sorted(unbeaten)
