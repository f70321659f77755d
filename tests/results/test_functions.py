"""Check rows over functions, one architecture a functional class, and intervals by jackknife."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from untrained.results import Resampling, analyse, bca_interval, correlate
from untrained.results.statistics.population import one_of_each_class

N = 24
NAMES = [f"net{i:02}" for i in range(N)]
CLASSES = pd.Series([f"class {i * i % 7}" for i in range(N)], index=NAMES)
DIRECTIONS = {"good": True, "params": True}


def population(missing=3):
    rng = np.random.default_rng(4)
    truth = pd.Series(rng.normal(size=N), index=NAMES)
    good = truth + rng.normal(size=N)
    good.iloc[5 : 5 + missing] = math.nan
    params = (truth + 2 * rng.normal(size=N)).round()
    return pd.DataFrame({"good": good, "params": params}), truth


def coefficients(scores, truth):
    x, base = scores["good"].to_numpy(), scores["params"].to_numpy()
    have = ~np.isnan(x)
    tau = stats.kendalltau(x[have], truth[have]).statistic
    return {
        "tau": tau,
        "rho": stats.spearmanr(x[have], truth[have]).statistic,
        "delta": tau - stats.kendalltau(base[have], truth[have]).statistic,
    }


def replicates():
    scores, truth = population()
    rng = np.random.default_rng(0)
    for _ in range(80):
        drawn = [NAMES[i] for i in rng.integers(N, size=N)]
        yield coefficients(scores.loc[drawn], truth.loc[drawn].to_numpy())


def test_bca_intervals_are_made_of_replicates_and_a_jackknife():
    scores, truth = population()
    options = {"resamples": 80, "confidence": 0.8, "interval": "bca"}
    row = correlate(scores, truth, higher_is_better=DIRECTIONS, **options)[0]
    jackknife = [coefficients(scores.drop(name), truth.drop(name).to_numpy()) for name in NAMES]
    estimate = coefficients(scores, truth.to_numpy())
    for name in estimate:
        expected = bca_interval(
            np.array([one[name] for one in replicates()]),
            estimate[name],
            np.array([one[name] for one in jackknife]),
            confidence=0.8,
        )
        found = getattr(row, f"{name}_low"), getattr(row, f"{name}_high")
        assert found == pytest.approx(expected, abs=1e-12)


def analysed(scores, truth, classes):
    resampling = Resampling(resamples=80, seed=3)
    return analyse(
        scores, truth, higher_is_better=DIRECTIONS, resampling=resampling, classes=classes
    )


@pytest.mark.parametrize("unknown", [0, 4])
def test_rows_over_functions_are_those_of_one_known_network_of_each(unknown):
    scores, truth = population()
    truth.iloc[:unknown] = math.nan
    members = one_of_each_class(CLASSES.iloc[unknown:], seed=3)
    rows = correlate(scores.loc[members], truth, higher_is_better=DIRECTIONS, resamples=80, seed=3)
    found = analysed(scores, truth, CLASSES)
    assert repr(found.functions) == repr(tuple(rows))
    assert found.functions[1].n == CLASSES.iloc[unknown:].nunique()
    # the rows over architectures do not know of classes
    assert repr(found.rows) == repr(analysed(scores, truth, None).rows)


def test_copies_of_every_network_change_nothing_over_functions():
    scores, truth = population(missing=0)
    copies = [f"{name}'" for name in NAMES]
    twice = pd.concat([scores, scores.set_axis(copies)])
    both = pd.concat([truth, truth.set_axis(copies)])
    classes = pd.Series(NAMES * 2, index=NAMES + copies)
    alone = analysed(scores, truth, None).rows
    doubled = analysed(twice, both, classes)
    for one, function, counted_twice in zip(alone, doubled.functions, doubled.rows, strict=True):
        assert (function.n, function.tau, function.rho) == (one.n, one.tau, one.rho)
        # counted twice, the same networks seem to say more than they do
        width = counted_twice.rho_high - counted_twice.rho_low
        assert width < 0.9 * (function.rho_high - function.rho_low)


def test_where_no_two_networks_are_of_one_class_there_are_no_rows_over_functions():
    scores, truth = population()
    assert analysed(scores, truth, pd.Series(NAMES, NAMES)).functions == ()


@given(labels=st.lists(st.integers(0, 5), min_size=1, max_size=30), seed=st.integers(0, 99))
def test_every_class_gives_one_member_whatever_the_order_and_the_names(labels, seed):
    classes = pd.Series(labels, [f"n{i}" for i in range(len(labels))])
    chosen = one_of_each_class(classes, seed=seed)
    assert sorted(classes[chosen]) == sorted(set(labels))
    shuffled = classes.map(lambda label: f"c{-label}").sample(frac=1, random_state=seed)
    assert list(one_of_each_class(shuffled, seed=seed)) == list(chosen)


def test_every_member_is_drawn_as_often_as_every_other():
    classes = pd.Series(["a"] * 4 + ["b"], list("vwxyz"))
    drawn = pd.Series([one_of_each_class(classes, seed=seed)[0] for seed in range(2000)])
    assert stats.chisquare(drawn.value_counts()).pvalue > 1e-3
    assert set(drawn) == set("vwxy")


def test_a_network_without_a_class_is_refused():
    scores, truth = population()
    with pytest.raises(ValueError, match=r"no class for 'net03' \(2 of 24 architectures\); give"):
        analysed(scores, truth, CLASSES.drop(["net03", "net17"]))
    with pytest.raises(ValueError, match="classes list 'net03' twice"):
        one_of_each_class(pd.concat([CLASSES, CLASSES[["net03"]]]), seed=0)
