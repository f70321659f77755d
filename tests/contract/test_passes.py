"""Passes of a network, counted by convolutions: what is declared, and that sharing saves."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from untrained.indicators import Measurement, Need, indicators, read
from untrained.spaces import Network, spaces

ARCH = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
CLASSES, BATCH, BATCHES = 5, 9, 2  # all their products differ

# a training of a copy, which no other indicator looks at, is not a pass of this network
NAMES = [
    name
    for name, item in indicators.items()
    if not name.startswith("gennas") and Need.SEQUENCES not in item.needs
]
GRADIENT_FAMILY = ["grad_norm", "snip", "plain", "nasi", "fisher"]
INPUT_GRADIENT_FAMILY = ["jacov", "epe_nas"]

Passes = tuple[int, int]
"""Convolutions called forward and backward."""


class CountedConvolutions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts calls by whose work they are."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.owners: list[Any] = []
        self.forward: Counter[Any] = Counter()
        self.backward_inputs: Counter[Any] = Counter()
        self.backward_weights: Counter[Any] = Counter()
        self.of_images: Counter[str] = Counter()
        """Calls of the one layer that sees three channels."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if self.owners and func is torch.ops.aten.convolution.default:
            self.forward[self.owners[-1]] += 1
            self.of_images["forward"] += args[1].shape[1] == 3
        if self.owners and func is torch.ops.aten.convolution_backward.default:
            of_input, of_weight, _ = args[-1]
            self.backward_inputs[self.owners[-1]] += of_input
            self.backward_weights[self.owners[-1]] += of_weight
            self.of_images["backward"] += args[2].shape[1] == 3
        return func(*args, **(kwargs or {}))

    @contextmanager
    def owned_by(self, owner: Any) -> Iterator[None]:
        self.owners.append(owner)
        try:
            yield
        finally:
            self.owners.pop()

    def passes(self) -> dict[Any, Passes]:
        backward = self.backward_inputs | self.backward_weights  # vmap asks for them apart
        owners = self.forward.keys() | backward.keys()
        return {owner: (self.forward[owner], backward[owner]) for owner in owners}


class CountedMeasurement(Measurement):
    """A measurement that knows for which quantity a convolution is called."""

    counted: CountedConvolutions

    def quantity(self, function: Callable[[Measurement], Any]) -> Any:
        with self.counted.owned_by(function):
            return super().quantity(function)


def network() -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)  # the layers draw their weights from the global generator
        return spaces["nasbench201"].build(ARCH, num_classes=CLASSES, channels=4, cells=1)


def num_layers() -> int:
    return sum(isinstance(module, nn.Conv2d) for module in network().modules())


def counted(names: list[str]) -> CountedConvolutions:
    generator = torch.Generator().manual_seed(0)
    batches = [
        (torch.randn(BATCH, 3, 8, 8, generator=generator), torch.arange(BATCH) % CLASSES)
        for _ in range(BATCHES)
    ]
    measurement = CountedMeasurement(network(), batches)
    measurement.counted = counts = CountedConvolutions()
    with measurement, counts:
        for name in names:
            with counts.owned_by(name):
                reading = read(measurement, [name])[name]
            assert (reading.status, reading.reason) == ("ok", "")
    return counts


def passes_of(names: list[str]) -> dict[Any, Passes]:
    """Convolutions by the quantity they are for, or by the indicator if they are its own."""
    return counted(names).passes()


@cache
def alone(name: str) -> dict[Any, Passes]:
    return passes_of([name])


def total(passes: dict[Any, Passes]) -> Passes:
    return sum(f for f, _ in passes.values()), sum(b for _, b in passes.values())


def declared(name: str) -> Passes:
    return indicators[name].cost.number(batch_size=BATCH, num_classes=CLASSES, num_batches=BATCHES)


@pytest.mark.parametrize("name", NAMES)
def test_an_indicator_by_itself_costs_the_passes_it_declares(name: str) -> None:
    # a pass that stops short of some layers counts as a whole
    forward, backward = (math.ceil(count / num_layers()) for count in total(alone(name)))
    assert (forward, backward) == declared(name)


@pytest.mark.parametrize("name", ["gennas_combo_reduced", "gennas_search_nasbench101_10"])
def test_a_training_costs_the_passes_it_declares(name: str) -> None:
    calls = counted([name]).of_images  # its copy has other convolutions at its end
    assert (calls["forward"], calls["backward"]) == declared(name)


@pytest.mark.parametrize("backwards", [False, True], ids=["as_registered", "last_first"])
def test_reading_all_costs_each_distinct_quantity_once(backwards: bool) -> None:
    distinct: dict[Any, Passes] = {}
    for name in NAMES:
        for owner, passes in alone(name).items():
            assert distinct.setdefault(owner, passes) == passes  # whoever asks for it
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
