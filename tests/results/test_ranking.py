import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from untrained.results import kendall_tau_b, spearman_rho, tied_pair_fraction
from untrained.results.statistics.rank_correlation import dense_ranks, mid_ranks

# few distinct values, so that ties and constants are common
tied = st.integers(-3, 3).map(float)
pairs = st.lists(
    st.tuples(tied | st.integers(-(10**6), 10**6).map(float), tied), min_size=2, max_size=30
)


def obvious_tau_b(x, y):
    concordance = untied_x = untied_y = 0
    for i, j in combinations(range(len(x)), 2):
        a, b = np.sign(x[i] - x[j]), np.sign(y[i] - y[j])
        concordance += a * b
        untied_x += a != 0
        untied_y += b != 0
    return concordance / math.sqrt(untied_x * untied_y) if untied_x and untied_y else math.nan


@given(pairs)
def test_tau_b_is_the_definition_and_scipys(points):
    x, y = np.array(points).T
    tau = kendall_tau_b(x, y)
    np.testing.assert_equal(tau, stats.kendalltau(x, y).statistic)
    np.testing.assert_allclose(tau, obvious_tau_b(x, y), rtol=1e-14, atol=1e-15)


@pytest.mark.filterwarnings("ignore:An input array is constant")
@given(pairs)
def test_rho_is_scipys(points):
    x, y = np.array(points).T
    np.testing.assert_equal(spearman_rho(x, y), stats.spearmanr(x, y).statistic)


@pytest.mark.parametrize("correlation", [kendall_tau_b, spearman_rho])
class TestRankCorrelation:
    @given(points=pairs)
    def test_monotone_maps_change_nothing_and_negation_the_sign(self, correlation, points):
        x, y = np.array(points).T
        value = correlation(x, y)
        np.testing.assert_equal(correlation(np.arctan(x / 1e7) + 5, 2 * y - 1), value)
        np.testing.assert_allclose(correlation(-x, y), -value, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(correlation(y, x), value, rtol=1e-12, atol=1e-15)

    @pytest.mark.parametrize("x", [[], [1.0], [2.0, 2.0, 2.0], [math.inf] * 3])
    def test_constant_and_tiny_inputs_give_nan(self, correlation, x):
        assert math.isnan(correlation(x, list(range(len(x)))))
        assert math.isnan(correlation(list(range(len(x))), x))

    def test_infinite_values_rank_first_and_last(self, correlation):
        y = [3.0, 1.0, 2.0, 5.0, 4.0, 0.0]
        with_inf = [0.2, -math.inf, 0.1, math.inf, math.inf, -math.inf]
        assert correlation(with_inf, y) == correlation([0.2, -9, 0.1, 9, 9, -9], y)

    def test_nan_is_the_callers_mistake(self, correlation):
        with pytest.raises(ValueError, match="1 of 3 values to rank are NaN"):
            correlation([1.0, math.nan, 2.0], [1.0, 2.0, 3.0])

    def test_lengths_must_agree(self, correlation):
        with pytest.raises(ValueError, match="3 values cannot be paired with 2"):
            correlation([1.0, 2.0, 3.0], [1.0, 2.0])


@given(st.lists(tied, max_size=20))
def test_tied_pair_fraction_counts_equal_pairs(values):
    expected = [a == b for a, b in combinations(values, 2)]
    np.testing.assert_equal(tied_pair_fraction(values), np.mean(expected) if expected else math.nan)


@given(st.lists(st.floats(allow_nan=False)))
def test_dense_ranks_order_as_the_values_do(values):
    ranks = dense_ranks(values)
    assert sorted(set(ranks.tolist())) == list(range(len(set(values))))
    for i, j in combinations(range(len(values)), 2):
        assert (ranks[i] < ranks[j]) == (values[i] < values[j])


@given(st.lists(tied))
def test_a_mid_rank_counts_smaller_values_and_half_the_other_equal_ones(values):
    expected = [
        sum(other < value for other in values) + (values.count(value) - 1) / 2 for value in values
    ]
    assert mid_ranks(values).tolist() == expected


def test_a_matrix_is_no_ranking():
    with pytest.raises(ValueError, match=r"one-dimensional values, got shape \(2, 2\)"):
        dense_ranks(np.zeros((2, 2)))
