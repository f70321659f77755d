import math
import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from untrained.results import correlate

INTERVALS = ("tau_low", "tau_high", "rho_low", "rho_high", "delta_low", "delta_high")


def population(n, *, seed=0, missing=0):
    """Truth, a noisy score with some values missing, its negative, and a baseline with ties."""
    rng = np.random.default_rng(seed)
    truth = pd.Series(rng.normal(size=n), index=[f"net{i:03}" for i in range(n)])
    good = truth + rng.normal(size=n)
    good.iloc[:missing] = math.nan
    params = (truth + 2 * rng.normal(size=n)).round()
    params.iloc[-1:] = math.nan
    return pd.DataFrame({"good": good, "cost": -good, "params": params}), truth


DIRECTIONS = {"good": True, "cost": False, "params": True}


def rows_of(scores, truth, **options):
    options = {"resamples": 50, "higher_is_better": DIRECTIONS, **options}
    return {row.indicator: row for row in correlate(scores, truth, **options)}


def test_rows_come_in_the_order_of_the_columns():
    scores, truth = population(10)
    rows = correlate(scores[["params", "good"]], truth, higher_is_better=DIRECTIONS, resamples=0)
    assert [row.indicator for row in rows] == ["params", "good"]


def test_point_values_are_scipys_over_the_scored_networks():
    scores, truth = population(40, missing=7)
    row = rows_of(scores, truth)["good"]
    assert (row.n, row.n_population, row.coverage) == (33, 40, 33 / 40)
    assert row.tau == stats.kendalltau(scores["good"][7:], truth[7:]).statistic
    assert row.rho == stats.spearmanr(scores["good"][7:], truth[7:]).statistic


def test_a_score_for_which_lower_is_better_is_turned_round():
    rows = rows_of(*population(40, missing=3))
    good, cost = asdict(rows["good"]), asdict(rows["cost"])
    assert good.pop("indicator") != cost.pop("indicator")
    assert good == cost
    assert good["tau"] > 0


def test_intervals_are_those_of_a_plain_loop_over_resamples():
    scores, truth = population(30, missing=4)
    row = rows_of(scores, truth, resamples=60, confidence=0.8, seed=9)["good"]
    generator = np.random.default_rng(9)
    replicates = {"tau": [], "rho": [], "delta": []}
    for _ in range(60):
        drawn = generator.integers(30, size=30)
        x, base, y = (s.to_numpy()[drawn] for s in (scores["good"], scores["params"], truth))
        have = ~np.isnan(x)
        both = have & ~np.isnan(base)
        replicates["tau"].append(stats.kendalltau(x[have], y[have]).statistic)
        replicates["rho"].append(stats.spearmanr(x[have], y[have]).statistic)
        replicates["delta"].append(
            stats.kendalltau(x[both], y[both]).statistic
            - stats.kendalltau(base[both], y[both]).statistic
        )
    for name, values in replicates.items():
        found = getattr(row, f"{name}_low"), getattr(row, f"{name}_high")
        np.testing.assert_allclose(found, np.quantile(values, [0.1, 0.9]), rtol=1e-12)


def test_the_difference_is_taken_over_networks_that_both_have():
    scores, truth = population(40, missing=7)
    row = rows_of(scores, truth)["good"]
    both = scores.notna().all(axis=1)
    taus = [
        stats.kendalltau(scores[name][both], truth[both]).statistic for name in ("good", "params")
    ]
    assert row.delta_tau == taus[0] - taus[1]
    assert row.delta_low < row.delta_tau < row.delta_high


def test_the_baseline_is_not_compared_with_itself():
    row = rows_of(*population(20))["params"]
    assert math.isnan(row.delta_tau)
    assert math.isnan(row.delta_low)
    assert row.tau_low < row.tau < row.tau_high


def test_without_the_baseline_there_is_no_difference_but_everything_else():
    scores, truth = population(20)
    with_it, without = rows_of(scores, truth)["good"], rows_of(scores[["good"]], truth)["good"]
    assert math.isnan(without.delta_tau)
    assert (without.tau, without.tau_low) == (with_it.tau, with_it.tau_low)


def test_a_copy_of_the_baseline_differs_from_it_by_exactly_nothing():
    scores, truth = population(30)
    scores["good"] = scores["params"] * 3
    row = rows_of(scores, truth)["good"]
    assert (row.delta_tau, row.delta_low, row.delta_high) == (0.0, 0.0, 0.0)


def test_minus_infinity_ranks_last_and_is_not_missing():
    scores, truth = population(20)
    scores.loc["net004", "good"] = -math.inf
    lowest = scores.replace(-math.inf, -1e9)
    lowest["cost"] = -lowest["good"]
    scores["cost"] = -scores["good"]
    found = rows_of(scores, truth)
    for name, row in rows_of(lowest, truth).items():
        finite = {"n_finite": found[name].n_finite, "tau_finite": found[name].tau_finite}
        assert repr(found[name]) == repr(replace(row, **finite))
        assert (found[name].n_finite, row.n_finite) == (18, 19)
    assert found["good"].n == 20


def test_failures_last_ranks_missing_scores_behind_all_others_and_tied():
    scores, truth = population(30, missing=6)
    scores.loc["net010", "good"] = -math.inf
    row = rows_of(scores, truth)["good"]
    filled = scores["good"].replace(-math.inf, -1e8).fillna(-1e9)
    assert row.tau_failures_last == stats.kendalltau(filled, truth).statistic
    assert row.tau_failures_last != row.tau


def test_without_failures_both_conventions_agree():
    row = rows_of(*population(30))["good"]
    assert row.tau_failures_last == row.tau


