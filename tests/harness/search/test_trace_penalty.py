"""NASI's penalty and its normalised sum, on numbers made by hand."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from untrained.harness.search.algorithms.nasi import Penalty, RunningMaximum

traces = st.floats(0, 1e6)


@given(traces, traces)
def test_with_mu_one_the_reward_is_flat_above_nu(nu: float, above: float) -> None:
    penalty = Penalty(1.0, nu)
    assert penalty.reward(nu + above) == pytest.approx(nu, abs=1e-9)
    assert penalty.slope(nu + above + 1) == 0
    assert penalty.reward(nu / 2) == nu / 2


@given(traces, traces)
def test_with_mu_two_the_reward_is_symmetric_about_nu(nu: float, away: float) -> None:
    penalty = Penalty(2.0, nu)
    assert penalty.reward(nu + away) == pytest.approx(nu - away, abs=1e-6)
    assert penalty.slope(nu + away + 1) == -penalty.slope(nu - away)
    assert penalty.reward(nu) >= penalty.reward(nu + away)


@given(st.floats(0, 4), traces, traces)
def test_the_slope_is_the_derivative(mu: float, nu: float, trace: float) -> None:
    penalty, step = Penalty(mu, nu), 1e-3
    if abs(trace - nu) > step:
        difference = penalty.reward(trace + step / 2) - penalty.reward(trace - step / 2)
        assert difference / step == pytest.approx(penalty.slope(trace), abs=1e-4)


def test_nu_is_fixed_without_a_quantile() -> None:
    penalty = Penalty(2.0, 100.0)
    penalty.see(1e6)
    assert penalty.nu == 100


def test_the_adaptive_nu_is_a_quantile_of_the_traces_seen() -> None:
    penalty = Penalty(2.0, 500.0, quantile=0.75)
    assert penalty.nu == 500
    for trace, expected in ((4.0, 4.0), (8.0, 7.0), (0.0, 6.0), (1.0, 5.0)):
        penalty.see(trace)
        assert penalty.nu == expected


def test_gradients_are_divided_by_the_largest_norm_so_far() -> None:
    update = RunningMaximum((2,))
    assert update.mean.tolist() == [0, 0]
    # norms 5, 10, 5: divided by 5, 10, 10
    update.add(np.array([3.0, 4.0]))
    assert update.mean == pytest.approx([0.6, 0.8])
    update.add(np.array([-6.0, 8.0]))
    assert update.mean == pytest.approx([0.0, 0.8])
    update.add(np.array([5.0, 0.0]))
    assert update.mean == pytest.approx([0.5 / 3, 1.6 / 3])


@example([[0.0, 0.0, 7.4e-162]])
@example([[5e-324, 0.0, 0.0]])
@given(st.lists(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3), min_size=1, max_size=8))
def test_the_sum_is_equation_18(rows: list[list[float]]) -> None:
    gradients = np.array(rows)
    update = RunningMaximum((3,))
    expected = np.zeros(3)
    for t, gradient in enumerate(gradients):
        update.add(gradient)
        largest = max(math.hypot(*g) for g in gradients[: t + 1])
        expected += gradient / largest if largest > 0 else 0
    np.testing.assert_allclose(update.mean, expected / len(gradients), atol=1e-12)
    assert np.linalg.norm(update.mean) <= 1 + 1e-12


def test_a_gradient_that_is_not_finite_counts_as_none() -> None:
    update = RunningMaximum((2,))
    update.add(np.array([np.nan, 1.0]))
    update.add(np.array([np.inf, 1.0]))
    update.add(np.array([0.0, 3.0]))
    assert update.mean == pytest.approx([0, 1 / 3])
