import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from untrained.results import Resampling, bca_interval
from untrained.results.statistics.population import Population, Rankings
from untrained.results.statistics.size_bias import partial_correlation, size_biases, size_bins


def rankings_of(scores, truth, **resampling):
    frame = pd.DataFrame(scores)
    population = Population.of(
        frame, pd.Series(truth, frame.index), higher_is_better=dict.fromkeys(scores, True)
    )
    return Rankings(population, Resampling(**{"resamples": 0, **resampling}))


def networks(n=60, seed=0):
    rng = np.random.default_rng(seed)
    params = rng.integers(12, size=n).astype(float)
    flops = params + rng.integers(4, size=n)
    truth = params + 3 * rng.normal(size=n)
    score = flops + truth + 4 * rng.normal(size=n)
    return {"score": score, "params": params, "flops": flops}, truth


def residuals(ranks, controls):
    design = np.column_stack([np.ones(len(ranks)), *controls])
    return ranks - design @ np.linalg.lstsq(design, ranks)[0]


def partial_rho(x, y, controls):
    """Pearson's correlation of what a regression on the controls' ranks leaves of the ranks."""
    ranks = [stats.rankdata(c) for c in controls]
    return stats.pearsonr(
        residuals(stats.rankdata(x), ranks), residuals(stats.rankdata(y), ranks)
    ).statistic


def partial_tau(x, y, controls):
    """Kendall's recursion, one control after the other."""
    if not controls:
        return stats.kendalltau(x, y).statistic
    *rest, z = controls
    xy, xz, yz = (partial_tau(a, b, rest) for a, b in ((x, y), (x, z), (y, z)))
    return (xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2))


@settings(max_examples=30)
@given(seed=st.integers(0, 1000))
def test_partial_correlations_are_regressions_on_ranks_and_kendalls_recursion(seed):
    scores, truth = networks(30, seed)
    found = size_biases(rankings_of(scores, truth))["score"]
    assert [one.given for one in found.partial] == [("params",), ("flops",), ("params", "flops")]
    for one in found.partial:
        controls = [scores[name] for name in one.given]
        assert one.n == 30
        assert one.rho == pytest.approx(partial_rho(scores["score"], truth, controls))
        assert one.tau == pytest.approx(partial_tau(scores["score"], truth, controls))


def test_logarithms_of_sizes_change_nothing():
    scores, truth = networks()
    logs = {**scores, "params": np.log1p(scores["params"]), "flops": np.log1p(scores["flops"])}
    found, of_logs = (size_biases(rankings_of(s, truth))["score"] for s in (scores, logs))
    assert repr((found.partial, found.rho_with)) == repr((of_logs.partial, of_logs.rho_with))
    assert found.bins.tau == of_logs.bins.tau


@pytest.mark.parametrize("interval", ["percentile", "bca"])
def test_intervals_are_those_of_partial_correlations_of_resamples(interval):
    scores, truth = networks(40)
    scores["score"][:4] = math.nan
    options = {"resamples": 60, "confidence": 0.8, "seed": 2, "interval": interval}
    found = size_biases(rankings_of(scores, truth, **options))["score"].partial[-1]

    def coefficients(drawn):
        drawn = drawn[drawn >= 4]
        x, *controls = (scores[name][drawn] for name in ("score", "params", "flops"))
        y = truth[drawn]
        return partial_rho(x, y, controls), partial_tau(x, y, controls)

    generator, everyone = np.random.default_rng(2), np.arange(40)
    replicates = [coefficients(generator.integers(40, size=40)) for _ in range(60)]
    jackknife = [coefficients(np.delete(everyone, i)) for i in everyone]
    estimate = coefficients(everyone)
    assert found.n == 36
    for i, name in enumerate(("rho", "tau")):
        drawn = np.array(replicates)[:, i]
        if interval == "percentile":
            expected = tuple(np.quantile(drawn, [0.1, 0.9]))
        else:
            left_out = np.array(jackknife)[:, i]
            expected = bca_interval(drawn, estimate[i], left_out, confidence=0.8)
        interval_found = getattr(found, f"{name}_low"), getattr(found, f"{name}_high")
        assert interval_found == pytest.approx(expected, abs=1e-10)


def test_a_score_that_is_size_alone_says_nothing_given_size():
    scores, truth = networks()
    scores["score"] = np.exp(scores["params"])
    by_given = {one.given: one for one in size_biases(rankings_of(scores, truth))["score"].partial}
    assert math.isnan(by_given["params",].rho)
    assert math.isnan(by_given["params", "flops"].tau)
    assert not math.isnan(by_given["flops",].rho)


