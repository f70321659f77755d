"""Gradients of single samples' logits, one backward pass each, through batch statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from itertools import islice
from operator import add

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.account.known_modules import is_plain
from untrained.indicators.fused.sample_gradients import sample_gradients
from untrained.indicators.quantities.forward import as_real, forward
from untrained.indicators.quantities.loss_gradients import class_labels

Gradients = dict[str, Tensor]


def weights_of(m: Measurement, *, within: str = "") -> dict[str, Tensor]:
    """The parameters that the NTK indicators of TE-NAS and TEG-NAS look at.

    Those whose name contains `weight`: of convolutions, linear layers and batch norms (gains), not
    biases or shifts. Weights of linear maps and gains of normalisations count also under another
    name.

    Raises:
        Unsupported: there is none, or it is not known whether a parameter is one.
    """
    others: set[str] = set()
    if not is_plain(m.network):
        account = forward(m).account
        others = {name for made in account.weights.values() for name in made[0].names}
        others |= account.gains
        for name in sorted(account.scales - others) if account.written_norms else ():
            if "weight" not in name and within in name:
                raise Unsupported(
                    f"the network computes `{account.written_norms[0]}` of what depends on the "
                    f"input and scales by the parameter {name!r}, and whether it is the gain of a "
                    "normalisation, at which this indicator looks, is not known"
                )
        parameters = dict(m.network.named_parameters())
        for name, function in account.unread.items():
            is_matrix = name in parameters and parameters[name].dim() > 1
            if is_matrix and "weight" not in name and within in name:
                raise Unsupported(
                    f"the parameter {name!r} enters the network by `{function}`, and whether it is "
                    "the weight of a linear map, at which this indicator looks, is not known"
                )
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


def each_gradient(
    outputs: Tensor, of: Sequence[Tensor] | Sequence[GradientEdge]
) -> Iterator[tuple[Tensor | None, ...]]:
    """The gradients of each element of a vector (n,) by a backward pass; its graph is kept.

    Batch norm couples the samples, so that nothing cheaper is exact, and batching the passes
    (`is_grads_batched`) gives the same at no lower cost. The vector is not taken apart: its passes
    would each put zeros for all other elements together again.

    Yields:
        A gradient for each tensor, None for one that the element does not depend on.
    """
    for cotangent in torch.eye(len(outputs), dtype=outputs.dtype, device=outputs.device):
        yield torch.autograd.grad(outputs, of, cotangent, retain_graph=True, allow_unused=True)


def rows_of(outputs: Tensor | Iterable[Tensor], parameters: dict[str, Tensor]) -> Gradients:
    """The gradient of each scalar with respect to each parameter, one row a scalar.

    Args:
        outputs: (n,), or so many scalars; one backward pass each, see `each_gradient`.

    Returns:
        (n, numel) tensors by name; zeros where a scalar does not depend on a parameter.
    """
    outputs = outputs if isinstance(outputs, Tensor) else torch.stack(tuple(outputs))
    rows: dict[str, list[Tensor]] = {name: [] for name in parameters}
    for gradients in each_gradient(outputs, list(parameters.values())):
        for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
            row = torch.zeros_like(parameter) if gradient is None else gradient
            rows[name].append(as_real(row).flatten())
    return {name: torch.stack(parts) for name, parts in rows.items()}


@quantity
def sum_logit_gradients(m: Measurement) -> Gradients:
    """d(sum_k f_k(x_i))/dW for each sample x_i of the first batch, one row a sample.

    W: `weights_of`. B backward passes of the whole batch, by the compiled passes where they can;
    B times the weights' memory, kept as long as the measurement is open.
    """
    return sum_logit_rows(m, m.inputs, weights_of(m), lambda: forward(m).logits)


def sum_logit_rows(
    m: Measurement, inputs: Tensor, parameters: dict[str, Tensor], logits: Callable[[], Tensor]
) -> Gradients:
    """The gradient of the sum of each sample's logits, one row a sample.

    Args:
        inputs: a batch of the network.
        logits: gives its logits with their graph, where the compiled passes cannot do it.

    Returns:
        (B, numel) by name; zeros where the logits do not depend on a parameter.
    """
    m.restore_buffers()  # an earlier pass may have changed what the network computes
    try:
        rows = sample_gradients(m.network, inputs, parameters)
    finally:
        m.restore_buffers()  # a module may keep what it was called with
    return rows_of(logits().sum(1), parameters) if rows is None else rows


def squared_norms(m: Measurement, outputs: Tensor) -> float:
    """Sum over scalar outputs of the squared norm of the gradient over all parameters.

    One backward pass an output, (n,) of one graph, which is kept; no gradient is kept, so the
    memory is that of one.

    Returns:
        sum_i || d outputs[i]/d theta ||_2^2, added up in float64.

    Raises:
        Unsupported: the network has no parameter.
    """
    parameters = list(parameters_of(m).values())
    squares: list[Tensor] = []
    for gradients in each_gradient(outputs, parameters):
        reals = [as_real(gradient).double() for gradient in gradients if gradient is not None]
        if reals:
            products = torch._foreach_mul(reals, reals)
            squares.append(torch.stack([product.sum() for product in products]))
    # one after the other: the order of a sum shows in its last bits
    return reduce(add, torch.cat(squares).tolist(), 0.0) if squares else 0.0
