import math
import time
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from untrained.results.statistics.jackknife import leave_out_rank_correlations

# whole numbers throughout; one division and two square roots remain
ROUNDING = {"rtol": 1e-12, "atol": 1e-13}


def one_by_one(x, y, labels, units):
    taus, rhos = [], []
    for unit in range(units):
        left = labels != unit
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", stats.ConstantInputWarning)
            enough = left.sum() >= 2
            taus.append(stats.kendalltau(x[left], y[left]).statistic if enough else math.nan)
            rhos.append(stats.spearmanr(x[left], y[left]).statistic if enough else math.nan)
    return taus, rhos


@st.composite
def paired(draw):
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = rng.integers(draw(st.sampled_from([1, 2, 5, 1000])), size=n).astype(float)
    x[x == 0] = -math.inf
    y = rng.integers(draw(st.sampled_from([1, 2, 4, 1000])), size=n) / 7
    return x, y


def ranks(values):
    """scipy's rho takes inf - inf for NaN; ranks change neither coefficient."""
    return stats.rankdata(values)


@given(points=paired())
def test_leaving_out_each_point_equals_scipy_without_it(points):
    x, y = points
    found = leave_out_rank_correlations(x, y)
    expected = one_by_one(ranks(x), y, np.arange(len(y)), len(y))
    np.testing.assert_allclose(found, expected, **ROUNDING)


def test_a_whole_table_takes_no_loop_over_its_points():
    rng = np.random.default_rng(0)
    n, looped = 15_625, 20
    y = rng.normal(size=n).round(2)
    x = (y + rng.normal(size=n)).round(1)
    begin = time.process_time()
    taus, rhos = leave_out_rank_correlations(x, y)
    all_s = time.process_time() - begin
    begin = time.process_time()
    labels = np.arange(n)
    expected = one_by_one(x, y, labels, looped)
    loop_s = (time.process_time() - begin) * n / looped
    np.testing.assert_allclose((taus[:looped], rhos[:looped]), expected, **ROUNDING)
    assert all_s < loop_s / 50


def test_what_does_not_fit_is_the_callers_mistake():
    with pytest.raises(ValueError, match="3 values cannot be paired with 2"):
        leave_out_rank_correlations([1.0, 2.0, 3.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="1 of 2 values to rank are NaN"):
        leave_out_rank_correlations([1.0, math.nan], [1.0, 2.0])


def test_no_points_leave_nothing():
    taus, rhos = leave_out_rank_correlations([], [])
    assert taus.shape == rhos.shape == (0,)
