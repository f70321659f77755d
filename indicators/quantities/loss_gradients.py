"""The gradient of the training loss at initialisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators.framework.measurement import Measurement
from untrained.indicators.framework.quantity import quantity
from untrained.indicators.quantities.forward import forward, gradients_of
from untrained.indicators.quantities.layer_outputs import Output
from untrained.indicators.quantities.layer_weights import layer_weights


@dataclass(frozen=True, slots=True)
class LossBackward:
    """One backward pass of the mean cross-entropy L of the first batch."""

    gradients: dict[str, Tensor]
    """dL/d parameter by the parameter's name; zeros where L does not depend on it."""
    responses: list[Tensor | None]
    """For each of `Forward.layers` with output a the sum over positions of a * dL/da,
    (B, channels); None where L does not depend on a, or a was overwritten."""


@quantity
def class_labels(m: Measurement) -> Tensor:
    """The first batch's labels, (B,), each one a class of the network.

    Raises:
        Unsupported: there are none, or one is no class.
    """
    labels = m.labels
    num_classes = forward(m).logits.shape[1]
    if int(labels.max()) >= num_classes or int(labels.min()) < 0:
        raise Unsupported(
            f"the labels run from {int(labels.min())} to {int(labels.max())} but the network has "
            f"{num_classes} classes"
        )
    return labels


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

    def listener(place: int, output: Output) -> Callable[[Tensor], None]:
        def listen(gradient: Tensor) -> None:
            responses[place] = _by_channel(output.module, output.tensor, gradient)

        return listen

    handles = [
        output.tensor.register_hook(listener(place, output))  # type: ignore[no-untyped-call]
        for place, output in enumerate(passed.layers)
        if output.tensor.requires_grad and output.intact
    ]
    try:
        loss = functional.cross_entropy(passed.logits, labels)
        gradients = gradients_of(loss, list(wanted.values()))
    finally:
        for handle in handles:
            handle.remove()
    return LossBackward(dict(zip(wanted, gradients, strict=True)), responses)


def _by_channel(layer: nn.Module, output: Tensor, gradient: Tensor) -> Tensor:
    product = output.detach() * gradient.detach()
    if isinstance(layer, nn.Linear):  # channels last
        return product.reshape(product.shape[0], -1, product.shape[-1]).sum(1)
    return product.sum(tuple(range(2, product.dim())))


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
    gradients = loss_gradients(m)
    return [(weight.detach(), gradients[name]) for name, weight in weights.items()]
