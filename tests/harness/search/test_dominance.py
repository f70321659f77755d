"""Non-dominated sorting and crowding against what their definitions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from untrained.harness.search.algorithms.pareto import best_of, crowding, fronts

_values = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 12), st.integers(1, 3)),
    elements=st.one_of(st.integers(0, 4).map(float), st.just(float("nan"))),
)


def dominated(one, other) -> bool:
    """Whether `other` dominates `one`; a missing value is worse than all and beats nothing."""
    if np.isnan(other).any():
        return False
    if np.isnan(one).any():
        return True
    return bool((other >= one).all() and (other > one).any())


@settings(max_examples=200)
@given(_values)
def test_layers_are_peeled_off_one_after_the_other(objectives):
    found = [layer.tolist() for layer in fronts(objectives)]
    left = list(range(len(objectives)))
    expected = []
    while left:
        layer = [i for i in left if not any(dominated(objectives[i], objectives[j]) for j in left)]
        expected.append(layer)
        left = [i for i in left if i not in layer]
    assert found == expected


def test_crowding_of_an_example():
    # on a line: 0, 1, 3, 10 in one objective, falling in the other
    points = np.array([[0.0, 10.0], [1.0, 9.0], [3.0, 7.0], [10.0, 0.0]])
    assert crowding(points).tolist() == [np.inf, pytest.approx(0.6), pytest.approx(1.8), np.inf]


def test_equal_values_crowd_each_other_completely():
    assert crowding(np.zeros((4, 2))).tolist() == [np.inf, 0.0, 0.0, np.inf]


def test_the_least_crowded_of_the_last_layer_survive():
    points = np.array([[0.0, 10.0], [1.0, 9.0], [3.0, 7.0], [10.0, 0.0], [0.0, 0.0]])
    assert best_of(points, 3) == [0, 3, 2]
    assert best_of(points, 5) == [0, 3, 2, 1, 4]