def test_sizes_that_rank_alike_count_as_one():
    scores, truth = networks()
    scores["flops"] = scores["params"] ** 2
    first, _, both = size_biases(rankings_of(scores, truth))["score"].partial
    assert (both.rho, both.tau) == pytest.approx((first.rho, first.tau))


def test_a_size_is_not_held_fixed_for_itself_nor_binned_by_itself():
    scores, truth = networks()
    found = size_biases(rankings_of(scores, truth))
    assert [one.given for one in found["params"].partial] == [("flops",)]
    assert [name for name, _ in found["flops"].rho_with] == ["params"]
    assert found["flops"].bins is None
    assert found["params"].bins.size == "flops"


def test_without_sizes_there_is_no_size_bias():
    scores, truth = networks()
    assert size_biases(rankings_of({"score": scores["score"]}, truth)) == {}
    only = size_biases(rankings_of({name: scores[name] for name in ("score", "params")}, truth))
    assert list(only) == ["score"]
    assert [one.given for one in only["score"].partial] == [("params",)]
    assert only["score"].bins.size == "params"


def test_a_constant_size_or_score_gives_nan():
    scores, truth = networks()
    constant = np.ones(60)
    with_size = size_biases(rankings_of({**scores, "flops": constant}, truth))["score"]
    assert math.isnan(with_size.partial[1].rho)
    assert with_size.bins.bins[0].n == 60
    with_score = size_biases(rankings_of({**scores, "score": constant}, truth))["score"]
    assert math.isnan(with_score.partial[0].rho)
    assert math.isnan(with_score.bins.tau)


def test_a_partial_correlation_on_paper():
    matrix = np.array([[1, 0.5, 0.6], [0.5, 1, 0.8], [0.6, 0.8, 1]])
    expected = (0.5 - 0.48) / (0.8 * 0.6)
    assert partial_correlation(matrix) == pytest.approx(expected)
    stack = np.array([matrix, np.full((3, 3), math.nan), np.ones((3, 3))])
    np.testing.assert_allclose(partial_correlation(stack), [expected, math.nan, math.nan])


class TestSizeBins:
    def test_bins_are_equal_parts_where_sizes_differ(self):
        rng = np.random.default_rng(0)
        sizes, (x, y) = rng.permutation(50), rng.normal(size=(2, 50))
        found = size_bins(sizes, x, y, size="flops", num_bins=5)
        assert [one.n for one in found.bins] == [10] * 5
        taus = [
            stats.kendalltau(x[own], y[own]).statistic
            for own in ((sizes >= low) & (sizes < low + 10) for low in range(0, 50, 10))
        ]
        assert [one.tau for one in found.bins] == taus
        assert found.tau == pytest.approx(np.mean(taus))
        assert [(one.low, one.high) for one in found.bins][1] == (10, 19)

    @given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 8))
    def test_networks_of_one_size_are_never_parted_and_none_is_lost(self, sizes, num_bins):
        sizes = np.array(sizes, dtype=float)
        y = np.arange(float(sizes.size))
        found = size_bins(sizes, y, y, size="flops", num_bins=num_bins)
        assert sum(one.n for one in found.bins) == sizes.size
        assert len(found.bins) <= num_bins
        edges = [edge for one in found.bins for edge in (one.low, one.high)]
        assert edges == sorted(edges)
        assert all(a.high < b.low for a, b in zip(found.bins, found.bins[1:], strict=False))

    def test_the_mean_counts_networks_and_leaves_out_bins_without_a_tau(self):
        sizes = np.array([1.0] * 4 + [2.0] * 8 + [3.0] * 8)
        y = np.arange(20.0)
        x = np.concatenate([y[:4], -y[4:12], np.zeros(8)])
        found = size_bins(sizes, x, y, size="flops", num_bins=5)
        assert [one.n for one in found.bins] == [4, 8, 8]
        assert [one.tau for one in found.bins[:2]] == pytest.approx([1, -1])
        assert math.isnan(found.bins[2].tau)
        assert found.tau == pytest.approx((4 - 8) / 12)

    def test_size_alone_is_worth_nothing_among_networks_of_one_size(self):
        rng = np.random.default_rng(0)
        sizes = rng.integers(10, size=2000).astype(float)
        y = sizes + rng.normal(size=2000)
        x = sizes + rng.normal(size=2000)
        assert stats.kendalltau(x, y).statistic > 0.6
        assert abs(size_bins(sizes, x, y, size="flops").tau) < 0.06

    def test_no_bins_are_refused_and_no_networks_give_none(self):
        with pytest.raises(ValueError, match="num_bins is 0; it must be at least 1"):
            size_bins(np.ones(1), np.ones(1), np.ones(1), size="flops", num_bins=0)
        nothing = size_bins(np.empty(0), np.empty(0), np.empty(0), size="flops")
        assert nothing.bins == ()
        assert math.isnan(nothing.tau)
