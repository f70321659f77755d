import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from untrained.reports.figures.dot_rows import MARGIN, WIDTH, forest

correlations = st.floats(-1, 1)
estimates = st.tuples(correlations, correlations, correlations).map(sorted)


@given(st.lists(estimates, max_size=10))
def test_bars_lie_inside_the_scale_in_the_order_of_their_values(
    bars: list[list[float]],
) -> None:
    scale = forest(value for bar in bars for value in bar)
    for low, middle, high in bars:
        drawn = scale.bar(low, middle, high)
        assert drawn is not None
        assert MARGIN <= drawn.low <= drawn.middle <= drawn.high <= MARGIN + WIDTH


@given(st.lists(correlations | st.just(math.nan), max_size=10))
def test_the_scale_holds_zero_and_has_few_round_ticks(values: list[float]) -> None:
    ticks = forest(values).ticks
    assert 2 <= len(ticks) <= 6
    assert "0.0" in [tick.text for tick in ticks]
    assert ticks[0].place == MARGIN
    assert ticks[-1].place == MARGIN + WIDTH
    gaps = [b.place - a.place for a, b in pairwise(ticks)]
    assert max(gaps) - min(gaps) < 0.21


def test_a_missing_estimate_has_no_bar_and_one_without_interval_only_a_dot() -> None:
    scale = forest([0.2, 0.8])
    assert scale.bar(math.nan, math.nan, math.nan) is None
    dot = scale.bar(math.nan, 0.5, math.nan)
    assert dot is not None
    assert dot.low == dot.middle == dot.high
