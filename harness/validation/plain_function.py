"""A plain function of network, inputs and labels as an indicator."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps

import numpy as np
import torch
from torch import Tensor, nn

from untrained.foundation import derive
from untrained.indicators import Family, Indicator, Measurement, Need, Passes, Protocol

Plain = Callable[[nn.Module, Tensor, Tensor | None], float]


@dataclass(frozen=True, slots=True)
class Traits:
    """What a plain function needs and costs."""

    labels: bool = True
    gradients: bool = True
    randomness: bool = False
    cost: str = "none"


def as_indicator(function: Plain, *, higher_is_better: bool, traits: Traits) -> Indicator:
    """The indicator that a plain function is.

    It is called with a copy of the network, in training mode, so that it may do to it whatever it
    likes; and with seeded global random numbers (of torch, numpy and Python), so that what it
    draws depends on the network's seed alone.

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
        with _seeded(derive(m.seed, "plain function")):
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


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 the user's function draws from it
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


def find_traits(function: Plain, network: nn.Module, inputs: Tensor, labels: Tensor) -> Traits:
    """What a plain function needs and costs, found by trying.

    Labels are needed if it fails without them or says something else; gradients if it fails where
    none can be taken; random numbers if two seeds differ. A function that fails in every way is
    said to need all.

    Args:
        inputs: a batch whose size B differs from the number of classes K and from small numbers.
    """
    from untrained.harness.validation.comparison_setting import counted_passes

    def value(given: Tensor | None, seed: int = 0) -> float | None:
        try:
            with _seeded(seed), torch.enable_grad():
                own = copy.deepcopy(network).train()
                return float(function(own, inputs.clone(), None if given is None else given))
        except Exception:
            return None

    first = value(labels)
    if first is None:
        return Traits()
    without = value(None)
    other_seed = value(labels, 1)
    return Traits(
        labels=without is None or not _same(first, without),
        gradients=not _works_without_gradients(function, network, inputs, labels),
        randomness=other_seed is None or not _same(first, other_seed),
        cost=counted_passes(function, network, inputs, labels),
    )


def _works_without_gradients(
    function: Plain, network: nn.Module, inputs: Tensor, labels: Tensor
) -> bool:
    try:
        with _seeded(0), torch.inference_mode():
            function(copy.deepcopy(network).train(), inputs.clone(), labels.clone())
    except Exception:
        return False
    return True


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
