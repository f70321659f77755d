"""What TE-NAS's rounds decide with."""

import math
from decimal import Context

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from untrained.harness.search.algorithms.te_nas import (
    Removal,
    importance,
    least_important,
    relative_drops,
    removals,
)
from untrained.spaces import spaces
from untrained.spaces.framework.supernet_layout import OperationMask

NASBENCH201 = spaces["nasbench201"].supernet_layout
DARTS = spaces["darts"].supernet_layout
INF = math.inf


def test_every_operation_of_an_edge_with_several_may_go() -> None:
    mask = OperationMask.full(NASBENCH201, without=("none",)).without(2, "skip_connect")
    found = removals(mask)
    assert len(found) == 6 * 4 - 1
    assert {r.group for r in found} == set(range(6))
    assert [r.quota for r in found if r.edge == 2] == [2, 2, 2]
    assert all(r.apply(mask).num_operations == 22 for r in found)


def test_no_operation_may_go_from_an_edge_that_has_one() -> None:
    rng = np.random.default_rng(0)
    arch = spaces["nasbench201"].sample(rng)
    assert removals(OperationMask.parse(NASBENCH201, arch)) == []
    arch = spaces["darts"].sample(rng)
    assert removals(OperationMask.parse(DARTS, arch)) == []


def test_nodes_of_darts_with_more_than_two_edges_lose_edges_once_no_operation_may_go() -> None:
    mask = OperationMask.full(DARTS, without=DARTS.operations[1:])
    found = removals(mask)
    assert all(r.operation is None for r in found)
    # nodes 3, 4 and 5 of both cells; node 2 has two edges
    assert [DARTS.name_of(r.edge) for r in found[:3]] == ["normal 0>3", "normal 1>3", "normal 2>3"]
    assert len(found) == 2 * (3 + 4 + 5)
    assert [r.quota for r in found[:12]] == [1] * 3 + [2] * 4 + [3] * 5
    assert found[0].apply(mask).edges[found[0].edge] == ()


def test_a_loss_is_relative_to_the_score_before() -> None:
    # oriented: minus the condition number, and the regions
    before, after = np.array([-10.0, 200.0]), np.array([[-8.0, 150.0], [-20.0, 220.0]])
    assert relative_drops(before, after).tolist() == [[-0.2, 0.25], [1.0, -0.1]]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(-5.0, math.nan, INF), (math.nan, -5.0, -1.0), (math.nan, math.nan, 0.0), (0.0, 0.0, 0.0)],
)
def test_a_missing_score_counts_as_infinitely_bad(
    before: float, after: float, expected: float
) -> None:
    assert relative_drops(np.array([before]), np.array([[after]])).tolist() == [[expected]]


finite = st.floats(-1e6, 1e6)


@given(finite, finite.filter(lambda x: abs(x) > 1e-3))
def test_missing_scores_are_the_limit_of_bad_ones(other: float, before: float) -> None:
    bad = -1e300
    lost = relative_drops(np.array([before]), np.array([[bad]]))[0, 0]
    assert lost > 1e290
    won = relative_drops(np.array([bad]), np.array([[other]]))[0, 0]
    assert won == pytest.approx(-1)


losses = st.integers(-(10**7), 10**7).map(lambda n: n / 1000)


@given(st.lists(st.tuples(losses, losses), min_size=1, max_size=20))
def test_importance_is_the_sum_of_dense_ranks(rows: list[tuple[float, float]]) -> None:
    three = Context(prec=3)
    rounded = np.array([[float(three.create_decimal_from_float(x)) for x in row] for row in rows])
    expected = sum(rankdata(column, method="dense").astype(int) - 1 for column in rounded.T)
    assert importance(np.array(rows), figures=3).tolist() == np.asarray(expected).tolist()


def test_losses_that_agree_in_three_figures_are_tied_and_infinite_ones_come_last() -> None:
    drops = np.array([[0.12345], [0.1231], [0.124], [INF], [-INF], [0.0], [-0.0]])
    assert importance(drops, figures=3).tolist() == [2, 2, 3, 4, 0, 1, 1]
    assert importance(drops, figures=5).tolist() == [3, 2, 4, 5, 0, 1, 1]


@pytest.mark.parametrize(
    ("combine", "expected"),
    [
        # dense ranks: 1, 1, 2, 3, 0, 4 by the first score, 3, 1, 0, 1, 4, 2 by the second
        ("sum_of_ranks", [4, 2, 2, 4, 4, 6]),
        ("smaller_rank", [1, 1, 0, 1, 0, 2]),
        ("larger_rank", [3, 1, 2, 3, 4, 4]),
        ("sum_of_changes", [0.625, 0.125, -1.75, 1.125, INF, INF]),
    ],
)
def test_drops_in_two_scores_become_one_importance(combine: str, expected: list[float]) -> None:
    drops = np.array(
        [[0.125, 0.5], [0.125, 0.0], [0.25, -2.0], [1.125, 0.0], [-INF, INF], [INF, 0.25]]
    )
    assert importance(drops, figures=3, combine=combine).tolist() == expected


def test_of_one_score_the_ranks_are_combined_to_themselves_and_a_change_stays_as_it_is() -> None:
    drops = np.array([[0.5], [-0.25], [0.5], [INF], [-INF]])
    for combine in ("sum_of_ranks", "smaller_rank", "larger_rank"):
        assert importance(drops, figures=3, combine=combine).tolist() == [2, 1, 2, 3, 0]
    found = importance(drops, figures=3, combine="sum_of_changes")
    assert found.tolist() == drops[:, 0].tolist()


def test_each_group_loses_its_smallest_up_to_its_quota_and_the_first_of_equal_ones() -> None:
    candidates = [Removal(0, name, 0, 2) for name in "abc"] + [Removal(1, n, 1, 1) for n in "de"]
    ranks = np.array([5, 5, 1, 0, 0])
    names = lambda number: [  # noqa: E731
        r.operation for r in least_important(candidates, ranks, number=number)
    ]
    assert names(1) == ["c", "d"]
    assert names(2) == ["a", "c", "d"]
    assert names(9) == ["a", "c", "d"]
