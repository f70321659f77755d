from __future__ import annotations

import math

import pytest

from untrained.results import CorrelationRow, compare_published, published_values

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
