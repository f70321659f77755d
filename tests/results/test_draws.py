"""Check the noise of the batch against a loop, and how it is added to intervals."""

import math
from statistics import NormalDist, stdev

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from untrained.results import Resampling, analyse, batch_noise
from untrained.results.statistics.bootstrap import Estimate
from untrained.results.statistics.draws import BatchNoise, widened

DIRECTIONS = {"score": False, "params": True}


def draws(count=3, n=50):
    rng = np.random.default_rng(0)
    index = [f"n{i:02}" for i in range(n)]
    truth = pd.Series(rng.normal(size=n), index)
    params = truth + rng.normal(size=n)
    frames = [
        pd.DataFrame({"score": -truth - rng.normal(size=n), "params": params}, index)
        for _ in range(count)
    ]
    frames[1].iloc[4, 0] = math.nan
    return frames, truth


def slow_common(frames, truth, coefficient):
    """Standard deviation between batches less that of single networks, network by network."""
    n, columns = len(truth), [frame.to_numpy() for frame in frames]
    whole = [coefficient(column, truth) for column in columns]
    effects = np.array(
        [
            [
                (n - 1) * (value - coefficient(np.delete(column, i, 0), np.delete(truth, i)))
                for i in range(n)
            ]
            for value, column in zip(whole, columns, strict=True)
        ]
    )
    rest = effects - effects.mean(0) - effects.mean(1)[:, None] + effects.mean()
    single = (rest**2).sum() / ((len(columns) - 1) * n * (n - 1))
    return math.sqrt(max(0, np.var(whole, ddof=1) - single))


def kendall(x, y):
    return stats.kendalltau(x, y).statistic


def spearman(x, y):
    return stats.spearmanr(x, y).statistic


def test_the_noise_is_that_of_coefficients_on_the_networks_of_all_batches():
    frames, truth = draws()
    frames[2]["score"] -= 5 * truth
    # the first batch has more networks than the others, in another order
    further = [frame.iloc[:40] for frame in frames[1:]]
    found = batch_noise(
        [frames[0].sample(frac=1, random_state=0), *further],
        truth,
        higher_is_better=DIRECTIONS,
        baseline="params",
    )
    kept = [i for i in range(40) if i != 4]
    y = truth.iloc[kept]
    taus = [stats.kendalltau(-frame["score"].iloc[kept], y).statistic for frame in frames]
    scores = [-frame["score"].iloc[kept] for frame in frames]
    assert (found["score"].draws, found["score"].n) == (3, 39)
    assert found["score"].tau_of_part == pytest.approx(stdev(taus))
    assert found["score"].tau == pytest.approx(slow_common(scores, y, kendall))
    assert found["score"].rho == pytest.approx(slow_common(scores, y, spearman))
    assert 0 < found["score"].tau < found["score"].tau_of_part
    # params does not look at the batch, so that the difference has the noise of the score alone
    assert found["score"].delta == pytest.approx(found["score"].tau)
    assert (found["params"].tau, found["params"].delta, found["params"].tau_of_part) == (0, 0, 0)


@pytest.mark.parametrize(("n", "common"), [(60, 0.0), (60, 0.3), (2000, 0.3)])
def test_what_the_batch_does_to_each_network_is_not_common_noise(n, common):
    """Batches weigh a feature differently; each network has noise of its own besides."""
    rng = np.random.default_rng(1)
    options = {"higher_is_better": {"score": True}, "baseline": "params"}
    found, expected = [], []
    for _ in range(60):
        truth, feature = pd.Series(rng.normal(size=n)), rng.normal(size=n)
        weights = 1 + common * rng.normal(size=3)
        frames = [
            pd.DataFrame({"score": truth + k * feature + 0.3 * rng.normal(size=n)}) for k in weights
        ]
        found.append(batch_noise(frames, truth, **options)["score"])
        # tau of two normal variables is 2 / pi arcsin of their correlation
        taus = 2 / math.pi * np.arcsin(1 / np.sqrt(1 + weights**2 + 0.3**2))
        expected.append(taus.std(ddof=1))
    common_, of_part = (
        math.sqrt(np.mean([getattr(one, name) ** 2 for one in found]))
        for name in ("tau", "tau_of_part")
    )
    if common:
        truly = math.sqrt(np.mean(np.square(expected)))
        assert common_ == pytest.approx(truly, rel=0.1)
    else:
        assert common_ < of_part / 1.5
        assert sum(one.tau == 0 for one in found) > 20


def test_without_the_baseline_there_is_no_noise_of_a_difference():
    frames, truth = draws()
    alone = [frame[["score"]] for frame in frames]
    options = {"higher_is_better": DIRECTIONS, "baseline": "params"}
    found = batch_noise(alone, truth, **options)["score"]
    assert found.tau_of_part > 0
    assert math.isnan(found.delta)
    assert batch_noise([frame[:2] for frame in alone], truth, **options) == {}
    constant = [frame * 0 for frame in alone]
    assert batch_noise(constant, truth, **options) == {}


