import math
import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from untrained.results import weighted_rank_correlations
from untrained.results.statistics import weighted_correlation as tie_blocks

# The sums are exact; one division and two square roots remain.
ROUNDING = {"rtol": 1e-12, "atol": 1e-13}


def scipy_on_repeated(x, y, counts):
    """tau and rho of the arrays in which each point really stands as often as it counts."""
    repeated = np.repeat(np.arange(len(y)), counts.astype(int))
    if len(repeated) < 2:
        return math.nan, math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        return (
            stats.kendalltau(x[repeated], y[repeated]).statistic,
            stats.spearmanr(x[repeated], y[repeated]).statistic,
        )


def assert_equals_scipy(scores, truth, counts):
    taus, rhos = weighted_rank_correlations(scores, truth, counts.astype(np.float32))
    expected = np.array(
        [[scipy_on_repeated(x, truth, column) for column in counts.T] for x in scores]
    )
    np.testing.assert_allclose(taus, expected[..., 0], **ROUNDING)
    np.testing.assert_allclose(rhos, expected[..., 1], **ROUNDING)


@st.composite
def weighted_points(draw):
    n = draw(st.integers(1, 40))
    levels_x, levels_y = draw(st.sampled_from([1, 2, 5, 1000])), draw(st.sampled_from([1, 4, 1000]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    scores = rng.integers(levels_x, size=(2, n)).astype(float)
    scores[scores == 0] = -math.inf
    return scores, rng.integers(levels_y, size=n) / 7, rng.integers(4, size=(n, 3))


@given(points=weighted_points(), block=st.sampled_from([1, 3, 64]))
def test_every_resample_equals_scipy_on_the_resampled_arrays(points, block):
    with pytest.MonkeyPatch.context() as patch:
        # small blocks, so that pairs inside and across blocks all occur
        patch.setattr(tie_blocks, "MIN_BLOCK", block)
        assert_equals_scipy(*points)


@pytest.mark.parametrize("levels", [2, 60, 10**6])
def test_many_blocks_equal_scipy(levels):
    rng = np.random.default_rng(levels)
    n = 2000
    truth = rng.normal(size=n).round(2)
    scores = rng.integers(levels, size=(2, n)) + truth.round()
    counts = rng.multinomial(n, np.full(n, 1 / n), size=4).T
    assert_equals_scipy(scores, truth, counts)


def test_weights_too_large_for_float32_are_still_exact():
    rng = np.random.default_rng(0)
    n = 90
    x, y = rng.integers(40, size=n), rng.integers(40, size=n)
    # odd, so that a product needs all its digits
    weights = 2 * rng.integers(2**19, 2**20, size=n) + 1
    assert weights.sum() > 2**24
    concordance = untied_x = untied_y = 0
    for i, j in combinations(range(n), 2):
        a, b = int(np.sign(x[i] - x[j])), int(np.sign(y[i] - y[j]))
        weight = int(weights[i]) * int(weights[j])
        concordance += weight * a * b
        untied_x += weight * (a != 0)
        untied_y += weight * (b != 0)
    tau, _ = weighted_rank_correlations(x, y, weights[:, None].astype(np.float32))
    assert tau[0, 0] == pytest.approx(concordance / math.sqrt(untied_x * untied_y), rel=1e-14)


def test_a_perfect_ranking_is_exactly_one():
    y = np.arange(500.0)
    counts = np.random.default_rng(0).multinomial(500, np.full(500, 1 / 500), size=50).T
    taus, rhos = weighted_rank_correlations([y, -y], y, counts.astype(np.float32))
    np.testing.assert_allclose(taus, [[1.0] * 50, [-1.0] * 50], rtol=1e-15)
    np.testing.assert_allclose(rhos, [[1.0] * 50, [-1.0] * 50], rtol=1e-15)
    assert max(abs(taus).max(), abs(rhos).max()) <= 1


def test_no_points_and_no_resamples_give_empty_or_nan():
    taus, rhos = weighted_rank_correlations(np.empty((2, 0)), [], np.empty((0, 3), np.float32))
    assert taus.shape == rhos.shape == (2, 3)
    assert np.isnan(taus).all()
    taus, _ = weighted_rank_correlations([[1.0, 2.0]], [1.0, 2.0], np.empty((2, 0), np.float32))
    assert taus.shape == (1, 0)


def test_nan_and_shapes_that_do_not_fit_are_the_callers_mistake():
    ones = np.ones((2, 1), np.float32)
    with pytest.raises(ValueError, match="1 of 2 values to rank are NaN"):
        weighted_rank_correlations([[1.0, math.nan]], [1.0, 2.0], ones)
    with pytest.raises(ValueError, match="do not fit together"):
        weighted_rank_correlations([[1.0, 2.0, 3.0]], [1.0, 2.0], ones)


@given(
    ranks=st.lists(st.integers(0, 12), min_size=1, max_size=60),
    block=st.integers(1, 20),
)
def test_blocks_partition_the_points_and_never_cut_a_group_of_ties(ranks, block):
    dense = np.unique(ranks, return_inverse=True)[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tie_blocks, "MIN_BLOCK", block)
        blocks = tie_blocks.TieBlocks.of(dense)
    points = [blocks.points(b) for b in range(blocks.count)]
    assert sorted(np.concatenate(points).tolist()) == list(range(len(ranks)))
    for b, inside in enumerate(points):
        assert (blocks.membership[inside] == b).all()
        assert blocks.is_one_group(b) == (len(set(dense[inside].tolist())) == 1)
        assert len(inside) <= max(block, 7) or blocks.is_one_group(b)  # isqrt(60) = 7
        if b:
            assert dense[points[b - 1]].max() < dense[inside].min()
