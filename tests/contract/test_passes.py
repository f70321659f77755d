"""Passes of a network, counted by convolutions: what sharing saves."""

from functools import cache
from typing import Any

import pytest

from untrained.harness.contract import indicator_effects
from untrained.harness.contract.indicator_case import IndicatorCase
from untrained.harness.contract.indicator_effects import CountedConvolutions, Passes, num_layers
from untrained.indicators import Need, indicators

# a training of a copy, which no other indicator looks at, is not a pass of this network
NAMES = [
    name
    for name, item in indicators.items()
    if not name.startswith("gennas") and not item.needs & {Need.SEQUENCES, Need.ATTENTION}
]
GRADIENT_FAMILY = ["grad_norm", "snip", "plain", "nasi", "fisher"]
INPUT_GRADIENT_FAMILY = ["jacov", "epe_nas"]


@cache
def counted(*names: str) -> CountedConvolutions:
    counts, readings = indicator_effects.counted([indicators[name] for name in names])
    for reading in readings.values():
        assert (reading.status, reading.reason) == ("ok", "")
    return counts


def passes_of(names: list[str]) -> dict[Any, Passes]:
    """Convolutions by the quantity they are for, or by the indicator if they are its own."""
    return counted(*names).by_owner()


@cache
def alone(name: str) -> dict[Any, Passes]:
    counts, reading = indicator_effects.counted_alone(indicators[name])
    assert (reading.status, reading.reason) == ("ok", "")
    return counts.by_owner()


def total(passes: dict[Any, Passes]) -> Passes:
    return sum(f for f, _ in passes.values()), sum(b for _, b in passes.values())


@pytest.mark.parametrize("name", ["gennas_search_nasbench101_10"])
def test_a_training_costs_the_passes_it_declares(name: str) -> None:
    indicator_effects.it_costs_the_passes_it_declares(IndicatorCase(indicators[name]))


@pytest.mark.parametrize("backwards", [False, True], ids=["as_registered", "last_first"])
def test_reading_all_costs_each_distinct_quantity_once(backwards: bool) -> None:
    distinct: dict[Any, Passes] = {}
    for name in NAMES:
        for owner, counts in alone(name).items():
            assert distinct.setdefault(owner, counts) == counts  # whoever asks for it
    together = passes_of(NAMES[::-1] if backwards else NAMES)
    assert together == distinct


def test_reading_all_saves_passes() -> None:
    together = total(passes_of(NAMES))
    apart = [sum(counts) for counts in zip(*(total(alone(name)) for name in NAMES), strict=True)]
    assert apart[0] - together[0] >= 15 * num_layers()
    assert apart[1] - together[1] >= 10 * num_layers()


@pytest.mark.parametrize("name", GRADIENT_FAMILY)
def test_an_indicator_of_the_loss_gradient_costs_a_forward_and_a_backward_pass(name: str) -> None:
    assert total(alone(name)) == (num_layers(), num_layers())


def test_all_indicators_of_the_loss_gradient_cost_a_forward_and_a_backward_pass() -> None:
    assert total(passes_of(GRADIENT_FAMILY)) == (num_layers(), num_layers())


def test_gradients_of_the_loss_and_of_the_images_share_the_forward_pass() -> None:
    both = total(passes_of(GRADIENT_FAMILY + INPUT_GRADIENT_FAMILY))
    assert both == (num_layers(), 2 * num_layers())


def test_grasp_adds_one_forward_pass_of_jets() -> None:
    assert total(passes_of([*GRADIENT_FAMILY, "grasp"])) == (2 * num_layers(), num_layers())


def test_the_first_batch_of_two_is_shared() -> None:
    assert total(passes_of([*GRADIENT_FAMILY, "zico"])) == (2 * num_layers(), 2 * num_layers())


def test_responses_of_relus_share_a_forward_pass_and_the_loss_s_gradient() -> None:
    assert total(passes_of(["rcor", "wrcor"])) == total(alone("rcor"))
    forward, backward = total(passes_of(["rcor", "wrcor", "eznas"]))
    assert (forward, backward) == (num_layers(), 2 * total(alone("eznas"))[1])


def test_later_scores_of_gradients_and_maps_add_no_pass_to_earlier_ones() -> None:
    before = ["zico", "snip", "synflow", "meco", "swap_signs"]
    after = [*before, "zico_bc", "knas", "snr", "t_cet", "l_swag"]
    assert total(passes_of(after)) == total(passes_of(before))
    curve = total(passes_of(["meco", "dextr"]))
    assert curve == (2 * num_layers(), 0)
