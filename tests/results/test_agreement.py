import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from untrained.results import Resampling, agree

N = 50
RNG = np.random.default_rng(3)
INDEX = pd.Index([f"a{i:02}" for i in range(N)])
SCORES = pd.DataFrame(
    {
        "params": RNG.integers(1, 9, N).astype(float),
        "flops": RNG.normal(size=N),
        "good": RNG.normal(size=N),
        "down": RNG.normal(size=N),
    },
    INDEX,
)
SCORES.loc[INDEX[:3], "good"] = math.nan
HIGHER = {"params": True, "flops": True, "good": True, "down": False}


def test_correlations_with_sizes_are_those_of_scipy_in_the_direction_of_the_score():
    found = agree(SCORES, higher_is_better=HIGHER, resampling=Resampling(50))
    assert [one.size for one in found.with_sizes["good"]] == ["params", "flops"]
    assert [one.size for one in found.with_sizes["params"]] == ["flops"]
    for name, sign in (("good", 1), ("down", -1)):
        for one in found.with_sizes[name]:
            both = SCORES[[name, one.size]].dropna()
            x, y = sign * both[name], both[one.size]
            assert one.n == len(both)
            assert one.tau == pytest.approx(stats.kendalltau(x, y).statistic)
            assert one.rho == pytest.approx(stats.spearmanr(x, y).statistic)
            assert one.tau_low <= one.tau <= one.tau_high
    matrix = found.redundancy
    i, j = (matrix.indicators.index(name) for name in ("down", "flops"))
    expected = stats.spearmanr(-SCORES["down"], SCORES["flops"]).statistic
    assert matrix.rho[i][j] == pytest.approx(expected)
    assert matrix.n[i][j] == N


def test_intervals_come_from_the_resamples_of_the_architectures():
    found = agree(SCORES, higher_is_better=HIGHER, resampling=Resampling(80))
    generator = np.random.default_rng(0)
    taus = []
    for _ in range(80):
        drawn = SCORES.iloc[generator.integers(N, size=N)][["good", "params"]].dropna()
        taus.append(stats.kendalltau(drawn["good"], drawn["params"]).statistic)
    one = found.with_sizes["good"][0]
    np.testing.assert_allclose([one.tau_low, one.tau_high], np.quantile(taus, [0.025, 0.975]))


def test_without_a_size_or_with_a_constant_one_there_is_no_number():
    alone = agree(SCORES[["good"]], higher_is_better=HIGHER, resampling=Resampling(5))
    assert alone.with_sizes == {"good": ()}
    (one,) = agree(
        SCORES[["good"]].assign(params=1.0), higher_is_better=HIGHER, resampling=Resampling(5)
    ).with_sizes["good"]
    assert math.isnan(one.tau)
    assert math.isnan(one.tau_low)
