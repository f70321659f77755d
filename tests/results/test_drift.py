"""Drift of scores, coverage, correlation, truth: against slow versions, and as often as stated."""

from __future__ import annotations

from importlib.resources import files
from io import StringIO
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from untrained.results import (
    correlation_drift,
    coverage_drift,
    other_seed_drift,
    same_seed_drift,
    truth_drift,
)
from untrained.results.comparison import drift as score_drift

NAN = float("nan")


def series(values, start: int = 0) -> pd.Series:
    return pd.Series(list(values), index=[f"a{i + start:03d}" for i in range(len(values))])


def noisy(rng, n: int, seeds: int, noise: float = 0.5) -> pd.DataFrame:
    """Scores that are a network's own level and an independent noise for every seed."""
    level = rng.normal(size=(n, 1))
    return pd.DataFrame(level + noise * rng.normal(size=(n, seeds)), index=series(range(n)).index)


def test_the_same_scores_agree_exactly_whatever_the_order_of_the_rows():
    old = series([3.0, 1.0, 2.0, NAN, 1.0])
    drift = same_seed_drift(old, old.sample(frac=1, random_state=0))
    assert (drift.n, drift.rho, drift.identical, drift.largest_difference) == (4, 1, 4, 0)
    assert not drift.constant


def test_rho_at_the_same_seed_is_that_of_scipy_over_the_networks_with_both():
    rng = np.random.default_rng(0)
    old, new = series(rng.normal(size=30)), series(rng.normal(size=30))
    new.iloc[3] = NAN
    drift = same_seed_drift(old, new)
    kept = new.notna()
    assert drift.n == 29
    assert drift.rho == pytest.approx(stats.spearmanr(old[kept], new[kept]).statistic)


def test_five_exchanged_neighbours_of_forty_are_rounding_and_six_are_not():
    old = series(range(40))
    for pairs, tolerated in ((5, True), (6, False)):
        new = old.copy()
        for k in range(pairs):
            new.iloc[[2 * k, 2 * k + 1]] = new.iloc[[2 * k + 1, 2 * k]].to_numpy()
        assert (same_seed_drift(old, new).rho >= 0.999) is tolerated


@pytest.mark.parametrize("reference", [[1.0, 2.0, 3.0], [1.0, 1.0, 2.0]])
def test_scores_that_have_become_all_alike_are_told(reference):
    assert same_seed_drift(series(reference), series([5.0] * 3)).constant
    assert not same_seed_drift(series([7.0] * 3), series([5.0] * 3)).constant


def test_scores_that_have_ceased_to_be_all_alike_are_told():
    flat, table = series([7.0] * 4), pd.DataFrame({0: series([7.0] * 4), 1: series([7.0] * 4)})
    varied = series([1.0, 2.0, 3.0, 3.0])
    for drift in (same_seed_drift(flat, varied), other_seed_drift(table, varied, level=0.01)):
        assert drift.awakened
        assert not drift.constant
    assert not same_seed_drift(flat, flat + 1).awakened
    assert not same_seed_drift(varied, flat).awakened


def test_how_many_reruns_are_drawn_at_once_changes_nothing(monkeypatch):
    table = noisy(np.random.default_rng(5), 12, 4)
    broken = -table[3]
    whole = other_seed_drift(table[[0, 1, 2]], broken, level=1e-3)
    monkeypatch.setattr(score_drift, "CHUNK_SCORES", 12 * 7)
    # Python 3.13 compares dataclasses field by field, and NaN is not equal to NaN
    assert repr(other_seed_drift(table[[0, 1, 2]], broken, level=1e-3)) == repr(whole)
    assert whole.p < 1e-3


def test_p_at_another_seed_is_the_share_of_all_exchanges_with_no_larger_rho():
    rng = np.random.default_rng(3)
    table = noisy(rng, 6, 3)
    old, new = table[[0, 1]], table[2]

    def rho(column, rest):
        return stats.spearmanr(column, rest).statistic

    ranks = stats.rankdata(table.to_numpy(), axis=0)

    def of(choice):
        rows = np.arange(6)
        mine = ranks[rows, choice]
        return rho(mine, ranks.sum(axis=1) - mine)

    observed = of(np.full(6, 2))
    every = [of(np.array(choice)) for choice in product(range(3), repeat=6)]
    exact = np.mean([value <= observed + 1e-12 for value in every])
    drift = other_seed_drift(old, new, level=1e-3)
    assert drift.rho == pytest.approx(observed)
    assert drift.p == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 999) ** 0.5 + 1e-3)


