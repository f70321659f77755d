"""What every layer makes of a single sample."""

from __future__ import annotations

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators.framework.measurement import Measurement
from untrained.indicators.framework.quantity import quantity
from untrained.indicators.quantities.account import Account
from untrained.indicators.quantities.forward import logits_of, together

_KINDS = frozenset({"map", "norm", "activation", "pooling"})


@quantity
def first_sample_maps(m: Measurement) -> list[Tensor]:
    """The map after each application of a layer, channels by positions, of the first input alone.

    A layer is a module without children, and besides every linear map, normalisation, activation
    and pooling that is applied by a function. One forward pass of a batch of one.

    Raises:
        Unsupported: no layer returns a map (B, C, H, W), or a parameter's part is not known.
    """
    x = m.inputs[:1].clone()
    with torch.no_grad():
        account = Account(m.network, x, kinds=_KINDS)
        logits_of(m.network, x, together(account.of_leaves(), account.activations()))
    account.check()
    maps = [output for output in account.applications if output.tensor.dim() == 4]
    if not maps:
        raise Unsupported("no layer of the network returns a map (B, C, H, W)")
    return [output.by_sample(output.tensor, 1)[0].movedim(-1, 0).flatten(1) for output in maps]


def smallest_eigenvalue(rows: Tensor) -> float:
    """The smallest eigenvalue of the Pearson correlation matrix of rows.

    Args:
        rows: (C, positions).

    Returns:
        The eigenvalue, at most 1; correlations with a constant row count as 0, its own too.
    """
    if rows.shape[1] < 2:
        return 0.0
    centred = rows.double() - rows.double().mean(1, keepdim=True)
    norms = centred.norm(dim=1, keepdim=True)
    unit = torch.where(norms > 0, centred / norms, 0)
    return float(torch.linalg.eigvalsh(unit @ unit.t())[0])
