"""Variances between and within pools, by closed forms and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from untrained.results.searches.pools import Pools, pool_spread

THREE = Pools(number=3, size=2, drawn_from=4, space_size=None)
NUMBERS = st.floats(-1e3, 1e3)


def test_the_table_of_variances_of_a_small_example() -> None:
    # pools (1, 3), (2, 4), (6, 8); run r is on pool r modulo 3
    found = pool_spread([1, 2, 6, 3, 4, 8], THREE)
    assert (found.pools, found.runs, found.mean) == (3, 6, 4.0)
    of_means = ((2 - 4) ** 2 + (3 - 4) ** 2 + (7 - 4) ** 2) / 2
    assert found.within == pytest.approx(math.sqrt(2.0))
    assert found.between == pytest.approx(math.sqrt(of_means - 2.0 / 2))
    assert found.standard_error == pytest.approx(math.sqrt(of_means / 3))
    # halves of a small part of a space: other scored networks add one variance between pools
    assert found.wider_error == pytest.approx(math.sqrt(of_means / 3 + of_means - 1))
    assert found.half_width() == pytest.approx(t.ppf(0.975, 2) * found.standard_error)
    assert found.half_width(wider=True) == pytest.approx(t.ppf(0.975, 2) * found.wider_error)


def test_missing_runs_and_pools_are_left_out() -> None:
    nan = math.nan
    found = pool_spread([1, 2, nan, 3, nan, nan], THREE)
    assert (found.pools, found.runs, found.mean) == (2, 3, 2.0)
    assert found.within == pytest.approx(math.sqrt(2.0))
    assert (found.between, found.standard_error) == (0.0, 0.0)
    assert pool_spread([nan] * 6, THREE).runs == 0
    alone = pool_spread([1, nan, nan, 3, nan, nan], THREE)
    assert math.isnan(alone.standard_error)
    assert math.isnan(alone.half_width())
    assert alone.within == pytest.approx(math.sqrt(2.0))


def test_one_run_a_pool_has_an_error_and_no_parts() -> None:
    found = pool_spread([1, 2, 6], THREE)
    assert found.standard_error == pytest.approx(math.sqrt(7 / 3))
    assert math.isnan(found.within)
    assert math.isnan(found.between)
    assert found.wider_error == pytest.approx(math.sqrt(7 / 3 + 7))


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=2, max_size=5), NUMBERS)
def test_a_shift_changes_the_mean_alone(rows: list[tuple[float, ...]], shift: float) -> None:
    values = np.array(rows).ravel()
    here, there = pool_spread(values, THREE), pool_spread(values + shift, THREE)
    assert here.mean == pytest.approx(values.mean(), abs=1e-9)
    assert there.mean == pytest.approx(here.mean + shift, abs=1e-6)
    for name in ("between", "within", "standard_error", "wider_error"):
        # rounding makes a variance of 0 one of 1e-9 at most
        assert getattr(there, name) == pytest.approx(getattr(here, name), rel=1e-6, abs=1e-4)
    assert here.wider_error >= here.standard_error


@given(st.integers(2, 400), st.integers(1, 399), st.integers(0, 400))
def test_the_further_variance_is_that_of_other_scored_networks(n: int, k: int, more: int) -> None:
    k = min(k, n - 1)
    pools = Pools(2, k, n, n + more)
    assert pools.further_variance == pytest.approx((k * more) / ((n + more) * (n - k)), abs=1e-9)
    assert Pools(2, k, n, None).further_variance == pytest.approx(k / (n - k))


def test_errors_are_those_of_repeated_experiments() -> None:
    rng = np.random.default_rng(0)
    space = rng.standard_normal(400)
    errors, wider, means = [], [], []
    for _ in range(400):
        scored = rng.choice(space, 40, replace=False)
        pools = Pools(20, 20, 40, 400)
        drawn = [rng.choice(scored, 20, replace=False).mean() for _ in range(20)]
        found = pool_spread(np.array([*drawn, *drawn]) + 0.05 * rng.standard_normal(40), pools)
        errors.append((found.mean - scored.mean()) / found.standard_error)
        wider.append(found.wider_error**2)
        means.append(found.mean)
    assert np.mean(np.square(errors)) == pytest.approx(19 / 17, rel=0.2)
    assert np.mean(wider) == pytest.approx(np.var(means), rel=0.2)