def test_unchanged_scores_are_suspected_as_often_as_stated_and_broken_ones_always():
    # 200 worlds: a level of 10 % is met exactly up to chance, and 0.05 % almost never
    rng = np.random.default_rng(1)
    below, alarms, caught = 0, 0, 0
    for _ in range(200):
        table = noisy(rng, 24, 5)
        drift = other_seed_drift(table[[0, 1, 2, 3]], table[4], level=5e-4)
        below += drift.p <= 0.1
        alarms += drift.p < 5e-4
    for _ in range(20):
        table = noisy(rng, 24, 5, noise=0.3)
        broken = pd.Series(rng.permutation(table[4]), index=table.index)
        caught += other_seed_drift(table[[0, 1, 2, 3]], broken, level=5e-4).p < 5e-4
    assert 9 <= below <= 33  # 20 expected, standard deviation 4.2
    assert alarms <= 1
    assert caught >= 18


@given(st.integers(2, 4), st.integers(3, 5), st.integers(0, 999), st.sampled_from([2, 9]))
def test_location_and_spread_have_the_p_of_all_exchanges(columns, n, seed, values):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        rng.integers(values, size=(n, columns)).astype(float), index=series(range(n)).index
    )
    new = table[columns - 1]
    found = other_seed_drift(table.drop(columns=columns - 1), new, level=1e-2)
    places = stats.rankdata(table.to_numpy(), axis=1) - (columns + 1) / 2
    for p, statistic in ((found.p_location, places), (found.p_spread, places**2)):
        if np.isnan(p):  # constant, or without a seed
            assert np.isnan(found.p)
            continue
        sums = [sum(choice) for choice in product(*statistic)]
        far = np.abs(np.array(sums) - np.mean(sums))
        own = abs(statistic[:, -1].sum() - np.mean(sums))
        assert p == pytest.approx(np.mean(far >= own - 1e-9))


@pytest.fixture(scope="module")
def gate_scores():
    """Scores of the committed baseline, one column a seed, of indicators that depend on it."""
    folder = files("untrained.results") / "committed" / "baselines" / "nasbench201-gate"
    file = folder / "scores.csv"
    table = pd.read_csv(StringIO(file.read_text("utf-8"))).set_index("architecture")
    seeds = [name for name in table.columns if name.startswith("seed_")]
    found = {
        str(name): rows[seeds].apply(pd.to_numeric, errors="coerce")
        for name, rows in table.groupby("indicator")
    }
    return {name: rows for name, rows in found.items() if rows.nunique(axis=1).max() > 1}


GATE_LEVEL = 1e-3 / (5 * 17)


def test_every_indicator_in_the_place_of_another_is_seen_at_another_seed(gate_scores):
    pairs = [(old, new) for old in gate_scores for new in gate_scores if old != new]
    assert len(pairs) == 182
    blind = []
    for old, new in pairs:
        table = pd.concat([gate_scores[old], gate_scores[new].iloc[:, 0]], axis=1).dropna()
        exact = score_drift._within_networks(table.to_numpy())
        if min(exact) >= GATE_LEVEL:
            blind.append((old, new))
    # the numbers of `random` have no order to lose, and those of GraSP are about as large
    assert blind == [("random", "grasp")]


def test_each_seed_of_the_baseline_is_one_of_the_others(gate_scores, monkeypatch):
    monkeypatch.setattr(score_drift, "FIRST_LOOK", 199)
    chances = []
    for rows in gate_scores.values():
        for seed in rows:
            kept = rows.dropna()
            drift = other_seed_drift(kept.drop(columns=seed), kept[seed], level=1e-2)
            chances.append([drift.p, drift.p_location, drift.p_spread])
    shares = (np.array(chances) <= 0.1).mean(axis=0)
    assert len(chances) == 112
    assert np.min(chances) > GATE_LEVEL
    assert ((shares > 0.02) & (shares < 0.2)).all()


def test_half_of_the_networks_shuffled_are_seen_in_another_unit_too():
    rng = np.random.default_rng(0)
    table = noisy(rng, 48, 9, noise=0.2)
    old, new = table.drop(columns=8), table[8].copy()
    new.iloc[:24] = rng.permutation(new.iloc[:24])
    for unit in (1.0, 3.0):
        drift = other_seed_drift(old, unit * new + (unit - 1) * 10, level=1e-3)
        assert drift.p < 1e-3
        assert (drift.p_location < GATE_LEVEL) is (unit > 1)


def test_scores_without_a_seed_are_held_to_the_rule_of_the_same_seed():
    old = pd.DataFrame({0: series(range(10)), 1: series(range(10))})
    drift = other_seed_drift(old, series(range(10)), level=1e-3)
    assert (drift.rho, np.isnan(drift.p)) == (1, True)
    assert other_seed_drift(old, series(range(9, -1, -1)), level=1e-3).rho < -0.99


