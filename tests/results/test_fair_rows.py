"""Check what rows of one table are compared by when they lack different networks."""

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from untrained.results import Population, Rankings, Resampling, correlate
from untrained.results.statistics.pairwise import compare_with, holm
from untrained.results.statistics.size_bias import equal_sizes

N = 60
NAMES = ("params", "whole", "infinite", "missing", "rare", "copy")
DIRECTIONS = dict.fromkeys(NAMES, True)


def population():
    rng = np.random.default_rng(1)
    index = [f"n{i:02}" for i in range(N)]
    truth = pd.Series(rng.normal(size=N), index)
    scores = pd.DataFrame({name: truth + rng.normal(size=N) for name in NAMES}, index)
    scores["copy"] = 2 * scores["params"]
    scores.iloc[:5, NAMES.index("infinite")] = -math.inf
    scores.iloc[3:9, NAMES.index("missing")] = math.nan
    scores.iloc[20:, NAMES.index("rare")] = math.nan
    return scores, truth


@pytest.fixture(scope="module")
def rows():
    scores, truth = population()
    return {
        row.indicator: row
        for row in correlate(scores, truth, higher_is_better=DIRECTIONS, resamples=60)
    }


def test_rows_are_compared_on_the_networks_that_all_of_them_have(rows):
    scores, truth = population()
    common = [i for i in range(N) if not 3 <= i < 9]
    finite = list(range(9, N))
    for name in ("params", "whole", "infinite", "missing", "copy"):
        for kept, n, tau in (
            (common, rows[name].n_common, rows[name].tau_common),
            (finite, rows[name].n_finite, rows[name].tau_finite),
        ):
            x = scores[name].iloc[kept].replace(-math.inf, -1e9)
            assert n == len(kept)
            assert tau == pytest.approx(stats.kendalltau(x, truth.iloc[kept]).statistic)


def test_a_row_that_lacks_more_than_a_fifth_leaves_the_others_their_networks(rows):
    assert rows["whole"].n_common == 54
    assert (rows["rare"].n_common, rows["rare"].n_finite) == (0, 0)
    assert math.isnan(rows["rare"].tau_common)
    scores, truth = population()
    scores = scores[["params", "rare"]].copy()
    scores.iloc[20:48, 1] = 0.0  # now exactly four fifths
    whole, most = correlate(scores, truth, higher_is_better=DIRECTIONS, resamples=0)
    assert (whole.n_common, most.n_common) == (48, 48)


def test_the_comparisons_with_the_baseline_are_adjusted_for_their_number(rows):
    scores, truth = population()
    rankings = Rankings(
        Population.of(scores, truth, higher_is_better=DIRECTIONS), Resampling(resamples=60)
    )
    single = {pair.second: pair.p for pair in compare_with(rankings, "params")}
    # a copy of the baseline ranks as it does in every resample: there is nothing to test
    assert single.pop("copy") == 1
    assert math.isnan(rows["copy"].delta_p)
    assert {name: rows[name].delta_p for name in single} == pytest.approx(single)
    adjusted = dict(zip(single, holm(list(single.values())), strict=True))
    assert {name: rows[name].delta_p_holm for name in single} == pytest.approx(adjusted)
    assert math.isnan(rows["params"].delta_p_holm)


def test_no_network_has_no_common_ones():
    scores, truth = population()
    row = correlate(scores[:0], truth, higher_is_better=DIRECTIONS, resamples=0)[0]
    assert (row.n_common, row.n_finite) == (0, 0)


def by_pairs(sizes, x, y):
    """Count the pairs of equal size one by one."""
    pairs = [(i, j) for i, j in combinations(range(len(sizes)), 2) if sizes[i] == sizes[j]]
    signs = [(np.sign(x[i] - x[j]), np.sign(y[i] - y[j])) for i, j in pairs]
    untied = [sum(pair[side] != 0 for pair in signs) for side in (0, 1)]
    agreement = sum(a * b for a, b in signs)
    tau = agreement / math.sqrt(untied[0] * untied[1]) if all(untied) else math.nan
    return len(pairs), tau


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=40))
def test_tau_at_equal_size_is_over_the_pairs_of_equal_size(networks):
    sizes, x, y = np.array(networks, dtype=float).T
    found = equal_sizes(sizes, x, y, size="flops")
    shared = sum((sizes == size).sum() > 1 for size in sizes)
    if 2 * shared < len(sizes) or not shared:
        assert found is None
        return
    pairs, tau = by_pairs(sizes, x, y)
    assert (found.size, found.n, found.pairs) == ("flops", shared, pairs)
    assert found.tau == pytest.approx(tau, nan_ok=True, abs=1e-12)


def test_a_size_that_decides_all_is_worth_nothing_at_equal_size():
    rng = np.random.default_rng(0)
    sizes, noise = rng.integers(9, size=(2, 900)).astype(float)
    assert stats.kendalltau(sizes, sizes + noise / 100).statistic > 0.9
    assert math.isnan(equal_sizes(sizes, sizes, sizes + noise / 100, size="flops").tau)


def test_sizes_that_hardly_repeat_have_no_pairs_to_speak_of():
    sizes = np.array([1.0, 1.0, 2.0, 3.0, 4.0])
    assert equal_sizes(sizes, sizes, sizes, size="flops") is None
    assert equal_sizes(sizes[:4], sizes[:4], sizes[:4], size="flops") is not None
