import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from untrained.results import Resampling
from untrained.results.statistics.bootstrap import bootstrap_p
from untrained.results.statistics.pairwise import best_baselines, compare_pairs, holm
from untrained.results.statistics.population import Population, Rankings


def rankings_of(scores, truth, **resampling):
    frame = pd.DataFrame(scores)
    population = Population.of(
        frame, pd.Series(truth, frame.index), higher_is_better=dict.fromkeys(scores, True)
    )
    return Rankings(population, Resampling(**{"resamples": 60, "confidence": 0.8, **resampling}))


def networks(n=40, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    scores = {
        name: truth + noise * rng.normal(size=n)
        for name, noise in (("good", 0.7), ("params", 3), ("flops", 1), ("weak", 5))
    }
    scores["good"][:3] = math.nan
    scores["flops"][5] = math.nan
    return scores, truth


def tau(x, y):
    return stats.kendalltau(x, y).statistic


def replicates(one, other, truth):
    have = ~np.isnan(one) & ~np.isnan(other)
    generator = np.random.default_rng(0)
    n = len(truth)
    for _ in range(60):
        drawn = generator.integers(n, size=n)
        drawn = drawn[have[drawn]]
        yield tau(one[drawn], truth[drawn]) - tau(other[drawn], truth[drawn])


def test_every_pair_is_compared_over_the_networks_that_both_have():
    scores, truth = networks()
    found = compare_pairs(rankings_of(scores, truth))
    assert [(pair.first, pair.second) for pair in found] == [
        *(("good", "params"), ("good", "flops"), ("good", "weak")),
        *(("params", "flops"), ("params", "weak"), ("flops", "weak")),
    ]
    for pair in found:
        one, other = scores[pair.first], scores[pair.second]
        have = ~np.isnan(one) & ~np.isnan(other)
        assert pair.n == have.sum()
        assert pair.delta == tau(one[have], truth[have]) - tau(other[have], truth[have])
        drawn = np.array(list(replicates(one, other, truth)))
        expected = np.quantile(drawn, [0.1, 0.9])
        np.testing.assert_allclose((pair.delta_low, pair.delta_high), expected, rtol=1e-10)
        assert pair.p == pytest.approx(2 * stats.norm.sf(abs(pair.delta) / np.std(drawn, ddof=1)))
    assert [pair.p_holm for pair in found] == holm([pair.p for pair in found])
    assert {pair.n for pair in found} == {36, 37, 39, 40}


def test_the_same_indicator_twice_does_not_differ():
    scores, truth = networks()
    (pair,) = compare_pairs(rankings_of({"a": scores["weak"], "b": scores["weak"] * 2}, truth))
    assert (pair.delta, pair.delta_low, pair.delta_high) == (0, 0, 0)
    assert pair.p == pair.p_holm == 1


def test_without_resamples_there_are_differences_and_no_p():
    scores, truth = networks()
    (pair, *_) = compare_pairs(rankings_of(scores, truth, resamples=0))
    assert pair.delta > 0
    assert all(math.isnan(v) for v in (pair.p, pair.p_holm, pair.delta_low))


def test_one_indicator_makes_no_pair():
    assert compare_pairs(rankings_of({"a": [1.0, 2.0, 3.0]}, [1.0, 2.0, 3.0])) == ()


def test_p_without_spread_or_without_replicates():
    assert bootstrap_p(0.5, np.ones(9)) == 0
    assert bootstrap_p(0.0, np.zeros(9)) == 1
    assert bootstrap_p(1e-17, np.array([0, 1e-17, 0])) == 1  # rounding is no difference
    assert math.isnan(bootstrap_p(0.5, np.array([math.nan, 0.4])))
    assert math.isnan(bootstrap_p(math.nan, np.array([0.1, 0.2])))


def test_a_clear_difference_stays_clear_after_holm_for_hundreds_of_pairs():
    clear = bootstrap_p(0.3, np.random.default_rng(0).normal(0.3, 0.02, 200))
    assert holm([clear, *[0.5] * 300])[0] < 1e-6


def test_p_of_no_difference_is_about_uniform():
    # replicates of a mean of n normal values around the mean of such a sample
    rng = np.random.default_rng(0)
    found = []
    for _ in range(400):
        sample = rng.normal(size=50)
        means = rng.choice(sample, size=(400, 50)).mean(axis=1)
        found.append(bootstrap_p(sample.mean(), means))
    assert stats.kstest(found, "uniform").pvalue > 0.01


@given(st.lists(st.floats(0, 1) | st.just(math.nan), max_size=12))
def test_holm_is_its_step_down_procedure(values):
    adjusted = holm(values)
    known = sorted(p for p in values if not math.isnan(p))
    for p, found in zip(values, adjusted, strict=True):
        if math.isnan(p):
            assert math.isnan(found)
            continue
        # the smallest alpha at which the procedure goes on past this p
        steps = [(len(known) - i) * q for i, q in enumerate(known) if q <= p]
        below = [(len(known) - i) * q for i, q in enumerate(known) if q < p]
        first = (len(known) - len(below)) * p
        assert found == pytest.approx(min(1, max([*below, first])))
        assert found <= min(1, max(steps)) + 1e-12


def test_holm_on_paper():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


class TestBestBaseline:
    def test_is_the_one_with_the_largest_tau_on_the_same_networks(self):
        scores, truth = networks()
        found = best_baselines(rankings_of(scores, truth), trivial=("params", "flops", "depth"))
        assert list(found) == ["good", "weak"]
        have = ~np.isnan(scores["good"]) & ~np.isnan(scores["flops"])
        taus = {name: tau(scores[name][have], truth[have]) for name in ("good", "params", "flops")}
        one = found["good"]
        assert one.baseline == "flops"
        assert taus["flops"] > taus["params"]
        assert (one.n, one.tau, one.tau_baseline) == (36, taus["good"], taus["flops"])
        assert one.delta == taus["good"] - taus["flops"]
        drawn = list(replicates(scores["good"], scores["flops"], truth))
        expected = np.quantile(drawn, [0.1, 0.9])
        np.testing.assert_allclose((one.delta_low, one.delta_high), expected, rtol=1e-10)

    def test_a_constant_baseline_is_none_unless_there_is_no_other(self):
        scores, truth = networks()
        scores["params"] = np.ones(40)
        scores["flops"] = -truth
        rankings = rankings_of(scores, truth)
        assert best_baselines(rankings)["weak"].baseline == "flops"
        del scores["flops"]
        one = best_baselines(rankings_of(scores, truth))["weak"]
        assert one.baseline == "params"
        assert math.isnan(one.delta)

    def test_without_a_baseline_there_is_nothing_to_compare_with(self):
        scores, truth = networks()
        assert best_baselines(rankings_of({"good": scores["good"]}, truth)) == {}