def test_ties_are_fractions_of_the_ranked_pairs():
    index = list("abcde")
    scores = pd.DataFrame({"s": [1.0, 1.0, 1.0, 2.0, math.nan]}, index=index)
    truth = pd.Series([1.0, 2.0, 2.0, 3.0, 3.0], index=index)
    (row,) = correlate(scores, truth, higher_is_better={"s": True}, resamples=0)
    assert (row.ties_score, row.ties_truth) == (3 / 6, 1 / 6)


def test_the_population_is_what_is_listed_and_has_a_true_value():
    scores, truth = population(20)
    expected = rows_of(scores.iloc[:12], truth.iloc[:12])
    larger = pd.concat([truth, pd.Series({"elsewhere": 1.0})])
    assert repr(rows_of(scores.iloc[:12], larger)) == repr(expected)
    larger.iloc[12:] = math.nan
    assert repr(rows_of(scores, larger)) == repr(expected)
    assert expected["good"].n_population == 12


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), data=st.data())
def test_the_order_of_rows_and_monotone_maps_change_nothing(seed, data):
    scores, truth = population(15, seed=seed, missing=2)
    expected = repr(rows_of(scores, truth, resamples=10))
    order = data.draw(st.permutations(range(15)))
    mapped = scores.assign(good=np.arctan(scores["good"]))
    shuffled = rows_of(mapped.iloc[order], np.exp(truth.iloc[order[::-1]]), resamples=10)
    assert repr(shuffled) == expected


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_networks_give_nan(n):
    scores, truth = population(n)
    row = rows_of(scores, truth)["good"]
    assert (row.n, row.n_population) == (n, n)
    assert math.isnan(row.coverage) == (n == 0)
    for name in ("tau", "rho", "tau_failures_last", "delta_tau", *INTERVALS):
        assert math.isnan(getattr(row, name)), name


def test_an_indicator_that_never_succeeds_gives_nan_and_coverage_zero():
    scores, truth = population(10, missing=10)
    row = rows_of(scores, truth)["good"]
    assert (row.n, row.coverage) == (0, 0.0)
    for name in ("tau", "rho", "tau_failures_last", "delta_tau", "ties_score", *INTERVALS):
        assert math.isnan(getattr(row, name)), name


def test_a_constant_score_gives_nan():
    scores, truth = population(10)
    scores["good"] = 7.0
    row = rows_of(scores, truth)["good"]
    assert (row.n, row.ties_score) == (10, 1.0)
    for name in ("tau", "rho", "tau_failures_last", "delta_tau", *INTERVALS):
        assert math.isnan(getattr(row, name)), name


def test_without_resamples_there_are_values_and_no_intervals():
    row = rows_of(*population(10), resamples=0)["good"]
    assert not math.isnan(row.tau)
    assert all(math.isnan(getattr(row, name)) for name in INTERVALS)


def test_the_seed_decides_the_intervals():
    scores, truth = population(20)
    a, b, c = (rows_of(scores, truth, seed=seed)["good"] for seed in (1, 1, 2))
    assert a == b
    assert (a.tau, a.tau_low) != (c.tau, c.tau_low)
    assert a.tau == c.tau


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resamples": -1}, "resamples is -1"),
        ({"confidence": 95}, "confidence is 95; it must lie between 0 and 1"),
        ({"higher_is_better": {"params": True}}, "says nothing about cost, good"),
    ],
)
def test_arguments_out_of_range_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        rows_of(*population(5), **options)


def test_an_architecture_may_be_listed_only_once():
    scores, truth = population(5)
    with pytest.raises(ValueError, match="the truth list 'net000' twice"):
        rows_of(scores, pd.concat([truth, truth[:1]]))
    with pytest.raises(ValueError, match="scores list 'net000' twice"):
        rows_of(pd.concat([scores, scores[:1]]), truth)


@pytest.fixture(scope="module")
def nasbench201():
    folder = os.environ.get("UNTRAINED_DATA")
    path = Path(folder or "", "tables", "nasbench201.parquet")
    if not folder or not path.is_file():
        pytest.skip("set UNTRAINED_DATA to a folder with tables/nasbench201.parquet")
    table = pd.read_parquet(path)
    table["architecture"] = table["architecture"].astype(str)

    def column(**wanted):
        chosen = table
        for name, value in wanted.items():
            chosen = chosen[chosen[name] == value]
        return chosen.set_index("architecture")["value"]

    return column


CIFAR10_TEST = {"dataset": "cifar10", "metric": "test_accuracy", "epochs": 200}


def test_params_rank_nasbench201_as_well_as_is_known(nasbench201):
    scores = nasbench201(dataset="cifar10", metric="params_millions").to_frame("params")
    truth = nasbench201(**CIFAR10_TEST, seed=-1)
    (row,) = correlate(scores, truth, higher_is_better={"params": True}, resamples=20)
    assert row.n == row.n_population == 15_625
    assert row.tau == pytest.approx(0.577, abs=0.001)
    assert row.tau_low < row.tau < row.tau_high
    assert row.tau_high - row.tau_low < 0.03


def test_two_training_seeds_agree_on_nasbench201_as_is_known(nasbench201):
    seeds = {seed: nasbench201(**CIFAR10_TEST, seed=seed) for seed in (0, 2)}
    scores = seeds[0].to_frame("seed0")
    (row,) = correlate(scores, seeds[2], higher_is_better={"seed0": True}, resamples=0)
    assert row.n == 7_961
    assert row.tau == pytest.approx(0.909, abs=0.001)
