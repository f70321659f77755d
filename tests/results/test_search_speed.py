"""Time to equal accuracy, on runs whose answer is known by heart."""

from __future__ import annotations

import numpy as np
import pytest

from untrained.results.searches.speed import speed_up


def steps(*pairs: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    costs, values = zip(*pairs, strict=True)
    return np.array(costs, dtype=float), np.array(values, dtype=float)


def compare(own, other, **options):
    own_costs, own_values = zip(*own, strict=True)
    other_costs, other_values = zip(*other, strict=True)
    return speed_up(
        ("own", "other"),
        (own_costs, other_costs),
        (own_values, other_values),
        **{"higher_is_better": True, **options},
    )


def test_runs_that_are_alike_have_an_exact_ratio():
    own = [steps((1, 50), (10, 90))] * 3
    other = [steps((1, 40), (100, 90))] * 3
    found = compare(own, other)
    assert found.target == found.final == found.final_against == 90
    assert (found.cost_s, found.cost_against_s) == (10, 100)
    assert found.ratio == found.low == found.high == 10


def test_the_target_is_what_both_reach_and_losses_are_turned():
    own = [steps((2, 5.0), (4, 3.0))]
    other = [steps((2, 4.0), (8, 2.0))]
    found = compare(own, other, higher_is_better=False)
    assert found.target == 3.0
    assert (found.final, found.final_against) == (3.0, 2.0)
    assert (found.cost_s, found.cost_against_s) == (4, 8)


def test_the_median_of_the_runs_decides_and_a_later_loss_does_not_count():
    own = [steps((1, 10), (2, 80)), steps((1, 90), (2, 70)), steps((1, 10), (2, 80))]
    found = compare(own, [steps((1, 0), (50, 80))])
    assert found.target == 80
    assert found.cost_s == 2
    assert found.cost_against_s == 50


def test_the_interval_holds_the_ratio_and_is_wide_with_few_runs():
    rng = np.random.default_rng(0)
    own = [steps((1, 0), (float(rng.uniform(5, 20)), 90)) for _ in range(7)]
    other = [steps((1, 0), (float(rng.uniform(50, 200)), 90)) for _ in range(7)]
    found = compare(own, other)
    assert found.low < found.ratio < found.high
    assert found == compare(own, other)


@pytest.mark.parametrize(
    "own", [[], [steps((0, 1), (1, 2))], [steps((1, np.nan), (2, 3))]], ids=["none", "free", "nan"]
)
def test_nothing_is_said_where_a_run_cannot_be_compared(own):
    other = [steps((1, 1), (2, 2))]
    costs = ([run[0] for run in own], [run[0] for run in other])
    values = ([run[1] for run in own], [run[1] for run in other])
    assert speed_up(("a", "b"), costs, values, higher_is_better=True) is None
