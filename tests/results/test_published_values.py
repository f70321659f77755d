from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrained.results import CorrelationRow, compare_published, published_values
from untrained.results.comparison.published import equivalence

NAN = math.nan


def row(**changes: float | str) -> CorrelationRow:
    values = {
        "indicator": "naswot",
        "n": 1000,
        "n_population": 1000,
        **dict.fromkeys(
            ("tau_failures_last", "ties_score", "ties_truth", "delta_tau", "delta_low"), NAN
        ),
        "delta_high": NAN,
        "tau": 0.62,
        "tau_low": 0.59,
        "tau_high": 0.65,
        "rho": 0.80,
        "rho_low": 0.77,
        "rho_high": 0.83,
    }
    return CorrelationRow(**{**values, **changes})  # type: ignore[arg-type]


def test_every_value_is_a_correlation_with_a_source() -> None:
    values = published_values()
    assert len(values) > 1500
    for item in values:
        assert -1 <= item.value <= 1
        assert item.metric in {"kendall", "spearman"}
        assert item.source
        assert item.n is None or item.n > 0
        assert not item.absolute or item.value >= 0
        assert item.target in {"", "test accuracy", "validation accuracy"}


def test_values_are_found_by_what_they_are_of() -> None:
    (mellor,) = [
        v
        for v in published_values(
            space="nasbench201", dataset="cifar10", indicator="naswot", metric="kendall"
        )
        if v.source.startswith("NASWOT")
    ]
    assert mellor.value == 0.574
    assert mellor.n == 1000
    assert published_values(indicator="no_such_indicator") == []


def test_an_indicator_for_which_lower_is_better_is_printed_in_its_direction() -> None:
    values = published_values(space="nasbench201", indicator="ntk_condition")
    assert values
    assert all(item.value > 0 for item in values)


def test_the_z_of_a_whole_space_has_the_error_of_the_sample_alone() -> None:
    (whole,) = [
        c
        for c in compare_published(
            row(), space="nasbench201", dataset="cifar10", confidence=0.95, size=15625
        )
        if c.published.n == 15625
        and c.published.metric == "kendall"
        and c.published.source.startswith("AZ-NAS")
    ]
    error = 0.06 / (2 * 1.959963984540054) * math.sqrt((15625 - 1000) / 15624)
    assert whole.z == pytest.approx((0.62 - 0.557) / error)
    assert (whole.measured, whole.low, whole.high) == (0.62, 0.59, 0.65)


def test_two_samples_have_the_error_of_both() -> None:
    (mellor,) = [
        c
        for c in compare_published(row(), space="nasbench201", dataset="cifar10", confidence=0.95)
        if c.published.source.startswith("NASWOT")
    ]
    error = 0.06 / (2 * 1.959963984540054)
    assert mellor.z == pytest.approx((0.62 - 0.574) / (error * math.sqrt(2)))


def test_a_published_value_without_sign_is_compared_without_sign() -> None:
    (unsigned,) = [
        c
        for c in compare_published(
            row(indicator="grasp", rho=-0.45, rho_low=-0.5, rho_high=-0.4),
            space="nasbench101",
            dataset="cifar10",
            confidence=0.95,
        )
        if c.published.absolute
    ]
    assert unsigned.published.value == 0.448
    assert unsigned.z == pytest.approx((0.45 - 0.448) / (0.1 / (2 * 1.959963984540054)), rel=0.01)


def test_without_the_number_of_architectures_there_is_no_z() -> None:
    compared = list(
        compare_published(row(), space="nasbench201", dataset="cifar10", confidence=0.95)
    )
    assert {math.isnan(c.z) for c in compared if c.published.n is None} == {True}
    assert {math.isnan(c.z) for c in compared if c.published.n} == {False}


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(-1, 1))
def test_the_equivalence_is_what_every_point_of_the_interval_says(low, width, value) -> None:
    points = np.linspace(low, low + width, 11)
    near = [abs(point - value) <= 0.05 for point in points]
    found = equivalence(low, low + width, value)
    if found == "yes":
        assert all(abs(point - value) < 0.05 + 1e-9 for point in points)
    elif found == "no":
        assert not any(near)
    else:
        # some point of the interval is on the other side, or the value is inside
        assert not all(near) or width < 1e-9
        assert low - 0.05 <= value + 1e-9
        assert value <= low + width + 0.05 + 1e-9


@pytest.mark.parametrize(
    ("interval", "within"),
    [
        ((-0.47, -0.43), "yes"),
        ((-0.52, -0.43), "cannot say"),
        ((-0.3, -0.2), "no"),
        ((-0.3, 0.39), "no"),
        ((-0.3, 0.45), "cannot say"),
    ],
)
def test_a_published_value_without_sign_has_the_equivalence_of_absolute_values(
    interval: tuple[float, float], within: str
) -> None:
    ends = dict(zip(("rho_low", "rho_high"), interval, strict=True))
    found = compare_published(
        row(indicator="grasp", rho=sum(interval) / 2, **ends),
        space="nasbench101",
        dataset="cifar10",
        confidence=0.95,
    )
    assert {c.within for c in found if c.published.absolute} == {within}


def test_without_an_interval_there_is_no_z() -> None:
    compared = list(
        compare_published(
            row(tau_low=NAN, tau_high=NAN, rho_low=NAN, rho_high=NAN),
            space="nasbench201",
            dataset="cifar10",
            confidence=0.95,
        )
    )
    assert compared
    assert all(math.isnan(c.z) for c in compared)
    assert {c.within for c in compared} == {"cannot say"}
