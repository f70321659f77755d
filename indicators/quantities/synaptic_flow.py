"""The flow of ones through the network's absolute weights."""

from __future__ import annotations

from collections.abc import Hashable

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.account.account import Account
from untrained.indicators.account.applications import Made
from untrained.indicators.framework.devices import copy_together
from untrained.indicators.quantities.forward import gradients_of, live_cells, logits_of
from untrained.indicators.quantities.layer_weights import layer_weights, parts_of_weights
from untrained.indicators.quantities.quiet import in_float64
from untrained.indicators.quantities.substituted import Substituted


@quantity
def synaptic_flow(m: Measurement) -> list[tuple[Tensor, Tensor]]:
    """(|W|, dR/d|W|) of the weight W of every linear map, in float64.

    R is the sum of the outputs of the network with absolute parameters and bypassed normalisations
    for one input of ones. A weight that is computed of parameters, as under weight normalisation,
    is computed of them as they are, and then made absolute.

    Raises:
        Unsupported: the network has no such weight, or the part of a parameter is not known, or
            a normalisation may be written out, which is not bypassed.
    """
    weights = layer_weights(m)
    if not weights:
        raise Unsupported("the network has no convolutional or linear layer")
    if not m.inputs.is_floating_point():
        raise Unsupported(
            f"an input of ones has to be of real numbers, and this network's are {m.inputs.dtype}"
        )
    parts = parts_of_weights(m)
    state: dict[str, Tensor] = dict([*m.network.named_parameters(), *m.network.named_buffers()])
    floats = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    wide = {n: torch.empty_like(t, dtype=torch.float64) for n, t in floats.items()}
    copy_together(list(wide.values()), [tensor.detach() for tensor in floats.values()])
    if whole := [tensor for name, tensor in wide.items() if name not in parts]:
        torch._foreach_abs_(whole)
    state = {name: wide[name] if name in wide else t.clone() for name, t in state.items()}
    leaves = {name: state[name].requires_grad_() for name in weights if name in state}
    computed: dict[Hashable, Tensor] = {}

    def absolute(made: Made, weight: Tensor) -> Tensor:
        if weight.numel() != made.tensor.numel():
            raise Unsupported("a weight that is computed of parameters is expanded before its use")
        key = made.key, tuple(weight.shape), weight.stride()
        return computed.setdefault(key, weight.detach().abs().requires_grad_())

    ones = torch.ones_like(m.inputs[:1], dtype=torch.float64)
    named = {name: state[name] for name, _ in m.network.named_parameters()}
    account = Account(m.network, ones, parameters=named, replace=absolute, bypass_norms=True)
    with live_cells(m), in_float64():
        total = logits_of(Substituted(m.network, state), ones, account).sum()
    account.check_norms()
    of = [*leaves.values(), *computed.values()]
    return [(leaf.detach(), g) for leaf, g in zip(of, gradients_of(total, of), strict=True)]
