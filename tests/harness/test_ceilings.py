"""Which columns of a benchmark make its noise ceilings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from untrained.harness.analysis.correlation_tables import noise_ceilings
from untrained.harness.study.truth import ChosenTruth
from untrained.results import Resampling, perfect_ceiling
from untrained.spaces import Target

NAMES = [f"n{i:02}" for i in range(60)]
NO_INTERVALS = Resampling(resamples=0)


@dataclass
class Columns:
    """A benchmark of these columns."""

    columns: dict[Target, pd.Series]
    higher: bool = True

    def targets(self):
        return tuple(self.columns)

    def values(self, architectures, target):
        return self.columns[target].reindex(architectures)

    def higher_is_better(self, metric):
        return self.higher


def target(metric="test_accuracy", seed=-1, epochs=200, dataset="cifar10"):
    return Target(dataset, metric, epochs, seed)


@pytest.fixture
def columns():
    rng = np.random.default_rng(0)
    level = rng.normal(size=60)
    targets = [target(seed=seed) for seed in (-1, 0, 1, 2)]
    targets += [target("valid_accuracy"), target(epochs=12), target(dataset="cifar100", seed=0)]
    return {t: pd.Series(level + 0.3 * rng.normal(size=60), index=NAMES) for t in targets}


def ceilings(columns, chosen=None, *, higher=True):
    chosen = chosen or target()
    truth = ChosenTruth(Columns(columns, higher), chosen)
    return noise_ceilings(truth, columns[chosen], resampling=NO_INTERVALS)


def test_a_perfect_predictor_and_validation_against_the_target(columns):
    perfect, validation = ceilings(columns)
    assert (perfect.perfect, perfect.n, perfect.second) == (True, 60, target().label)
    expected = perfect_ceiling(
        pd.DataFrame({seed: columns[target(seed=seed)] for seed in (0, 1, 2)}),
        columns[target()],
        name=target().label,
        averaged=True,
        resampling=NO_INTERVALS,
    )
    assert perfect == expected
    one, other = target("valid_accuracy"), target()
    assert (validation.first, validation.second) == (one.label, other.label)
    assert validation.tau == pytest.approx(kendalltau(columns[one], columns[other]).statistic)
    assert not validation.perfect


def test_one_training_has_the_noise_of_one(columns):
    averaged, single = ceilings(columns)[0], ceilings(columns, target(seed=0))[0]
    assert single.second == target(seed=0).label
    assert single.tau < averaged.tau - 0.02


def test_a_benchmark_of_one_column_has_no_ceiling(columns):
    assert ceilings({target(): columns[target()]}) == ()


def test_losses_are_turned_so_that_the_best_are_the_top(columns):
    losses = {t: -values for t, values in columns.items()}
    up, down = ceilings(columns)[0], ceilings(losses, higher=False)[0]
    assert up == down
