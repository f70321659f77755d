"""A plain function of network, inputs and labels as an indicator."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import torch
from torch import Tensor, nn

from untrained.foundation import derive
from untrained.harness.contract.fixtures import seeded
from untrained.harness.contract.indicator_case import same
from untrained.harness.contract.indicator_effects import CountedConvolutions
from untrained.indicators import Family, Indicator, Measurement, Need, Passes, Protocol

FEW = 4
"""Counts up to this one are not taken for the number of samples or classes."""

Plain = Callable[[nn.Module, Tensor, Tensor | None], float]
Mode = type[torch.enable_grad | torch.inference_mode]


@dataclass(frozen=True, slots=True)
class Traits:
    """The needs and cost of a plain function."""

    labels: bool = True
    gradients: bool = True
    randomness: bool = False
    cost: str = "none"


def as_indicator(function: Plain, *, higher_is_better: bool, traits: Traits) -> Indicator:
    """Make an indicator of a plain function.

    The function gets a copy of the network in training mode, which it may change. Global random
    numbers (of torch, numpy and Python) are seeded by the network's seed.

    Args:
        function: of network, inputs (B, C, H, W) and labels (B,) or None.
    """
    needs = [
        (traits.labels, Need.LABELS),
        (traits.gradients, Need.GRADIENTS),
        (traits.randomness, Need.RANDOMNESS),
    ]

    @wraps(function)
    def score(m: Measurement) -> float:
        network = copy.deepcopy(m.network)
        labels = m.batches[0][1]
        with seeded(derive(m.seed, "plain function")):
            value = function(network, m.inputs.clone(), None if labels is None else labels.clone())
        return _number(function.__name__, value)

    if not score.__doc__:
        score.__doc__ = "A plain function of network, inputs and labels."
    return Indicator(
        id=function.__name__,
        title=function.__name__.replace("_", " "),
        formula="as the file has it",
        reference="plain function",
        higher_is_better=higher_is_better,
        needs=frozenset(need for wanted, need in needs if wanted),
        protocol=Protocol(batch_size=64, labels="true" if traits.labels else "none"),
        cost=Passes.parse(traits.cost),
        family=Family.LATER,
        uses_accuracy=False,
        class_invariant=False,
        version=1,
        follows_initialisation=True,
        deviations="",
        function=score,
    )


def _number(name: str, value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        shown = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else value
        raise TypeError(f"{name} returned {shown!r}, which is no number") from None


def find_traits(function: Plain, network: nn.Module, inputs: Tensor, labels: Tensor) -> Traits:
    """Find what a plain function needs and costs by trying.

    Labels are needed if it fails without them or says something else; gradients if it fails where
    none can be taken; random numbers if two seeds differ. A function that fails in every way is
    said to need all.

    Args:
        inputs: a batch whose size B differs from the number of classes K and from small numbers.
    """

    def value(given: Tensor | None, seed: int = 0, mode: Mode = torch.enable_grad) -> float | None:
        try:
            with seeded(seed), mode():
                own = copy.deepcopy(network).train()
                own_labels = None if given is None else given.clone()
                return float(function(own, inputs.clone(), own_labels))
        except Exception:
            return None

    first = value(labels)
    if first is None:
        return Traits()
    without = value(None)
    other_seed = value(labels, 1)
    return Traits(
        labels=without is None or not same(first, without),
        gradients=value(labels, mode=torch.inference_mode) is None,
        randomness=other_seed is None or not same(first, other_seed),
        cost=counted_passes(function, network, inputs, labels),
    )


def counted_passes(function: Plain, network: nn.Module, inputs: Tensor, labels: Tensor) -> str:
    """Count the passes of one call, in the words that an indicator declares its cost in.

    A number that equals that of the samples or classes is taken for it; pass numbers of these that
    nothing else can be mistaken for.

    Args:
        network: with convolutions, every one of which a pass calls once.
        labels: of it; K is the number of the network's logits.
    """
    once, counted = CountedConvolutions(), CountedConvolutions()
    with torch.no_grad(), once, once.owned_by("a pass"):
        logits = copy.deepcopy(network).train()(inputs)
    if not once.total[0]:
        return "none"
    with torch.enable_grad(), counted, counted.owned_by("the function"):
        function(copy.deepcopy(network).train(), inputs.clone(), labels.clone())
    symbols = {inputs.shape[0]: "B", logits.shape[1]: "K"}
    symbols[inputs.shape[0] * logits.shape[1]] = "B K"
    parts = []
    for kind, calls in zip(("forward", "backward"), counted.total, strict=True):
        passes = -(-calls // once.total[0])  # a pass that stops early counts as a whole
        if passes:
            count = str(passes) if passes <= FEW else symbols.get(passes, str(passes))
            parts.append(f"{count} {kind}")
    return ", ".join(parts) or "none"