def test_infinite_scores_are_ranks_and_the_result_does_not_depend_on_their_size():
    rng = np.random.default_rng(2)
    table = noisy(rng, 12, 4)
    far = table.replace(table.to_numpy().min(), -np.inf)
    one, other = (other_seed_drift(t[[0, 1, 2]], t[3], level=1e-3, seed=5) for t in (table, far))
    assert repr(one) == repr(other)


def test_missing_scores_are_counted_exactly():
    old = pd.DataFrame({0: series([1.0, NAN, 1.0, NAN]), 1: series([1.0, 1.0, NAN, NAN])})
    drift = coverage_drift(old, series([1.0, NAN, NAN, NAN]))
    # two networks whose missing scores are 2 of 3, one with 3 of 3, one with 0 of 3
    assert drift.p == pytest.approx((2 / 3) ** 2)
    assert (drift.scored, drift.scored_before) == (1, 2)
    assert drift.lost == drift.gained == ()
    assert coverage_drift(old, series([NAN, 1.0, 1.0, 1.0])).lost == ("a000",)
    assert coverage_drift(old, series([1.0, 1.0, 1.0, 1.0])).gained == ("a003",)


def test_a_correlation_is_held_against_its_own_paired_noise():
    rng = np.random.default_rng(4)
    table = noisy(rng, 60, 5, noise=0.3)
    truth = table.mean(axis=1) + 0.3 * rng.normal(size=60)
    directions = {"old_higher_is_better": True, "new_higher_is_better": True, "level": 1e-4}
    same = correlation_drift(table[[0]], table[0], truth, **directions)
    assert (same.delta, same.tolerance, same.moved) == (0, 0.01, False)
    other = correlation_drift(table[[0, 1, 2, 3]], table[4], truth, **directions)
    mean = np.mean([stats.kendalltau(table[k], truth).statistic for k in range(4)])
    assert other.tau_before == pytest.approx(mean)
    assert other.tau == pytest.approx(stats.kendalltau(table[4], truth).statistic)
    assert not other.moved
    assert 0.01 < other.tolerance < 0.5
    turned = correlation_drift(
        table[[0, 1, 2, 3]], table[4], truth, **directions | {"new_higher_is_better": False}
    )
    assert turned.moved
    assert turned.delta == pytest.approx(-other.tau - mean)


def test_the_tolerance_of_a_correlation_covers_what_it_says():
    # 5 % in 100 worlds: 5 expected, up to 14 is within four standard deviations
    rng = np.random.default_rng(6)
    moved = 0
    for _ in range(100):
        table = noisy(rng, 40, 5)
        truth = table.mean(axis=1) + rng.normal(size=40)
        drift = correlation_drift(
            table[[0, 1, 2, 3]],
            table[4],
            truth,
            old_higher_is_better=True,
            new_higher_is_better=True,
            level=0.05,
            resamples=200,
        )
        moved += drift.moved
    assert moved <= 14


def test_a_correlation_that_ceases_to_exist_has_moved():
    table = noisy(np.random.default_rng(0), 10, 1)
    drift = correlation_drift(
        table,
        series([1.0] * 10),
        table[0],
        old_higher_is_better=True,
        new_higher_is_better=True,
        level=0.01,
    )
    assert np.isnan(drift.tau)
    assert drift.moved


def test_a_correlation_that_comes_into_being_has_moved():
    table = noisy(np.random.default_rng(0), 10, 1)
    drift = correlation_drift(
        table * 0,
        table[0],
        table[0],
        old_higher_is_better=True,
        new_higher_is_better=True,
        level=0.01,
    )
    assert np.isnan(drift.tau_before)
    assert drift.tau == pytest.approx(1)
    assert drift.moved


def test_without_networks_nothing_is_said():
    none = pd.DataFrame({0: pd.Series([NAN, NAN]), 1: pd.Series([NAN, NAN])})
    drift = correlation_drift(
        none,
        none[0],
        none[0],
        old_higher_is_better=True,
        new_higher_is_better=True,
        level=0.01,
    )
    assert (drift.n, drift.moved) == (0, False)
    assert np.isnan(other_seed_drift(none, none[0], level=0.01).rho)
    assert coverage_drift(none, none[0]).p == 1


def test_a_changed_truth_is_counted_and_its_ranks_compared():
    old = series([90.0, 91.0, 92.0, NAN, 93.0])
    assert truth_drift(old, old).same
    assert truth_drift(old, old * (1 + 1e-8)).same
    new = series([91.0, 90.0, 92.0, 50.0, NAN])
    drift = truth_drift(old, new)
    assert (drift.n, drift.different, drift.lost, drift.gained) == (3, 2, 1, 1)
    assert drift.tau == pytest.approx(1 / 3)
    assert not drift.same
