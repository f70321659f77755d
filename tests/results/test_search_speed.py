"""Time to fixed levels, on runs whose answer is known by heart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrained.results.searches.speed import Trajectory, speed_ups, with_common_series


def steps(*pairs: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    costs, values = zip(*pairs, strict=True)
    return np.array(costs, dtype=float), np.array(values, dtype=float)


def compare(own, other, levels, **options):
    own_costs, own_values = zip(*own, strict=True)
    other_costs, other_values = zip(*other, strict=True)
    return speed_ups(
        ("own", "other"),
        (own_costs, other_costs),
        (own_values, other_values),
        levels,
        **{"higher_is_better": True, **options},
    )


def test_runs_that_are_alike_have_an_exact_ratio():
    own = [steps((1, 50), (10, 90))] * 3
    other = [steps((1, 40), (100, 90))] * 3
    low, high = compare(own, other, {0.5: 45, 0.9: 90, 1.0: 100})
    assert (low.share, low.level, low.cost_s, low.cost_against_s) == (0.5, 45, 1, 100)
    assert (high.share, high.level, high.cost_s, high.cost_against_s) == (0.9, 90, 10, 100)
    assert high.ratio == high.low == high.high == 10


def test_losses_are_turned():
    own = [steps((2, 5.0), (4, 3.0))]
    other = [steps((2, 4.0), (8, 2.0))]
    [found] = compare(own, other, {0.9: 3.5}, higher_is_better=False)
    assert (found.cost_s, found.cost_against_s) == (4, 8)


def test_a_level_that_is_left_again_is_reached_when_it_stays():
    own = [steps((1, 10), (2, 95), (3, 70), (4, 92))]
    [found] = compare(own, [steps((1, 0), (50, 80), (60, 91))], {0.9: 90})
    assert (found.cost_s, found.cost_against_s) == (4, 60)


def test_a_bad_search_is_not_fast():
    # it passes the level early, and its scores lead it away
    bad = [steps((1, 95), (2, 60))] * 3
    [found] = compare(bad, [steps((1, 0), (50, 92))] * 3, {0.9: 90})
    assert math.isnan(found.cost_s)
    assert math.isnan(found.ratio)
    assert found.low == found.high == 0


def test_half_of_the_runs_are_enough():
    own = [steps((1, 10), (2, 95)), steps((1, 10), (7, 95)), steps((1, 10)), steps((1, 10))]
    [found] = compare(own, [steps((1, 0), (50, 95))], {0.9: 90})
    assert found.cost_s == 7
    assert found.ratio == 50 / 7


def test_the_interval_holds_the_ratio_and_is_wide_with_few_runs():
    rng = np.random.default_rng(0)
    own = [steps((1, 0), (float(rng.uniform(5, 20)), 90)) for _ in range(7)]
    other = [steps((1, 0), (float(rng.uniform(50, 200)), 90)) for _ in range(7)]
    [found] = compare(own, other, {0.9: 90})
    assert found.low < found.ratio < found.high
    assert [found] == [*compare(own, other, {0.9: 90})]


values = st.lists(st.integers(0, 5), min_size=1, max_size=6)


@given(st.lists(values, min_size=1, max_size=5), st.integers(0, 5))
def test_the_cost_is_that_of_a_slow_search_through_the_steps(runs, level):
    own = [steps(*((i + 1, value) for i, value in enumerate(run))) for run in runs]
    times = sorted(
        next((i + 1 for i in range(len(run)) if min(run[i:]) >= level), math.inf) for run in runs
    )
    [found] = compare(own, [steps((1, 5))], {1.0: level}, resamples=2)
    expected = times[(len(times) - 1) // 2]
    assert found.cost_s == expected or (math.isnan(found.cost_s) and math.isinf(expected))


@pytest.mark.parametrize(
    "own", [[], [steps((0, 1), (1, 2))], [steps((1, np.nan), (2, 3))]], ids=["none", "free", "nan"]
)
def test_nothing_is_said_where_a_run_cannot_be_compared(own):
    other = [steps((1, 1), (2, 2))]
    costs = ([run[0] for run in own], [run[0] for run in other])
    found = ([run[1] for run in own], [run[1] for run in other])
    assert speed_ups(("a", "b"), costs, found, {0.9: 1.0}, higher_is_better=True) == ()


def test_of_steps_that_no_evaluation_lies_between_the_last_is_the_answer():
    run = Trajectory(
        cost_s=np.array([1.0, 2.0, 4.0, 4.0, 4.0]),
        evaluations=np.array([1, 2, 3, 3, 3]),
        incumbents=("a", "b", "c", "small", "c"),
        series={"front": np.array([0.0, 0.0, 0.0, 1.0, 1.0])},
        final="c",
        stopped="finished",
        total_s=4.0,
        counts={"Score": 3},
    )
    found = run.answers()
    assert found.incumbents == ("a", "b", "c")
    assert found.cost_s.tolist() == [1, 2, 4]
    assert found.evaluations.tolist() == [1, 2, 3]
    assert found.series["front"].tolist() == [0, 0, 1]
    assert (found.final, found.num_evaluations) == ("c", 3)


def test_runs_of_a_search_have_the_series_that_any_of_them_has_a_value_of():
    def run(**series: list[float]) -> Trajectory:
        values = {name: np.array(one) for name, one in series.items()}
        return Trajectory(
            np.ones(2), np.arange(2), ("a", "b"), values, "b", "finished", 1.0, {"Score": 2}
        )

    nan = float("nan")
    first, second = with_common_series(
        [run(z=[1, nan], params=[nan, nan], gone=[nan, nan]), run(params=[nan, 3], gone=[nan, nan])]
    )
    assert [*first.series] == [*second.series] == ["params", "z"]
    np.testing.assert_array_equal(first.series["params"], [nan, nan])
    np.testing.assert_array_equal(first.series["z"], [1, nan])
    np.testing.assert_array_equal(second.series["params"], [nan, 3])
    np.testing.assert_array_equal(second.series["z"], [nan, nan])
