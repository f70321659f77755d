"""One indicator among others: paired differences, what it adds, and searches side by side."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from untrained.results import Population, Rankings, Resampling
from untrained.results.searches.comparison import paired_difference
from untrained.results.statistics.indicator_comparison import (
    Standing,
    contribution,
    nearest,
    standing,
)
from untrained.results.statistics.pairwise import compare_pairs, compare_with, holm

N = 120


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    size = rng.normal(size=N)
    good = rng.normal(size=N)
    return pd.DataFrame(
        {
            "params": size,
            "flops": size + 0.1 * rng.normal(size=N),
            "strong": good + 0.3 * rng.normal(size=N),
            "mine": good + 0.3 * rng.normal(size=N),
            "few": np.where(np.arange(N) < 30, good, np.nan),
        },
        index=[f"a{i:03}" for i in range(N)],
    ).assign(truth=good + 0.5 * size)


def standing_of(scores: pd.DataFrame, name: str = "mine") -> Standing:
    columns = scores.drop(columns="truth")
    return standing(
        columns,
        scores["truth"],
        name,
        higher_is_better=dict.fromkeys(columns, True),
        space="space",
        target="accuracy",
        resampling=Resampling(200),
    )


def test_every_other_indicator_is_compared_and_adjusted_for_these_alone(
    scores: pd.DataFrame,
) -> None:
    found = standing_of(scores)
    assert [one.second for one in found.comparisons] == ["params", "flops", "few", "strong"]
    assert {one.first for one in found.comparisons} == {"mine"}
    assert holm([one.p for one in found.comparisons]) == [one.p_holm for one in found.comparisons]
    assert found.against("few").n == 30
    assert found.against("nothing") is None


def test_comparisons_are_those_of_all_pairs_but_for_the_adjustment(scores: pd.DataFrame) -> None:
    columns = scores.drop(columns="truth")
    population = Population.of(
        columns, scores["truth"], higher_is_better=dict.fromkeys(columns, True)
    )
    pairs = compare_pairs(Rankings(population, Resampling(50)))
    own = compare_with(Rankings(population, Resampling(50)), "mine")
    by_names = {(one.first, one.second): one for one in pairs}
    for one in own:
        pair = by_names.get(("mine", one.second)) or by_names[one.second, "mine"]
        sign = 1 if pair.first == "mine" else -1
        assert one.delta == pytest.approx(sign * pair.delta)
        assert one.p == pytest.approx(pair.p)


def test_the_best_and_the_nearest_have_scored_half_of_the_networks(scores: pd.DataFrame) -> None:
    found = standing_of(scores)
    assert found.best == "strong"  # "few" is better still
    assert found.nearest.other == "strong"
    assert found.with_best is None
    assert found.row.n == N


def test_of_sizes_that_rank_alike_params_is_named(scores: pd.DataFrame) -> None:
    twins = scores.assign(flops=scores["params"], mine=3 * scores["params"] + 1)
    found = standing_of(twins)
    assert found.nearest.other == "params"
    assert found.nearest.rho == pytest.approx(1.0)
    assert dict(found.rho_with)["params"] == pytest.approx(1.0)
    assert math.isnan(found.partial[0].rho)
    assert found.against("params").delta == 0.0


def test_a_sum_of_ranks_is_compared_with_the_other_alone(scores: pd.DataFrame) -> None:
    columns = scores[["mine", "params"]]
    population = Population.of(
        columns, scores["truth"], higher_is_better=dict.fromkeys(columns, True)
    )
    found = contribution(population, "mine", "params", resampling=Resampling(200))
    ranks = scores["mine"].rank() + scores["params"].rank()
    tau = stats.kendalltau(ranks, scores["truth"]).statistic
    alone = stats.kendalltau(scores["params"], scores["truth"]).statistic
    assert found.tau_sum == pytest.approx(tau)
    assert found.tau_other == pytest.approx(alone)
    assert found.delta == pytest.approx(tau - alone)
    assert found.delta_low < found.delta < found.delta_high
    assert found.delta_low > 0  # truth is made of both


def test_too_few_common_networks_add_nothing(scores: pd.DataFrame) -> None:
    columns = scores[["mine", "params"]].copy()
    columns.loc[columns.index[2:], "params"] = np.nan
    population = Population.of(
        columns, scores["truth"], higher_is_better=dict.fromkeys(columns, True)
    )
    found = contribution(population, "mine", "params", resampling=Resampling(10))
    assert (found.n, math.isnan(found.delta)) == (2, True)
    assert nearest(population, "mine") is None


def test_a_constant_indicator_stands_nowhere(scores: pd.DataFrame) -> None:
    found = standing_of(scores.assign(mine=1.0))
    assert math.isnan(found.row.tau)
    assert found.nearest is None


def test_paired_runs_differ_by_their_mean_and_its_standard_error() -> None:
    first, second = np.array([3.0, 4.0, 8.0, math.nan]), np.array([1.0, 3.0, 5.0, 0.0])
    found = paired_difference(first, second)
    half = 1.959964 * np.std([2.0, 1.0, 3.0], ddof=1) / np.sqrt(3)
    assert (found.runs, found.mean) == (3, 2.0)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half))


def test_one_pair_has_no_interval_and_none_no_mean() -> None:
    one = paired_difference(np.array([2.0]), np.array([1.0]))
    assert (one.mean, math.isnan(one.low)) == (1.0, True)
    assert math.isnan(paired_difference(np.array([]), np.array([])).mean)
