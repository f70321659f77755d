import math
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrained.reports.figures.scatter import (
    DENSITY_ABOVE,
    Points,
    axis_scale,
    points,
    scatter,
    symlog_ticks,
)

SVG = "{http://www.w3.org/2000/svg}"
XLINK = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
numbers = st.floats(width=64) | st.just(math.nan)


def draw(made: Points, name: str = "f1") -> str:
    return scatter(made, x_label="score", y_label="accuracy, %", name="f").inline(name)


def series(values: list[float]) -> "pd.Series[float]":
    return pd.Series(values, index=[f"a{i}" for i in range(len(values))], dtype=float)


@given(st.lists(st.tuples(numbers, numbers), max_size=20))
def test_every_architecture_is_drawn_or_counted(pairs: list[tuple[float, float]]) -> None:
    made = points(series([x for x, _ in pairs]), series([y for _, y in pairs]))
    assert made.x.size + made.missing + made.infinite + made.extreme == len(pairs)
    assert made.missing == sum(math.isnan(x) or not math.isfinite(y) for x, y in pairs)
    assert np.isfinite(made.x).all()
    assert np.isfinite(made.y).all()


def test_scores_and_truth_are_joined_by_architecture() -> None:
    scores = pd.Series({"b": 2.0, "a": 1.0, "only scored": 5.0})
    truth = pd.Series({"a": 10.0, "b": 20.0, "only true": 50.0})
    made = points(scores, truth)
    assert made.x.tolist() == [1, 2]
    assert made.y.tolist() == [10, 20]
    assert made.omissions() == "not drawn: 2 missing"


def test_the_order_of_the_data_does_not_show() -> None:
    rng = np.random.default_rng(0)
    scores, truth = series(rng.normal(size=30).tolist()), series(rng.normal(size=30).tolist())
    shuffled = truth.sample(frac=1, random_state=1)
    assert draw(points(scores, truth)) == draw(points(scores[::-1], shuffled))


@pytest.mark.parametrize(
    ("scores", "scale"),
    [
        ([1, 2, 3], "linear"),
        ([0, 0, 0], "linear"),
        ([], "linear"),
        ([1e-6, *np.linspace(0.1, 1, 50)], "linear"),  # a uniform score with one value near zero
        (np.logspace(0, 5, 50), "log"),
        (np.logspace(0, 30, 50), "log"),
        ([0, 0, *np.logspace(0, 5, 50)], "symlog"),
        (-np.logspace(0, 5, 50), "symlog"),
        ([-5, -1, 1, 5], "linear"),
    ],
)
def test_the_axis_follows_the_spread_of_the_scores(scores: list[float], scale: str) -> None:
    assert axis_scale(np.asarray(scores, dtype=float)) == scale


@given(
    st.lists(st.floats(-1e60, 1e60).filter(lambda v: v == 0 or abs(v) > 1e-60), min_size=1).filter(
        any
    )
)
def test_symlog_ticks_are_few_and_inside_the_data(values: list[float]) -> None:
    x = np.array(values)
    linear = float(np.abs(x[x != 0]).min())
    ticks = symlog_ticks(x, linear)
    assert 0 in ticks
    assert len(ticks) <= 9
    assert ticks == sorted(set(ticks))
    for tick in ticks:
        assert tick == 0 or min(x.min(), 0) * (1 + 1e-9) <= tick <= max(x.max(), 0) * (1 + 1e-9)


EXTREMES = {
    "one": [3.0],
    "constant": [2.0, 2.0],
    "zeros": [0.0, 0.0],
    "wide": [-1e150, 0.0, 1e150],
    "tiny": [1e-150, -1e-148],
    "close": [1e150, math.nextafter(1e150, 0)],
    "exponential": [10.0**i for i in range(60)],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_scores_are_drawn_without_a_warning(name: str) -> None:
    made = points(series(EXTREMES[name]), series([float(i) for i in range(len(EXTREMES[name]))]))
    assert made.x.size == len(EXTREMES[name])
    figure = ET.fromstring(draw(made))
    assert len(list(figure.iter(f"{SVG}svg"))) == 1


@pytest.mark.filterwarnings("error")
def test_names_are_taken_as_text_and_not_as_formulas() -> None:
    made = points(series([1, 2]), series([1, 2]))
    drawn = scatter(made, x_label="$\\frac <b> 中文", y_label="50 % of $x_1$ " * 20, name="f")
    svg = drawn.inline("f")
    shown = " ".join(ET.fromstring(svg).itertext())
    assert "$\\frac <b> 中文" in shown
    assert "50 % of $x_1$" in shown
    assert "…" in shown


def marks(svg: str) -> int:
    group = next(g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("id") == "f1-points")
    return len(list(group.iter(f"{SVG}use")))


def test_each_point_is_a_mark_until_there_are_too_many() -> None:
    rng = np.random.default_rng(0)

    def cloud(n: int) -> str:
        return draw(Points(rng.normal(size=n), rng.normal(size=n), 0, 0, 0))

    few, many = cloud(DENSITY_ABOVE), cloud(DENSITY_ABOVE + 1)
    assert marks(few) == DENSITY_ABOVE
    assert "f1-density" in many
    assert "<image" not in many
    assert len(cloud(15_625)) < 80_000


def test_the_figure_takes_the_colour_of_the_text() -> None:
    svg = draw(points(series([1, 2]), series([1, 2])))
    assert "currentColor" in svg
    assert "#010203" not in svg
    assert "background" not in svg
    assert "<metadata" not in svg
    head = svg[: svg.index(">")]
    assert " width=" not in head
    assert " height=" not in head
    assert " viewBox=" in head


def test_drawing_leaves_the_settings_of_matplotlib_alone() -> None:
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 30.0, "axes.facecolor": "red"}):
        before = dict(mpl.rcParams)
        changed = draw(points(series([1, 2]), series([1, 2])))
        assert dict(mpl.rcParams) == before
    assert changed == draw(points(series([1, 2]), series([1, 2])))
