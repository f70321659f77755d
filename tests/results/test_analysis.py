import math

import numpy as np
import pandas as pd

from untrained.results import (
    Population,
    Rankings,
    Resampling,
    analyse,
    correlate,
    top_rankings,
)
from untrained.results.statistics.pairwise import best_baselines, compare_pairs, redundancy
from untrained.results.statistics.size_bias import size_biases

NAMES = ("zen", "params", "flops")


def data(n=45):
    rng = np.random.default_rng(0)
    index = [f"net{i:02}" for i in range(n)]
    truth = pd.Series(rng.normal(size=n), index)
    scores = pd.DataFrame({name: truth + rng.normal(size=n) for name in NAMES}, index)
    scores.iloc[:3, 0] = math.nan
    return scores, truth


DIRECTIONS = {"zen": False, "params": True, "flops": True}


def test_sharing_the_resamples_changes_no_number():
    scores, truth = data()
    resampling = Resampling(resamples=40, seed=4, interval="bca")
    found = analyse(scores, truth, higher_is_better=DIRECTIONS, resampling=resampling)
    rows = correlate(
        scores,
        truth,
        higher_is_better=DIRECTIONS,
        resamples=40,
        seed=4,
        interval="bca",
    )
    assert repr(found.rows) == repr(tuple(rows))
    population = Population.of(scores, truth, higher_is_better=DIRECTIONS)
    alone = [
        statistic(Rankings(population, resampling))
        for statistic in (top_rankings, size_biases, best_baselines, compare_pairs)
    ]
    together = [found.top, found.size_bias, found.best_baseline, found.pairs]
    assert repr(together) == repr(alone)
    assert found.redundancy == redundancy(population)


def test_only_what_the_population_can_tell_is_filled_in():
    scores, truth = data()
    options = {"higher_is_better": DIRECTIONS, "resampling": Resampling(resamples=0)}
    found = analyse(scores[["zen"]], truth, **options)
    assert (found.size_bias, found.best_baseline, found.pairs) == ({}, {}, ())
    assert list(found.top) == ["zen"]


def test_an_empty_population_is_analysed_to_nan():
    scores, truth = data()
    found = analyse(scores[:0], truth, higher_is_better=DIRECTIONS)
    assert [row.n for row in found.rows] == [0, 0, 0]
    assert math.isnan(found.size_bias["zen"].partial[0].rho)
    assert math.isnan(found.best_baseline["zen"].delta)
    assert all(math.isnan(pair.p) for pair in found.pairs)