@given(
    st.floats(-1, 1), st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0, 0.1),
    st.sampled_from([0.8, 0.95]),
)  # fmt: skip
def test_a_noise_is_added_to_each_end_in_quadrature(value, below, above, sd, confidence):
    found = widened(Estimate(value, value - below, value + above), sd, confidence=confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    assert found.value == value
    low = value - math.sqrt(below**2 + (z * sd) ** 2)
    high = value + math.sqrt(above**2 + (z * sd) ** 2)
    assert found.low == pytest.approx(max(low, -1), abs=1e-12)
    assert found.high == pytest.approx(min(high, 1), abs=1e-12)


@pytest.mark.parametrize(("sd", "low"), [(0, 0.52), (0.01, 0.52 - 0.0196), (0.1, 0.52 - 0.196)])
def test_a_noise_never_moves_an_end_past_the_value_by_itself(sd, low):
    found = widened(Estimate(0.5, 0.52, 0.6), sd, confidence=0.95)
    assert found.low == pytest.approx(low, abs=1e-5)
    assert found.high == pytest.approx(0.5 + math.hypot(0.1, 1.96 * sd), abs=1e-5)
    mirrored = widened(Estimate(-0.5, -0.6, -0.52), sd, confidence=0.95)
    assert mirrored == pytest.approx((-0.5, -found.high, -found.low))


def test_no_end_lies_outside_what_a_statistic_can_be():
    assert widened(Estimate(1, 0.98, 1), 0.1, confidence=0.95).high == 1
    assert widened(Estimate(-0.99, -1, -0.9), 0.1, confidence=0.95).low == -1
    difference = widened(Estimate(1.5, 1.2, 1.7), 0.5, confidence=0.95, largest=2)
    assert (difference.low, difference.high) == (pytest.approx(0.4751, abs=1e-4), 2)


def test_an_unknown_noise_leaves_an_interval_as_it_is():
    estimate = Estimate(0.5, 0.4, 0.7)
    assert widened(estimate, math.nan, confidence=0.95) == estimate


def test_rows_contain_the_noise_and_their_p_too():
    frames, truth = draws()
    options = {"higher_is_better": DIRECTIONS, "resampling": Resampling(resamples=200)}
    noise = {"score": BatchNoise(3, 50, 0.05, 0.06, 0.07, 0.08, {"params": 0.07})}
    without, with_it = (analyse(frames[0], truth, noise=one, **options) for one in ({}, noise))
    plain, noisy = without.rows[0], with_it.rows[0]
    z = NormalDist().inv_cdf(0.975)
    for name, sd in (("tau", noise["score"].tau), ("rho", noise["score"].rho)):
        value = getattr(plain, name)
        assert getattr(noisy, name) == value
        expected = math.hypot(value - getattr(plain, f"{name}_low"), z * sd)
        assert value - getattr(noisy, f"{name}_low") == pytest.approx(expected)
    error = abs(plain.delta_tau) / NormalDist().inv_cdf(1 - plain.delta_p / 2)
    larger = math.hypot(error, noise["score"].delta)
    assert noisy.delta_p == pytest.approx(2 * NormalDist().cdf(-abs(plain.delta_tau) / larger))
    assert noisy.delta_p > plain.delta_p
    # the same difference among all pairs, and to the best baseline
    pair, best = with_it.pairs[0], with_it.best_baseline["score"]
    assert (pair.first, pair.second, pair.p) == ("score", "params", noisy.delta_p)
    assert without.pairs[0].p == plain.delta_p
    ends = noisy.delta_low, noisy.delta_high
    assert (pair.delta_low, pair.delta_high) == (best.delta_low, best.delta_high) == ends


def test_the_noise_of_a_difference_is_that_of_the_networks_that_both_have():
    frames, truth = draws()
    for k, frame in enumerate(frames):
        frame["other"] = frame["score"] * 0.5 - k * truth
    frames[0].iloc[7, 2] = math.nan  # the pair lacks a network that the score has
    found = batch_noise(
        frames, truth, higher_is_better=DIRECTIONS | {"other": False}, baseline="params"
    )
    kept = [i for i in range(50) if i not in (4, 7)]
    both = [-frame[["score", "other"]].iloc[kept] for frame in frames]

    def difference(columns, y):
        return kendall(columns[:, 0], y) - kendall(columns[:, 1], y)

    expected = slow_common(both, truth.iloc[kept], difference)
    assert expected > 0
    assert found["score"].deltas["other"] == pytest.approx(expected)
    assert found["other"].deltas["score"] == found["score"].deltas["other"]
    assert found["score"].deltas["params"] == pytest.approx(found["score"].delta)


def test_normal_noise_of_the_batch_is_covered_as_often_as_is_said():
    """A coefficient whose two noises are known lies in the interval in 95 % of the cases."""
    rng = np.random.default_rng(0)
    bootstrap, batch = 0.02, 0.03
    errors = bootstrap * rng.normal(size=4000) + batch * rng.normal(size=4000)
    z = NormalDist().inv_cdf(0.975)
    ends = [widened(Estimate(e, e - z * bootstrap, e + z * bootstrap), batch, confidence=0.95)
            for e in errors]  # fmt: skip
    covered = sum(one.low <= 0 <= one.high for one in ends)
    assert stats.binomtest(covered, 4000, 0.95).pvalue > 1e-3
