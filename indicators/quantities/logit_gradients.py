"""Gradients of single samples' logits, one backward pass each, through batch statistics."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators.framework.measurement import Measurement
from untrained.indicators.framework.quantity import quantity
from untrained.indicators.quantities.account import is_plain
from untrained.indicators.quantities.forward import as_real, forward
from untrained.indicators.quantities.loss_gradients import class_labels

Gradients = dict[str, Tensor]


def weights_of(m: Measurement, *, within: str = "") -> dict[str, Tensor]:
    """The parameters that the NTK indicators of TE-NAS and TEG-NAS look at.

    Those whose name contains `weight`: of convolutions, linear layers and batch norms (gains), not
    biases or shifts. Weights of linear maps count also under another name.

    Raises:
        Unsupported: there is none.
    """
    others: set[str] = set()
    if not is_plain(m.network):
        weights = forward(m).account.weights.values()
        others = {name for made in weights for name in made[0].names}
    named: dict[str, Tensor] = {
        name: p
        for name, p in m.network.named_parameters()
        if ("weight" in name or name in others) and within in name and p.requires_grad
    }
    if not named:
        wanted = f"'weight' and {within!r}" if within else "'weight'"
        names = ", ".join(repr(name) for name, _ in islice(m.network.named_parameters(), 3))
        raise Unsupported(
            f"the network has no parameter with {wanted} in its name, at which this indicator looks"
            + (f"; its names begin with {names}" if names else "")
        )
    return named


def parameters_of(m: Measurement) -> dict[str, Tensor]:
    """All parameters by name, biases and batch-norm shifts too.

    Raises:
        Unsupported: there is none.
    """
    named: dict[str, Tensor] = {n: p for n, p in m.network.named_parameters() if p.requires_grad}
    if not named:
        raise Unsupported("the network has no parameter")
    return named


def label_logits(m: Measurement) -> Tensor:
    """f_{y(x)}(x) for each sample x of the first batch, (B,), with its graph.

    Raises:
        Unsupported: there are no labels, or a label is no class of the network.
    """
    labels, logits = class_labels(m), forward(m).logits
    return logits.gather(1, labels[:, None]).squeeze(1)


def rows_of(outputs: Iterable[Tensor], parameters: dict[str, Tensor]) -> Gradients:
    """The gradient of each scalar with respect to each parameter, one row a scalar.

    One backward pass a scalar: batch norm couples the samples, so nothing cheaper is exact, and
    batching the passes (`is_grads_batched`) gives the same at no lower cost.

    Returns:
        (n, numel) tensors by name; zeros where a scalar does not depend on a parameter.
    """
    rows: dict[str, list[Tensor]] = {name: [] for name in parameters}
    for output in outputs:
        gradients = torch.autograd.grad(
            output,
            list(parameters.values()),
            retain_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        for name, gradient in zip(parameters, gradients, strict=True):
            rows[name].append(as_real(gradient).flatten())
    return {name: torch.stack(parts) for name, parts in rows.items()}


@quantity
def sum_logit_gradients(m: Measurement) -> Gradients:
    """d(sum_k f_k(x_i))/dW for each sample x_i of the first batch, one row a sample.

    W: `weights_of`. B backward passes of the whole batch; B times the weights' memory, kept as
    long as the measurement is open.
    """
    return rows_of(forward(m).logits.sum(1), weights_of(m))


def squared_norms(m: Measurement, outputs: Tensor) -> float:
    """Sum over scalar outputs of the squared norm of the gradient over all parameters.

    One backward pass an output; no gradient is kept, so the memory is that of one.

    Args:
        outputs: (n,) of one graph, which is kept.

    Returns:
        sum_i || d outputs[i]/d theta ||_2^2, added up in float64.

    Raises:
        Unsupported: the network has no parameter.
    """
    parameters = list(parameters_of(m).values())
    total = torch.zeros((), dtype=torch.float64, device=m.device)
    for output in outputs:
        gradients = torch.autograd.grad(output, parameters, retain_graph=True, allow_unused=True)
        for gradient in gradients:
            if gradient is not None:
                total += as_real(gradient).double().square().sum()
    return float(total)
