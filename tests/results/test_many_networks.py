"""Statistics of many networks, whose resamples are not computed one by one, against the exact.

The limit is lowered to a size at which both can be computed. Replicates of coefficients are
compared resample by resample; of top slices, whose resamples differ, widths of intervals are.
"""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from untrained.reports.tables.facts import intervals
from untrained.results import Resampling
from untrained.results.statistics import bootstrap, population, rank_correlation, top
from untrained.results.statistics.population import Population, Rankings
from untrained.results.statistics.size_bias import size_biases
from untrained.results.statistics.top import top_rankings

NAMES = ("fine", "coarse", "params")


def rankings(n: int, resamples: int) -> Rankings:
    rng = np.random.default_rng(1)
    hidden = rng.normal(size=n)
    scores = pd.DataFrame(
        {
            "fine": hidden + rng.normal(size=n),
            "coarse": (hidden / 2 + rng.normal(size=n)).round(),
            "params": (hidden + rng.normal(size=n)).round(1),
        },
        index=[f"a{place:06d}" for place in range(n)],
    )
    scores.loc[rng.random(n) < 0.1, "fine"] = math.nan
    scores.iloc[:3, 1] = -math.inf
    truth = pd.Series((hidden + rng.normal(size=n) / 2).round(2), scores.index)
    found = Population.of(scores, truth, higher_is_better=dict.fromkeys(NAMES, True))
    return Rankings(found, Resampling(resamples))


def lower(monkeypatch, limit: int) -> None:
    monkeypatch.setattr(population, "LINEAR_BEYOND", limit)
    for module in (population, top):
        monkeypatch.setattr(module, "PARTS_BEYOND", limit)
    monkeypatch.setattr(rank_correlation, "_SCIPY_UP_TO", limit)


def test_linear_replicates_are_those_of_the_same_resamples(monkeypatch):
    exact = rankings(4000, 60)
    wanted = [exact.ranking(name) for name in NAMES]
    wanted += [exact.ranking("fine", "params"), exact.ranking("params", having=["fine"])]
    exact.resample(wanted)
    lower(monkeypatch, 100)
    linear = rankings(4000, 60)
    linear.resample(wanted)
    for one in wanted:
        for mine, theirs in zip(linear.replicates(one), exact.replicates(one), strict=True):
            assert mine.shape == theirs.shape
            # what is not linear falls as 1 / n, the spread as 1 / sqrt(n)
            assert np.abs(mine - theirs).max() < 0.2 * theirs.std()
            assert abs(mine.mean() - theirs.mean()) < 0.05 * theirs.std()
            assert mine.std() == pytest.approx(theirs.std(), rel=0.03)
    given = (size_biases(one, sizes=("params",))["fine"].partial[0] for one in (exact, linear))
    theirs, mine = ((one.rho, one.rho_low, one.rho_high) for one in given)
    assert mine == pytest.approx(theirs, abs=0.05 * (theirs[2] - theirs[1]))


def test_sums_of_linear_replicates_are_exact(monkeypatch):
    """Equal rankings differ by nothing, whatever is computed beside them and in what order."""
    lower(monkeypatch, 100)
    linear = rankings(2000, 20)
    one = linear.ranking("coarse")
    changes = np.concatenate(list(linear.counts()), axis=1).T - np.float64(1)
    for found, value, effects in zip(
        linear.replicates(one), linear.point(one), linear._effects([one])[0], strict=True
    ):
        assert found.tolist() == [value + math.fsum(change * effects) for change in changes]


