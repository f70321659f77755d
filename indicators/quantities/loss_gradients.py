"""The gradient of the training loss at initialisation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.account.applications import Application
from untrained.indicators.quantities.forward import forward, gradients_of
from untrained.indicators.quantities.layer_outputs import together
from untrained.indicators.quantities.layer_weights import layer_weights, made_weights


@dataclass(frozen=True, slots=True)
class LossBackward:
    """One backward pass of the mean cross-entropy L of the first batch."""

    gradients: dict[str, Tensor]
    """dL/d parameter by the parameter's name; zeros where L does not depend on it."""
    responses: list[Tensor | None]
    """For each of `Forward.layers` with output a the sum over positions of a * dL/da,
    (B, channels); None where L does not depend on a, or an axis of a is not known."""
    of_made: dict[str, Tensor]
    """dL/dW for each weight W that is computed, by the names of `layer_weights`."""


@quantity
def class_labels(m: Measurement) -> Tensor:
    """The first batch's labels, (B,), each one a class of the network.

    Raises:
        Unsupported: there are none, or one is no class.
    """
    check_labels(m.labels, forward(m).logits.shape[1])
    return m.labels


def check_labels(labels: Tensor, num_classes: int, batch: int = 1) -> None:
    """Refuse labels that are no classes of the network.

    Raises:
        Unsupported: a label is no class.
    """
    low, high = torch.stack(torch.aminmax(labels)).tolist()
    if high >= num_classes or low < 0:
        which = f"of batch {batch} " if batch > 1 else ""
        raise Unsupported(
            f"the labels {which}run from {low} to {high} but the network has {num_classes} classes"
        )


@quantity
def loss_backward(m: Measurement) -> LossBackward:
    """The backward pass that all indicators of the loss gradient share.

    The responses are summed up as the pass goes by, so that the maps' gradients are not kept.

    Raises:
        Unsupported: there are no labels, a label is no class of the network, or the network has no
            parameters.
    """
    labels, passed = class_labels(m), forward(m)
    wanted = {name: p for name, p in m.network.named_parameters() if p.requires_grad}
    if not wanted:
        raise Unsupported("the network has no parameters")
    responses: list[Tensor | None] = [None] * len(passed.layers)

    def listener(place: int, layer: Application, output_nr: int) -> Callable[..., None]:
        def listen(gradients: tuple[Tensor | None, ...]) -> None:
            gradient = gradients[output_nr]
            if gradient is not None and layer.channels is not None and layer.batch is not None:
                responses[place] = _by_channel(layer, gradient, len(labels))

        return listen

    made: dict[str, list[Tensor]] = {}
    with suppress(Unsupported):  # who reads the weights is refused there
        made = made_weights(m)
    with together(
        *(
            layer.edge.node.register_prehook(listener(place, layer, layer.edge.output_nr))
            for place, layer in enumerate(passed.layers)
            if layer.edge is not None
        )
    ):
        loss = functional.cross_entropy(passed.logits, labels)
        gradients = iter(
            gradients_of(loss, [*wanted.values(), *(part for ps in made.values() for part in ps)])
        )
    return LossBackward(
        {name: next(gradients) for name in wanted}, responses, summed(made, gradients)
    )


def summed(made: dict[str, list[Tensor]], gradients: Iterator[Tensor]) -> dict[str, Tensor]:
    """The gradient of each computed weight from those of its parts, in order."""
    return {
        name: torch.stack([next(gradients) for _ in parts]).sum(0) for name, parts in made.items()
    }


def _by_channel(layer: Application, gradient: Tensor, size: int) -> Tensor:
    product = layer.tensor * gradient.detach()
    if product.dim() > 2 and layer.batch == (0, 1) and layer.channels == 1 - product.dim():
        return product.sum(tuple(range(2, product.dim())))
    rows = layer.by_sample(product, size)
    return rows.reshape(size, -1, rows.shape[-1]).sum(1)


def loss_gradients(m: Measurement) -> dict[str, Tensor]:
    """Gradients of the mean cross-entropy of the first batch, by parameter name.

    A parameter that the loss does not depend on has a gradient of zeros.

    Raises:
        Unsupported: as `loss_backward`.
    """
    return loss_backward(m).gradients


@quantity
def layer_gradients(m: Measurement) -> list[tuple[Tensor, Tensor]]:
    """(weight, loss gradient) of every convolutional and linear layer.

    Raises:
        Unsupported: the network has no such layer.
    """
    weights = layer_weights(m)
    if not weights:
        raise Unsupported("the network has no convolutional or linear layer")
    gradients = loss_gradients(m) | loss_backward(m).of_made
    return [(weight.detach(), gradients[name]) for name, weight in weights.items()]
