"""How a built network's weights are drawn where its layers' constructors are not to decide.

Papers re-initialise a network before they score it. In all of these schemes the weights of
convolutional and linear layers are normal with mean 0, their biases are 0, and a batch norm has
gain 1 and shift 0; that is also what the authors' codes do. A module of another kind says in its
attribute `linear_weights` which of its parameters are drawn as a linear layer's weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from untrained.foundation import UnknownName, Unsupported

_WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


@dataclass(frozen=True, slots=True)
class Initialisation:
    """A scheme: its name, and the standard deviation that a layer's weight is drawn with."""

    name: str
    title: str
    deviation: Callable[[Tensor], float] | None
    """Of the weight's shape; None: what the constructors drew stays."""


_ALL = (
    Initialisation("default", "as the layers' constructors draw", None),
    # the inputs of one output; a group's alone where there are groups
    Initialisation(
        "kaiming_normal_fan_in", "N(0, 2 / fan-in)", lambda w: math.sqrt(2 / w[0].numel())
    ),
    # all outputs x kernel size, also where there are groups, as in torch
    Initialisation(
        "kaiming_normal_fan_out", "N(0, 2 / fan-out)", lambda w: math.sqrt(2 / w[:, 0].numel())
    ),
    Initialisation("gaussian", "N(0, 1)", lambda weight: 1.0),
)

initialisations: Mapping[str, Initialisation] = MappingProxyType({i.name: i for i in _ALL})
"""By name. Kaiming normal: He et al., ICCV 2015, with the gain of a ReLU."""


def find_initialisation(name: str) -> Initialisation:
    """The initialisation of that name.

    Raises:
        UnknownName: there is none; the message suggests the nearest.
    """
    try:
        return initialisations[name]
    except KeyError:
        raise UnknownName("initialisation", name, initialisations) from None


def initialise(network: nn.Module, name: str, *, generator: torch.Generator | None = None) -> None:
    """Draw a network's weights anew, in the order of its modules; buffers stay as they are.

    Args:
        network: changed in place, unless the name is `default`, which draws nothing.
        name: one of `initialisations`.
        generator: draws them; torch's global one by default.

    Raises:
        UnknownName: there is no such initialisation.
        Unsupported: a layer has parameters that the scheme does not speak of; nothing is changed.
    """
    deviation = find_initialisation(name).deviation
    if deviation is None:
        return
    modules = [m for m in network.modules() if next(m.parameters(recurse=False), None) is not None]
    for module in modules:
        parameters = {short for short, _ in module.named_parameters(recurse=False)}
        # a module of another kind may declare parameters to be linear layers'
        named = set(getattr(module, "linear_weights", ()))
        if isinstance(module, (*_WEIGHTED, _BatchNorm)):
            named = {"weight"}
        if not named or parameters - named - {"bias"}:
            raise Unsupported(
                f"the initialisation {name!r} was asked for, but it does not say how to draw "
                f"{', '.join(sorted(parameters))} of {type(module).__name__}: it knows "
                "convolutional and linear layers and batch norms; use default"
            )
    with torch.no_grad():
        for module in modules:
            for short, parameter in module.named_parameters(recurse=False):
                if short == "bias":
                    parameter.zero_()
                elif isinstance(module, _BatchNorm):
                    parameter.fill_(1)
                else:
                    parameter.normal_(0, deviation(parameter), generator=generator)
