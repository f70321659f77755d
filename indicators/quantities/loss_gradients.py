"""The gradient of the training loss at initialisation."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators.measurement import Measurement
from untrained.indicators.quantities.forward import forward, gradients_of
from untrained.indicators.quantities.layer_weights import layer_weights
from untrained.indicators.quantity import quantity


@quantity
def loss_gradients(m: Measurement) -> dict[str, Tensor]:
    """Gradients of the mean cross-entropy of the first batch, by parameter name.

    A parameter that the loss does not depend on has a gradient of zeros.

    Raises:
        Unsupported: there are no labels, a label is no class of the network, or the network has no
            parameters.
    """
    labels = m.labels
    logits = forward(m).logits
    if int(labels.max()) >= logits.shape[1] or int(labels.min()) < 0:
        raise Unsupported(
            f"the labels run from {int(labels.min())} to {int(labels.max())} but the network has "
            f"{logits.shape[1]} classes"
        )
    named = dict(m.network.named_parameters())
    wanted = {name: p for name, p in named.items() if p.requires_grad}
    if not wanted:
        raise Unsupported("the network has no parameters")
    loss = functional.cross_entropy(logits, labels)
    return dict(zip(wanted, gradients_of(loss, list(wanted.values())), strict=True))


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
