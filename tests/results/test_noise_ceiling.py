import math
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from untrained.results import Resampling, noise_ceiling, perfect_ceiling

NAMES = ("seed 0", "seed 1")
NO_INTERVALS = Resampling(resamples=0)


def seeds(n=200, noise=0.3):
    rng = np.random.default_rng(0)
    index = [f"net{i:03}" for i in range(n)]
    accuracy = rng.normal(size=n)
    return [pd.Series(accuracy + noise * rng.normal(size=n), index) for _ in range(2)]


def test_the_first_ranks_what_the_second_has_and_slices_are_the_best_by_the_second():
    first, second = seeds()
    first.iloc[:20] = math.nan
    second = second.sample(frac=1, random_state=0).drop("net100")
    found = noise_ceiling(first, second, names=NAMES, resampling=Resampling(resamples=50))
    x, y = first.align(second.drop(first.index[:20]), join="inner")
    assert (found.first, found.second, found.n) == ("seed 0", "seed 1", 179)
    assert found.tau == stats.kendalltau(x, y).statistic
    assert found.rho == stats.spearmanr(x, y).statistic
    assert found.tau_low < found.tau < found.tau_high
    assert [one.fraction for one in found.slices] == [0.01, 0.05, 0.1]
    best = y >= y.nlargest(18).min()
    assert (found.slices[-1].k, found.slices[-1].n) == (18, 18)
    assert found.slices[-1].tau == stats.kendalltau(x[best], y[best]).statistic
    assert found.slices[-1].tau_low < found.slices[-1].tau


def test_resamples_draw_from_the_architectures_that_have_both():
    first, second = seeds()
    options = {"names": NAMES, "resampling": Resampling(resamples=30)}
    second.iloc[50:] = math.nan
    whole = noise_ceiling(first, second, **options)
    assert repr(whole) == repr(noise_ceiling(first.iloc[:50], second.iloc[:50], **options))


def test_slices_may_be_those_of_a_tables_target():
    first, second = seeds()
    target = (first + second).drop("net007")
    options = {"names": NAMES, "target": target, "resampling": Resampling(40, 0.8)}
    found = noise_ceiling(first, second, **options)
    assert found.n == 199
    best = target[target >= target.nlargest(20).min()].index
    assert found.slices[-1].tau == stats.kendalltau(first[best], second[best]).statistic
    by_first, by_second = (values.drop("net007").nlargest(20).index for values in (first, second))
    assert found.slices[-1].precision == pytest.approx(len(by_first.intersection(by_second)) / 20)

    generator = np.random.default_rng(0)
    columns = [
        values.drop("net007", errors="ignore").to_numpy() for values in (first, second, target)
    ]
    taus = []
    for _ in range(40):
        drawn = generator.integers(199, size=199)
        x, y, t = (values[drawn] for values in columns)
        inside = t >= np.sort(t)[-20]
        taus.append(stats.kendalltau(x[inside], y[inside]).statistic)
    interval = found.slices[-1].tau_low, found.slices[-1].tau_high
    assert interval == pytest.approx(tuple(np.quantile(taus, [0.1, 0.9])))


def test_an_architecture_listed_twice_is_refused():
    first, second = seeds(10)
    with pytest.raises(ValueError, match="values of the first list 'net000' twice"):
        noise_ceiling(pd.concat([first, first[:1]]), second, names=NAMES)
    with pytest.raises(ValueError, match="the truth list 'net000' twice"):
        noise_ceiling(first, pd.concat([second, second[:1]]), names=NAMES)


def test_without_noise_the_ceiling_is_one():
    first, second = seeds(noise=0)
    found = noise_ceiling(first, second, names=NAMES, resampling=NO_INTERVALS)
    assert (found.tau, found.rho, found.slices[-1].tau) == pytest.approx((1, 1, 1))


def test_columns_with_nothing_in_common_have_no_ceiling():
    first, second = seeds(10)
    found = noise_ceiling(first[:5], second[5:], names=NAMES, resampling=NO_INTERVALS)
    assert found.n == 0
    assert math.isnan(found.tau)


@pytest.fixture(scope="module")
def nasbench201_seeds():
    folder = os.environ.get("UNTRAINED_DATA")
    path = Path(folder or "", "tables", "nasbench201.parquet")
    if not folder or not path.is_file():
        pytest.skip("set UNTRAINED_DATA to a folder with tables/nasbench201.parquet")
    table = pd.read_parquet(path)
    table = table[(table["dataset"] == "cifar10") & (table["metric"] == "test_accuracy")]
    wide = table[table["epochs"] == 200].pivot(index="architecture", columns="seed", values="value")
    # those with all three seeds
    return wide[[0, 1, 2]].dropna()


