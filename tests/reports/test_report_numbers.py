import doctest
import importlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrained.reports.tables.numbers import (
    MISSING,
    confidence_level,
    decimal,
    listing,
    percent,
    seconds,
)


@pytest.mark.parametrize(
    "name",
    [
        "tables.numbers",
        "tables.columns",
        "tables.facts",
        "tables.grid",
        "formats.markdown",
    ],
)
def test_examples_in_docstrings_hold(name: str) -> None:
    module = importlib.import_module(f"untrained.reports.{name}")
    assert doctest.testmod(module).failed == 0


@given(st.floats(-1, 1))
def test_a_decimal_is_within_half_a_unit_and_never_minus_zero(value: float) -> None:
    text = decimal(value)
    assert abs(float(text) - value) <= 0.0005 + 1e-12
    assert text != "-0.000"


@given(st.floats(0, 1))
def test_percent_claims_completeness_only_when_it_is_exact(fraction: float) -> None:
    text = percent(fraction)
    assert (text == "100 %") == (fraction == 1)
    assert (text == "0 %") == (fraction == 0)


@given(st.sets(st.integers(0, 40)))
def test_a_listing_names_exactly_its_integers(values: set[int]) -> None:
    named: set[int] = set()
    for part in listing(values).split(", ") if values else []:
        first, _, last = part.partition("-")
        named |= set(range(int(first), int(last or first) + 1))
    assert named == values


def test_nothing_is_rounded_to_a_free_lunch() -> None:
    assert seconds(0.0) == "0.000"
    assert seconds(1e-9) == "<0.001"
    assert seconds(math.nan) == MISSING


def test_odd_confidence_levels_keep_their_digits() -> None:
    assert confidence_level(0.9) == "90 %"
    assert confidence_level(0.975) == "97.5 %"
