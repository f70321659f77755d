"""Searches by stored scores agree with what they give exactly, and runs are paired."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from untrained.harness.validation.evaluation import compare_searches
from untrained.results.searches.table import best_of_n

N = 40
RUNS = 400
TEXTS = [f"|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~{i}|" for i in range(N)]


def truth(label: str = "accuracy", higher: bool = True) -> Any:
    return SimpleNamespace(target=SimpleNamespace(label=label), higher_is_better=higher)


@pytest.fixture(scope="module")
def values() -> pd.Series:
    rng = np.random.default_rng(0)
    return pd.Series(rng.normal(90, 2, N), index=TEXTS)


@pytest.fixture(scope="module")
def scores(values: pd.Series) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    noisy = values + rng.normal(0, 2, N)
    return pd.DataFrame({"naswot": noisy, "params": rng.normal(size=N), "random": noisy})


DIRECTIONS = dict.fromkeys(["naswot", "params", "random"], True)


def test_the_mean_of_many_runs_is_the_exact_one(scores: pd.DataFrame, values: pd.Series) -> None:
    [ten] = compare_searches(
        scores, [(truth(), values)], "naswot", space="nasbench201",
        higher_is_better=DIRECTIONS, runs=RUNS,
    )  # fmt: skip
    assert (ten.n, ten.networks) == (10, N)  # 100 draws of 40 networks say nothing
    assert [found.name for found in ten.found] == ["naswot", "params"]
    for found in ten.found:
        mean, sd = best_of_n(scores[found.name].to_numpy(), values.to_numpy(), 10)
        assert found.values.mean == pytest.approx(mean, abs=4 * sd / RUNS**0.5)
        assert found.values.n == RUNS
    assert ten.oracle == pytest.approx(best_of_n(values.to_numpy(), values.to_numpy(), 10))
    assert ten.random[0] == pytest.approx(values.mean())


def test_equal_scores_find_equal_networks_in_every_run(
    scores: pd.DataFrame, values: pd.Series
) -> None:
    [ten] = compare_searches(
        scores, [(truth(), values)], "random", space="nasbench201",
        higher_is_better=DIRECTIONS, runs=20,
    )  # fmt: skip
    difference = ten.found[1].difference
    assert ten.found[1].name == "naswot"
    assert (difference.mean, difference.low, difference.high) == (0, 0, 0)


def test_a_loss_has_the_smallest_for_an_oracle(scores: pd.DataFrame, values: pd.Series) -> None:
    [ten] = compare_searches(
        scores, [(truth(higher=False), values)], "naswot", space="nasbench201",
        higher_is_better=DIRECTIONS, runs=5,
    )  # fmt: skip
    assert ten.oracle[0] < values.mean()


def test_networks_without_a_score_or_a_value_are_not_drawn(
    scores: pd.DataFrame, values: pd.Series
) -> None:
    holes = scores.assign(naswot=scores["naswot"].where(np.arange(N) > 4))
    known = values.where(np.arange(N) < 35)
    [ten] = compare_searches(
        holes, [(truth(), known)], "naswot", space="nasbench201",
        higher_is_better=DIRECTIONS, runs=5,
    )  # fmt: skip
    assert ten.networks == 30
    few = scores.head(19)
    assert not compare_searches(
        few, [(truth(), values)], "naswot", space="nasbench201",
        higher_is_better=DIRECTIONS, runs=5,
    )  # fmt: skip
