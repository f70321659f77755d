"""Recurrent networks: covariance of hidden states, and cosines of input Jacobians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from untrained.foundation import Unsupported
from untrained.indicators import (
    Diverged,
    Indicator,
    Measurement,
    Need,
    Protocol,
    indicator,
    quantity,
)
from untrained.indicators.framework.devices import on_cpu
from untrained.indicators.jacov import correlation_score
from untrained.indicators.quantities.forward import gradients_of
from untrained.indicators.quantities.layer_outputs import together
from untrained.indicators.quantities.quiet import quiet

LENGTH, NUM_SEQUENCES = 70, 16
REFERENCE = (
    "Serianni and Kalita, Training-free Neural Architecture Search for RNNs and Transformers, "
    "ACL 2023"
)
PROTOCOL = Protocol(inputs="none", batch_size=1, labels="none")
_WORDS = (
    "Words are drawn uniformly from the network's vocabulary, one draw for all networks, where the "
    "authors read test text; 16 sequences of 70 words, where their number is that of the "
    "benchmark's logs."
)


@dataclass(frozen=True, slots=True)
class RecurrentPass:
    """One pass of sequences of words through the recurrent layers."""

    embedded: Tensor
    """Leaf with a gradient, (T, B, embedding)."""
    outputs: Tensor
    """(T, B, outputs)."""
    states: list[Tensor]
    """Of each layer, its outputs, (T, B, width)."""


@quantity
def recurrent_pass(m: Measurement) -> RecurrentPass:
    """One forward pass with its graph, from a hidden state of zeros.

    Raises:
        Unsupported: the network is not recurrent, or its embedding or layers are not known.
        Diverged: an output is not finite.
    """
    network: Any = m.network
    embedding, layers = getattr(network, "embedding", None), getattr(network, "layers", None)
    if not callable(getattr(network, "recurrent", None)) or not isinstance(embedding, nn.Embedding):
        raise Unsupported(
            "the network is not recurrent: it has no method recurrent(x) for sequences "
            "(T, B, embedding_size) and no embedding of words"
        )
    if not isinstance(layers, nn.ModuleList | nn.Sequential):
        raise Unsupported("the network has no `layers` (a ModuleList), whose states are looked at")
    draw = m.data_generator("words")
    words = torch.randint(embedding.num_embeddings, (LENGTH, NUM_SEQUENCES), generator=draw)
    leaf = embedding.weight.detach()[words.to(m.device)].requires_grad_()
    states: list[Tensor] = []

    def note(module: nn.Module, args: object, out: Tensor | tuple[Tensor, Any]) -> None:
        states.append((out[0] if isinstance(out, tuple) else out).detach())

    with together(*(layer.register_forward_hook(note) for layer in layers)), quiet():
        outputs: Tensor = network.recurrent(leaf.clone())
    if not torch.isfinite(outputs).all():
        raise Diverged("the network's outputs are not finite")
    return RecurrentPass(leaf, outputs, states)


def _hidden_covariance(layer: int) -> Indicator:
    def covariance(m: Measurement) -> float:
        states = recurrent_pass(m).states
        if len(states) < layer:
            raise Unsupported(f"the network has {len(states)} recurrent layers, not {layer}")
        return correlation_score(
            before_each_step(states[layer - 1]), "a hidden unit has the same value always"
        )

    covariance.__name__ = f"hidden_covariance_{layer}"
    covariance.__doc__ = (
        f"Score of the correlations between the hidden units of recurrent layer {layer}, over "
        "sequences and steps; at most about minus their number."
    )
    return indicator(
        title=f"Hidden covariance, layer {layer}",
        formula="-sum_i ( ln(v_i + k) + 1/(v_i + k) ), v: eigenvalues of corr(H), H: hidden units "
        "by sequences and steps, k = 1e-5",
        reference=REFERENCE,
        needs={Need.SEQUENCES},
        protocol=PROTOCOL,
        cost="1 forward",
        deviations=_WORDS + " The first hidden state ahead of each step, as in the authors' code. "
        "A symmetric eigensolver in float64.",
    )(covariance)


for _layer in (1, 2, 3):
    _hidden_covariance(_layer)


@indicator(
    title="Jacobian cosine",
    formula="1 - sum_(i != j) |cos(J_i, J_j)|^(1/20) / (2 (B^2 - B)), J_i: gradient of the summed "
    "outputs by the embedded sequence i",
    reference=REFERENCE,
    needs={Need.SEQUENCES, Need.GRADIENTS},
    protocol=PROTOCOL,
    cost="1 forward, 1 backward",
    deviations=_WORDS + " The diagonal is left out; in the authors' code its rounding errors, to "
    "the power of 1/20, count.",
)
def jacobian_cosine(m: Measurement) -> float:
    """How far the sequences' Jacobians are from one direction, between a half and 1.

    Raises:
        Unsupported: the network is not recurrent.
        Diverged: a sequence has a Jacobian of zeros.
    """
    passed = recurrent_pass(m)
    [jacobian] = gradients_of(passed.outputs.sum(), [passed.embedded])
    [rows] = on_cpu([jacobian.transpose(0, 1).flatten(1).double()])
    norms = rows.norm(dim=1, keepdim=True)
    if not norms.min() > 0:
        raise Diverged("the outputs do not depend on one of the sequences")
    cosines = (rows / norms) @ (rows / norms).t()
    others = ~torch.eye(len(rows), dtype=torch.bool)
    return 1 - float(cosines[others].abs().pow(1 / 20).mean()) / 2


def before_each_step(outputs: Tensor) -> Tensor:
    """The hidden state ahead of each step, units by sequences and steps: first zeros.

    It is made of the outputs of a layer, (T, B, width).
    """
    states = torch.cat([torch.zeros_like(outputs[:1]), outputs[:-1]])
    return states.permute(2, 1, 0).flatten(1)
