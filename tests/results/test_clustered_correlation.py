import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from untrained.results import bca_interval, correlate

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


def good_row(**options):
    options = {"resamples": 80, "confidence": 0.8, "clusters": CLASSES, **options}
    scores, truth = population()
    return correlate(scores, truth, higher_is_better=DIRECTIONS, **options)[0]


def coefficients(scores, truth):
    x, base = scores["good"].to_numpy(), scores["params"].to_numpy()
    have = ~np.isnan(x)
    tau = stats.kendalltau(x[have], truth[have]).statistic
    return {
        "tau": tau,
        "rho": stats.spearmanr(x[have], truth[have]).statistic,
        "delta": tau - stats.kendalltau(base[have], truth[have]).statistic,
    }


CLASS_MEMBERS = [
    list(members) for _, members in CLASSES.groupby(CLASSES, sort=False).groups.items()
]


def replicates(units):
    """Coefficients of resamples in which units are drawn one after the other, members together."""
    scores, truth = population()
    rng = np.random.default_rng(0)
    for _ in range(80):
        chosen = rng.integers(len(units), size=len(units))
        drawn = [name for i in chosen for name in units[i]]
        yield coefficients(scores.loc[drawn], truth.loc[drawn].to_numpy())


def test_intervals_resample_classes_as_wholes():
    row = good_row()
    drawn = pd.DataFrame(replicates(CLASS_MEMBERS))
    for name in drawn:
        found = getattr(row, f"{name}_low"), getattr(row, f"{name}_high")
        expected = np.quantile(drawn[name], [0.1, 0.9])
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("clustered", [True, False])
def test_bca_intervals_are_made_of_replicates_and_a_jackknife_of_the_same_units(clustered):
    scores, truth = population()
    row = good_row(interval="bca", clusters=CLASSES if clustered else None)
    units = CLASS_MEMBERS if clustered else [[name] for name in NAMES]
    jackknife = [coefficients(scores.drop(unit), truth.drop(unit).to_numpy()) for unit in units]
    estimate = coefficients(scores, truth.to_numpy())
    for name in estimate:
        expected = bca_interval(
            np.array([one[name] for one in replicates(units)]),
            estimate[name],
            np.array([one[name] for one in jackknife]),
            confidence=0.8,
        )
        found = getattr(row, f"{name}_low"), getattr(row, f"{name}_high")
        assert found == pytest.approx(expected, abs=1e-12)


def test_points_do_not_depend_on_classes():
    with_classes, without = good_row(), good_row(clusters=None)
    assert (with_classes.tau, with_classes.rho) == (without.tau, without.rho)
    assert with_classes.tau_low != without.tau_low


def test_neither_names_of_classes_nor_the_order_of_rows_change_anything():
    renamed = CLASSES.map(lambda name: name[::-1]).sample(frac=1, random_state=1)
    assert good_row(clusters=renamed) == good_row()


def test_copies_of_every_network_narrow_no_interval():
    scores, truth = population(missing=0)
    copies = [f"{name}'" for name in NAMES]
    twice = pd.concat([scores, scores.set_axis(copies)])
    both = pd.concat([truth, truth.set_axis(copies)])
    classes = pd.Series(NAMES * 2, index=NAMES + copies)
    options = {"higher_is_better": DIRECTIONS, "resamples": 500}
    alone = correlate(scores, truth, **options)[0]
    clustered = correlate(twice, both, clusters=classes, **options)[0]
    naive = correlate(twice, both, **options)[0]
    width = alone.rho_high - alone.rho_low
    assert clustered.rho_high - clustered.rho_low == pytest.approx(width, rel=1e-9)
    assert naive.rho_high - naive.rho_low < 0.85 * width


def test_a_network_without_a_class_is_refused():
    with pytest.raises(ValueError, match=r"no class for 'net03' \(2 of 24 architectures\); give"):
        good_row(clusters=CLASSES.drop(["net03", "net17"]))
    with pytest.raises(ValueError, match="clusters list 'net03' twice"):
        good_row(clusters=pd.concat([CLASSES, CLASSES[["net03"]]]))
