import math

import numpy as np
import pytest
from scipy import stats

from untrained.results import bootstrap, percentile_interval, resample_counts


def counts_of(n, resamples, seed=0):
    return np.concatenate(list(resample_counts(n, resamples, np.random.default_rng(seed))), axis=1)


def test_each_resample_draws_as_many_points_as_there_are():
    counts = counts_of(17, 40)
    assert counts.shape == (17, 40)
    assert counts.dtype == np.float32
    assert (counts.sum(axis=0) == 17).all()


def test_counts_are_those_of_indices_drawn_one_resample_after_the_other():
    generator = np.random.default_rng(5)
    expected = [np.bincount(generator.integers(9, size=9), minlength=9) for _ in range(4)]
    np.testing.assert_array_equal(counts_of(9, 4, seed=5), np.transpose(expected))


@pytest.mark.parametrize("budget", [1, 4 * 11 * 3, 10**9])
def test_counts_do_not_depend_on_the_memory_budget(monkeypatch, budget):
    expected = counts_of(11, 10)
    monkeypatch.setattr(bootstrap, "CHUNK_BYTES", budget)
    chunks = list(resample_counts(11, 10, np.random.default_rng(0)))
    assert max(chunk.nbytes for chunk in chunks) <= max(budget, 4 * 11)
    np.testing.assert_array_equal(np.concatenate(chunks, axis=1), expected)


def test_every_point_is_drawn_equally_often():
    n, resamples = 20, 5000
    drawn = counts_of(n, resamples).sum(axis=1)
    assert stats.chisquare(drawn).pvalue > 1e-3


def test_no_resamples_yield_nothing():
    assert list(resample_counts(5, 0, np.random.default_rng(0))) == []


def test_the_interval_holds_the_quantiles_of_the_defined_replicates():
    replicates = np.append(np.arange(101.0), [math.nan] * 30)
    assert percentile_interval(replicates, confidence=0.9) == pytest.approx((5.0, 95.0))


@pytest.mark.parametrize("replicates", [[], [math.nan, math.nan]])
def test_an_interval_of_nothing_is_nan(replicates):
    assert np.isnan(percentile_interval(np.array(replicates), confidence=0.95)).all()
