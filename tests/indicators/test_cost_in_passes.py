"""Costs in passes: what their text means, what it may be, and how it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrained.indicators import Family, Passes, Protocol, indicator, indicators
from untrained.indicators.framework.indicator import Count

SIZES = {"batch_size": 7, "num_classes": 5, "num_batches": 3}

products = st.tuples(st.integers(1, 99), st.lists(st.sampled_from("BKM"), max_size=3))


@pytest.mark.parametrize(
    ("text", "forward", "backward"),
    [
        ("none", 0, 0),
        ("1 forward", 1, 0),
        ("1 forward, B backward", 1, 7),
        ("M forward, 2 B K backward", 3, 70),
        ("B backward", 0, 7),
        ("B K + M + 1 forward, 2 + 2B backward", 39, 16),
    ],
)
def test_a_text_stands_for_numbers_of_passes(text: str, forward: int, backward: int) -> None:
    assert Passes.parse(text).number(**SIZES) == (forward, backward)


@given(st.lists(products, min_size=1, max_size=4))
def test_a_count_is_the_sum_of_its_products_and_reads_itself(
    terms: list[tuple[int, list[str]]],
) -> None:
    values = {"B": 7, "K": 5, "M": 3}
    expected = 0
    for factor, symbols in terms:
        product = factor
        for symbol in symbols:
            product *= values[symbol]
        expected += product
    count = Count.parse(" + ".join(f"{factor} {' '.join(names)}" for factor, names in terms))
    assert count.value(**values) == expected
    assert Count.parse(str(count)) == count


@pytest.mark.parametrize("name", indicators)
def test_a_declared_cost_reads_itself(name: str) -> None:
    cost = indicators[name].cost
    assert Passes.parse(str(cost)) == cost


@pytest.mark.parametrize(
    "text",
    ["", "forward", "1", "N forward", "1 sideways", "1 forward, 2 forward", "1 -forward", "-1 f"],
)
def test_a_malformed_cost_tells_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 'none' or '<count> forward, <count> backward'"):
        Passes.parse(text)


def test_a_malformed_cost_is_found_where_the_indicator_is_declared() -> None:
    with pytest.raises(ValueError, match="'cheap' is no number of passes"):
        indicator(
            title="Cheap", formula="0", reference="nobody, 2026", protocol=Protocol(), cost="cheap"
        )


def test_an_indicator_that_does_not_say_is_a_later_one_without_accuracies() -> None:
    item = indicators["zico"]
    assert item.family is Family.LATER
    assert not item.uses_accuracy
