"""Which columns of a benchmark make its noise ceilings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from untrained.harness.analysis.correlation_tables import noise_ceilings
from untrained.harness.study.truth import ChosenTruth
from untrained.results import Resampling
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


def test_seed_against_seed_and_validation_against_the_target(columns):
    seeds, validation = ceilings(columns)
    for found, one, other in (
        (seeds, target(seed=0), target(seed=1)),
        (validation, target("valid_accuracy"), target()),
    ):
        assert (found.first, found.second) == (one.label, other.label)
        assert found.tau == pytest.approx(kendalltau(columns[one], columns[other]).statistic)
        assert found.n == 60


def test_networks_without_a_second_training_are_left_out(columns):
    columns[target(seed=1)].iloc[:20] = np.nan
    assert ceilings(columns)[0].n == 40


def test_a_benchmark_of_one_column_has_no_ceiling(columns):
    assert ceilings({target(): columns[target()]}) == ()


def test_losses_are_turned_so_that_the_best_are_the_top(columns):
    losses = {t: -values for t, values in columns.items()}
    up, down = ceilings(columns)[0], ceilings(losses, higher=False)[0]
    assert up == down
