"""The mixed second derivative of the loss along two directions of the weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from untrained.indicators.jets.jet import Jet
from untrained.indicators.quantities.quiet import quiet
from untrained.indicators.quantities.substituted import Substituted


def mixed_derivative(
    network: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    directions: Mapping[str, tuple[Tensor, Tensor, Tensor]],
) -> float:
    """u^T H v = d^2 L(W + s u + t v) / ds dt at zero; L: mean cross-entropy, H: its Hessian.

    One forward pass without a graph. Running statistics of batch norms stay as they are.

    Args:
        network: maps inputs to logits (B, classes).
        inputs: (B, ...).
        labels: class indices, (B,).
        directions: W, u and v, without gradients, by the parameter's name. Where u is the very
            tensor W, a layer takes six convolutions instead of eight.

    Returns:
        The derivative, added up in float64; 0 if the logits do not depend on these parameters.

    Raises:
        NoRule: the network calls something that there is no rule for.
    """
    with torch.no_grad():
        state: dict[str, Tensor] = {name: Jet(*tensors) for name, tensors in directions.items()}
        with quiet():
            logits = Substituted(network, state)(inputs)
        if not isinstance(logits, Jet):
            return 0.0
        z, *derivatives = (t if t is None else t.double() for t in logits.parts)
        assert z is not None
        u, v, uv = (torch.zeros_like(z) if t is None else t for t in derivatives)
        p = torch.softmax(z, dim=1)
        of_loss = p - torch.zeros_like(z).scatter_(1, labels[:, None], 1)
        curved = (p * u * v).sum(1) - (p * u).sum(1) * (p * v).sum(1)
        return float(((of_loss * uv).sum(1) + curved).mean())