@pytest.mark.parametrize("apart", [1, 2, 20])
def test_a_few_networks_that_decide_all_are_resampled_exactly(monkeypatch, apart):
    of = rankings(500, 40).population
    score = np.zeros(500)
    score[:: 500 // apart] = 1
    exact = Rankings(Population(of.names, of.truth, {"score": score}), Resampling(40))
    one = exact.ranking("score")
    expected = exact.estimates(one)
    lower(monkeypatch, 100)
    assert Rankings(exact.population, Resampling(40)).estimates(one) == expected
    assert expected[0].low < expected[0].high


def test_nothing_is_defined_of_many_equal_scores(monkeypatch):
    lower(monkeypatch, 100)
    of = rankings(300, 5).population
    equal = Rankings(Population(of.names, of.truth, {"score": np.ones(300)}), Resampling(5))
    assert np.isnan(equal.estimates(equal.ranking("score"))).all()


def test_slices_have_intervals_of_the_same_width(monkeypatch):
    exact = top_rankings(rankings(6000, 300), fractions=(0.1, 0.3))
    lower(monkeypatch, 100)
    monkeypatch.setattr(bootstrap, "PART_SIZE", 2500)
    parts = top_rankings(rankings(6000, 300), fractions=(0.1, 0.3))
    ratios = []
    for name in NAMES:
        for mine, theirs in zip(parts[name].slices, exact[name].slices, strict=True):
            for what in ("tau", "rho", "precision"):
                assert getattr(mine, what) == getattr(theirs, what)
                ends = [
                    (getattr(one, f"{what}_low"), getattr(one, f"{what}_high"))
                    for one in (mine, theirs)
                ]
                widths = [high - low for low, high in ends]
                middles = [(high + low) / 2 for low, high in ends]
                ratios.append(widths[0] / widths[1])
                assert abs(middles[0] - middles[1]) < 0.2 * widths[1]
            assert mine.ndcg == theirs.ndcg
        assert parts[name].picks == exact[name].picks
        assert parts[name].tau_weighted == pytest.approx(exact[name].tau_weighted, abs=1e-12)
    assert 0.75 < min(ratios) <= max(ratios) < 1.35
    assert 0.95 < np.mean(ratios) < 1.1


def test_ends_of_slices_of_many_networks_are_what_can_be(monkeypatch):
    lower(monkeypatch, 100)
    monkeypatch.setattr(bootstrap, "PART_SIZE", 700)
    names = pd.Index([f"a{place:06d}" for place in range(2000)])
    ends = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        truth = rng.normal(size=2000)
        scores = {"none": rng.normal(size=2000), "all": truth + rng.normal(size=2000) / 1e3}
        found = top_rankings(
            Rankings(Population(names, truth, scores), Resampling(200)), fractions=(0.01,)
        )
        ends.append((found["none"].slices[0].precision_low, found["all"].slices[0].tau_high))
    lows, highs = zip(*ends, strict=True)
    assert min(lows) == 0
    assert max(highs) == 1


@pytest.mark.parametrize("decimals", [0, 1, 9])
@pytest.mark.parametrize("n", [2, 3, 70, 300])
def test_weighted_tau_of_many_is_scipys(monkeypatch, n, decimals):
    lower(monkeypatch, 0)
    rng = np.random.default_rng(n)
    x = rng.normal(size=n).round(decimals)
    y = (x + rng.normal(size=n)).round(decimals)
    expected = stats.weightedtau(x, y).statistic
    found = rank_correlation.weighted_tau(x, y)
    assert found == pytest.approx(expected, abs=1e-13, nan_ok=True)


def test_the_header_says_so():
    class Table:
        resamples, confidence, bootstrap_seed, interval = 1000, 0.95, 0, "percentile"

    usual = intervals(Table, 10_000)
    assert usual.endswith("1,000 resamples, seed 0")
    linear = intervals(Table, 50_000)
    assert (
        linear
        == intervals(Table, 10_001)
        == (
            f"{usual}; where more than 10,000 networks are ranked, coefficients are linear in how "
            "often a resample has each network"
        )
    )
    assert intervals(Table, 50_001) == (
        f"{linear}; where more than 50,000 are, top slices are resampled in 10 random parts of "
        "20,000 networks"
    )
