"""Statistics of searches, against closed forms and slow counterparts."""

import itertools
import os

import numpy as np
import pytest

from untrained.results.searches.runs import anytime, first_reaching, summarise
from untrained.results.searches.table import best_of_n, winning_probabilities


@pytest.mark.parametrize("n", [1, 2, 3])
def test_best_of_n_is_the_mean_over_all_sequences_of_draws(n):
    criterion = np.array([3.0, np.nan, -np.inf, 3.0, 1.0])
    values = np.array([10.0, 20.0, 35.0, 40.0, 50.0])
    won = []
    for draws in itertools.product(range(5), repeat=n):
        known = [i for i in draws if not np.isnan(criterion[i])]
        best = max(known, key=lambda i: criterion[i]) if known else draws[0]
        won.append(values[best])
    assert best_of_n(criterion, values, n) == pytest.approx((np.mean(won), np.std(won)))
    assert winning_probabilities(criterion, n).sum() == pytest.approx(1)


def test_a_run_is_a_step_function_and_keeps_its_last_value():
    costs = [np.array([1.0, 3.0]), np.array([2.0])]
    values = [np.array([10.0, 30.0]), np.array([20.0])]
    curve = anytime(costs, values, np.array([0.5, 1.0, 2.0, 3.0, 9.0]))
    nan = np.nan
    expected = [[nan, nan, 10.0, 30.0, 30.0], [nan, nan, 20.0, 20.0, 20.0]]
    assert np.array_equal(curve.values, expected, equal_nan=True)


def test_missing_values_are_counted_and_left_out():
    found = summarise([1.0, float("nan"), 3.0])
    assert (found.n, found.missing, found.mean) == (2, 1, 2.0)
    assert found.sd == pytest.approx(np.sqrt(2))
    assert np.isnan(summarise([]).mean)


def test_the_first_step_that_reaches_a_threshold_counts():
    numbers, values = np.array([1, 5, 9]), np.array([1.0, 2.0, 3.0])
    assert first_reaching(numbers, values, 2.0) == 5
    assert np.isnan(first_reaching(numbers, values, 4.0))


@pytest.mark.skipif("UNTRAINED_DATA" not in os.environ, reason="needs UNTRAINED_DATA")
def test_oracles_agree_with_the_published_ones():
    from untrained.results.searches.table import published_searches
    from untrained.spaces import find_benchmark

    benchmark = find_benchmark("nasbench201", "nasbench201")
    cells = [c for c in published_searches() if c.method in ("best of 10", "best of 100")]
    assert len(cells) == 12
    for cell in cells:
        values = benchmark.table(dataset=cell.dataset, metric=cell.metric)["value"].to_numpy()
        mean, _ = best_of_n(values, values, int(cell.method.split()[-1]))
        assert abs(mean - cell.mean) < 4 * cell.sd / np.sqrt(cell.runs)
