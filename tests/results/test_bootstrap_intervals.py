import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from untrained.results import (
    Resampling,
    bca_interval,
    percentile_interval,
    resample_counts,
    weighted_rank_correlations,
)
from untrained.results.statistics import bootstrap
from untrained.results.statistics.jackknife import leave_out_rank_correlations


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


def scipy_bca(x, y, statistic, replicates, confidence):
    """scipy's BCa interval, from our replicates."""
    return stats.bootstrap(
        (x, y),
        statistic,
        paired=True,
        vectorized=False,
        n_resamples=0,
        method="BCa",
        confidence_level=confidence,
        bootstrap_result=SimpleNamespace(bootstrap_distribution=replicates),
    ).confidence_interval


@pytest.mark.parametrize("coefficient", [0, 1])
@pytest.mark.parametrize("levels", [6, 10**6])
def test_the_bca_interval_is_scipys(coefficient, levels):
    rng = np.random.default_rng(levels)
    y = rng.normal(size=60)
    x = ((y + rng.normal(size=60)) * levels).round()
    replicates = weighted_rank_correlations(x, y, counts_of(60, 400))[coefficient][0]
    function = (stats.kendalltau, stats.spearmanr)[coefficient]
    low, high = bca_interval(
        replicates,
        function(x, y).statistic,
        leave_out_rank_correlations(x, y)[coefficient],
        confidence=0.9,
    )
    theirs = scipy_bca(x, y, lambda a, b: function(a, b).statistic, replicates, 0.9)
    assert (low, high) == pytest.approx(tuple(theirs), abs=1e-12)
    assert (low, high) != pytest.approx(percentile_interval(replicates, confidence=0.9), abs=1e-4)


def test_without_bias_and_acceleration_bca_is_the_percentile_interval():
    replicates = np.linspace(-1, 1, 201)
    found = bca_interval(replicates, 0.0, np.array([-1.0, 1.0]), confidence=0.9)
    assert found == pytest.approx(percentile_interval(replicates, confidence=0.9))


def test_what_never_varies_has_an_interval_of_one_point():
    # replicates differ from the estimate by rounding only
    replicates = np.full(100, 1 - 1e-15)
    assert bca_interval(replicates, 1.0, np.ones(30), confidence=0.95) == pytest.approx((1, 1))


def test_replicates_on_one_side_of_the_estimate_have_no_bca_interval():
    replicates = np.linspace(0, 1, 50)
    jackknife = np.array([0.1, 0.2, 0.4])
    assert np.isnan(bca_interval(replicates, 1.5, jackknife, confidence=0.95)).all()
    assert np.isnan(bca_interval(replicates, -0.5, jackknife, confidence=0.95)).all()


def test_past_the_pole_of_the_acceleration_there_is_no_bca_interval():
    # one point of extreme influence: a is near 1/6; nearly all replicates below the estimate
    jackknife = np.append(np.zeros(100_000), -1.0)
    replicates = np.append(np.zeros(10**6), 1.0)
    assert np.isnan(bca_interval(replicates, 0.5, jackknife, confidence=1 - 1e-6)).all()
    assert not np.isnan(bca_interval(replicates, 0.5, jackknife, confidence=0.5)).any()


@pytest.mark.parametrize("replicates", [[], [math.nan]])
def test_a_bca_interval_of_nothing_is_nan(replicates):
    found = bca_interval(np.array(replicates), 0.5, np.array([0.4, 0.6]), confidence=0.95)
    assert np.isnan(found).all()
    assert np.isnan(bca_interval(np.ones(3), math.nan, np.ones(3), confidence=0.95)).all()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"resamples": -1}, "resamples is -1; it must be at least 0"),
        ({"confidence": 95}, "confidence is 95; it must lie between 0 and 1, as in 0.95"),
        ({"interval": "bac"}, "interval is 'bac'; it must be percentile or bca"),
    ],
)
def test_a_resampling_that_cannot_be_is_refused(changes, text):
    with pytest.raises(ValueError, match=text):
        Resampling(**changes)
