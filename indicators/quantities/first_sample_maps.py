"""What every layer makes of a single sample."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.account.account import Account
from untrained.indicators.framework.devices import on_cpu
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.layer_outputs import together

_KINDS = frozenset({"map", "norm", "activation", "pooling"})


@quantity
def first_sample_maps(m: Measurement) -> list[Tensor]:
    """The map after each application of a layer, channels by positions, of the first input alone.

    A layer is a module without children, and besides every linear map, normalisation, activation
    and pooling that is applied by a function. One forward pass of a batch of one.

    Raises:
        Unsupported: no layer returns a map (B, C, H, W), or a parameter's part or an activation is
            not known.
    """
    x = m.inputs[:1].clone()
    with torch.no_grad():
        account = Account(m.network, x, kinds=_KINDS)
        calls = account.activations()
        calls.axes = 4  # what is no map is not looked at
        logits_of(m.network, x, together(account.of_leaves(calls), calls))
    account.check()
    calls.check()
    maps = [output for output in account.applications if output.tensor.dim() == 4]
    if not maps:
        raise Unsupported("no layer of the network returns a map (B, C, H, W)")
    return [output.by_sample(output.tensor, 1)[0].movedim(-1, 0).flatten(1) for output in maps]


def smallest_eigenvalue(rows: Tensor) -> float:
    """That of `smallest_eigenvalues` for one map, (C, positions)."""
    return smallest_eigenvalues([rows])[0]


def smallest_eigenvalues(maps: Iterable[Tensor]) -> list[float]:
    """The smallest eigenvalue of the Pearson correlations of the rows of each map (C, positions).

    It is at most 1; correlations with a constant row count as 0, its own too.
    """
    maps = list(maps)
    groups: dict[Hashable, list[int]] = {}
    for place, rows in enumerate(maps):  # on a GPU maps of one shape together
        alone = rows.device.type == "cpu"
        groups.setdefault(place if alone else tuple(rows.shape), []).append(place)
    together = (
        maps[places[0]] if len(places) == 1 else torch.stack([maps[place] for place in places])
        for places in groups.values()
    )
    found = [0.0] * len(maps)
    matrices = on_cpu(map(_correlation, together))
    for places, matrix in zip(groups.values(), matrices, strict=True):
        smallest = torch.linalg.eigvalsh(matrix)[..., 0].reshape(-1).tolist()
        for place, value in zip(places, smallest, strict=True):
            found[place] = value
    return found


def _correlation(rows: Tensor) -> Tensor:
    """(..., C, C) of (..., C, positions); of a single position zeros."""
    wide = rows.double()
    if rows.shape[-1] < 2:
        return wide.new_zeros(*rows.shape[:-1], rows.shape[-2])
    centred = wide - wide.mean(-1, keepdim=True)
    norms = centred.norm(dim=-1, keepdim=True)
    unit = torch.where(norms > 0, centred / norms, 0)
    return unit @ unit.mT