def test_seeds_of_nasbench201_agree_as_is_known_overall_and_at_the_top(nasbench201_seeds):
    assert len(nasbench201_seeds) == 7_961
    for a, b in ((0, 1), (0, 2), (1, 2), (2, 1), (2, 0), (1, 0)):
        found = noise_ceiling(
            nasbench201_seeds[a],
            nasbench201_seeds[b],
            names=(f"seed {a}", f"seed {b}"),
            target=nasbench201_seeds.mean(axis=1),
            resampling=NO_INTERVALS,
        )
        assert found.tau == pytest.approx(0.909, abs=0.002)
        # the known values are for the best by the mean over seeds; one seed alone as both, what is
        # best and what is ranked, leaves more to see
        assert 0.43 < found.slices[-1].tau < 0.47
        assert found.slices[-1].k == 797


def trainings(n=500, times=3, noise=0.5):
    """Networks whose quality is standard normal, and several trainings of each."""
    rng = np.random.default_rng(0)
    level = rng.normal(size=n)
    columns = {seed: level + noise * rng.normal(size=n) for seed in range(times)}
    return pd.DataFrame(columns, index=[f"net{i:04}" for i in range(n)])


@pytest.mark.parametrize("times", [2, 3])
def test_a_perfect_predictor_has_the_tau_of_two_normal_variables(times):
    seeds = trainings(times=times)
    mean = seeds.mean(axis=1)
    for averaged, target, n in ((True, mean, times), (False, seeds[0], 1)):
        found = perfect_ceiling(seeds, target, name="t", averaged=averaged)
        variance = target.var()
        r = math.sqrt(variance / (variance + 0.25 / n))
        assert found.tau == pytest.approx(2 / math.pi * math.asin(r), abs=0.015)
        assert found.rho == pytest.approx(6 / math.pi * math.asin(r / 2), abs=0.015)
        assert found.tau_low < found.tau < found.tau_high
        assert (found.perfect, found.n, found.second) == (True, 500, "t")


def test_a_perfect_predictor_of_the_top_is_what_a_loop_over_trainings_gives():
    seeds = trainings(times=2)
    target = seeds.mean(axis=1)
    found = perfect_ceiling(seeds, target, name="t", averaged=True).slices[-1]
    rng = np.random.default_rng(5)
    taus, shares = [], []
    for _ in range(60):
        again = target + 0.5 / math.sqrt(2) * rng.normal(size=500)
        best = again.nlargest(50).index
        taus.append(stats.kendalltau(target[best], again[best]).statistic)
        shares.append(len(best.intersection(target.nlargest(50).index)) / 50)
    assert (found.fraction, found.k, found.n) == (0.1, 50, 50)
    assert found.tau == pytest.approx(np.mean(taus), abs=0.04)
    assert found.precision == pytest.approx(np.mean(shares), abs=0.03)


def test_noise_is_taken_from_networks_of_like_quality():
    seeds = trainings(noise=0)
    best = seeds[0] >= seeds[0].quantile(0.9)
    noisy = seeds.copy()
    noisy.loc[best] += 0.2 * np.random.default_rng(1).normal(size=(best.sum(), 3))
    found = perfect_ceiling(noisy, noisy.mean(axis=1), name="t", averaged=True)
    assert found.slices[-1].tau < 0.85
    # nine tenths of the networks are ranked without error
    assert found.tau > 0.99


def test_networks_that_were_trained_once_take_the_noise_of_others():
    seeds = trainings(times=2)
    once = seeds.copy()
    once.iloc[::2, 1] = math.nan
    whole = perfect_ceiling(seeds, seeds[0], name="t", averaged=False)
    half = perfect_ceiling(once, seeds[0], name="t", averaged=False)
    assert half.tau == pytest.approx(whole.tau, abs=0.02)
    assert perfect_ceiling(seeds[[0]], seeds[0], name="t", averaged=False) is None
    assert perfect_ceiling(seeds[:2], seeds[0][:2], name="t", averaged=False) is None


def test_trainings_without_noise_have_a_ceiling_of_one():
    seeds = trainings(noise=0, n=200)
    found = perfect_ceiling(seeds, seeds[0], name="t", averaged=True)
    assert (found.tau, found.rho, found.slices[-1].tau) == pytest.approx((1, 1, 1))
