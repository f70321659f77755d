"""Time is split over spaces, and none is left where it can be used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrained.harness.validation.measuring import LEAST, Demand, split_budget


def test_time_is_shared_equally() -> None:
    demands = {"a": Demand(1.0, 1000), "b": Demand(2.0, 1000)}
    assert split_budget(400, demands) == {"a": 200, "b": 100}


def test_what_a_small_space_leaves_goes_to_the_others() -> None:
    demands = {"a": Demand(1.0, 1000), "b": Demand(1.0, 50)}
    assert split_budget(400, demands) == {"a": 350, "b": 50}


def test_weights_count() -> None:
    demands = {"a": Demand(1.0, 1000, weight=3.0), "b": Demand(1.0, 1000)}
    assert split_budget(400, demands) == {"a": 300, "b": 100}


@pytest.mark.parametrize("seconds", [0.0, -5.0, 10.0])
def test_every_space_gets_the_least(seconds: float) -> None:
    demands = {"a": Demand(10.0, 1000), "b": Demand(10.0, 7)}
    assert split_budget(seconds, demands) == {"a": LEAST, "b": 7}


@given(
    st.floats(0, 1e5),
    st.lists(st.tuples(st.floats(1e-3, 50), st.integers(1, 2000)), min_size=1, max_size=5),
)
def test_the_budget_is_kept_and_used(seconds: float, given: list[tuple[float, int]]) -> None:
    demands = {str(i): Demand(s, n) for i, (s, n) in enumerate(given)}
    chosen = split_budget(seconds, demands)
    assert list(chosen) == list(demands)
    assert all(min(LEAST, d.available) <= chosen[k] <= d.available for k, d in demands.items())
    cost = sum(chosen[k] * d.seconds for k, d in demands.items())
    least = sum(min(LEAST, d.available) * d.seconds for d in demands.values())
    assert cost <= max(seconds, 0) * (1 + 1e-9) + least
