"""The plane of a landscape, by closed forms and by a slow check of distances."""

from __future__ import annotations

import numpy as np
import pytest

from untrained.harness.search.experiment.figures import embed, steepest_plane
from untrained.harness.search.problem import Domain, Problem
from untrained.spaces import Architecture, spaces


@pytest.mark.parametrize("name", ["nasbench201", "nasbenchmacro", "transnasbench101_micro"])
def test_squared_distances_are_edit_distances(name):
    space = spaces[name]
    rng = np.random.default_rng(0)
    drawn = [space.sample(rng) for _ in range(12)]
    decisions = space.decisions()
    points = embed(decisions, name, [a.text for a in drawn])
    for a, p in zip(drawn, points, strict=True):
        for b, q in zip(drawn, points, strict=True):
            pairs = zip(decisions.chosen(a), decisions.chosen(b), strict=True)
            assert ((p - q) ** 2).sum() == pytest.approx(sum(x != y for x, y in pairs))


def test_the_plane_holds_the_directions_that_two_heights_rise_in():
    rng = np.random.default_rng(1)
    positions = rng.standard_normal((200, 6))
    positions -= positions.mean(axis=0)
    heights = np.column_stack([positions[:, 2] + positions[:, 4], -3 * positions[:, 2]])
    plane = steepest_plane(positions, heights)
    assert plane.T @ plane == pytest.approx(np.eye(2))
    rest = plane.copy()
    rest[[2, 4]] = 0
    assert rest == pytest.approx(0, abs=1e-9)
    # the first height rises to the right
    assert np.corrcoef(positions @ plane[:, 0], heights[:, 0])[0, 1] > 0


def test_one_height_gives_its_slope_and_the_widest_direction_across():
    rng = np.random.default_rng(2)
    positions = rng.standard_normal((300, 4)) * [1, 5, 1, 1]
    positions -= positions.mean(axis=0)
    plane = steepest_plane(positions, positions[:, [0]])
    assert plane[:, 0] == pytest.approx([1, 0, 0, 0])
    assert abs(plane[1, 1]) > 0.99


def test_a_constant_height_and_dependent_positions_still_give_a_plane():
    rng = np.random.default_rng(3)
    space = spaces["nasbench201"]
    positions = embed(space.decisions(), space.name, [space.sample(rng).text for _ in range(60)])
    positions -= positions.mean(axis=0)
    heights = np.column_stack([np.ones(60), positions[:, 0]])
    plane = steepest_plane(positions, heights)
    assert np.isfinite(plane).all()
    assert plane.T @ plane == pytest.approx(np.eye(2))


def test_a_confined_policy_proposes_until_it_is_inside_and_then_takes_what_is_nearest():
    space = spaces["nasbenchmacro"]
    inside = [Architecture(space.name, text) for text in ("00000000", "00000011", "22222222")]
    problem = Problem(Domain(space, members=inside, confined=True), "cifar10")
    proposals = iter(["00000001", "11111111", "00000011", "00000000"])
    found = problem.admitted(lambda: Architecture(space.name, next(proposals)))
    assert found == inside[1]
    # never inside: the nearest, of two equally near ones the first in the order of neighbours
    found = problem.admitted(lambda: Architecture(space.name, "22222220"))
    assert found == inside[2]
    open_to_all = Problem(Domain(space), "cifar10")
    assert open_to_all.admitted(lambda: Architecture(space.name, "22222220")).text == "22222220"
