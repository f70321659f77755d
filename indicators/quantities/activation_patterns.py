"""The patterns of ReLU activity over the samples of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.fused.run import PackedCodes
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.relu_calls import ReluCalls
from untrained.indicators.quantities.relu_kernels import first_batch_codes, relu_codes, signs

V = TypeVar("V")

_BITS, _OCTETS = 8, 8  # in an octet, in a word; the patterns are compared as words


@quantity
def num_activation_patterns(m: Measurement) -> int:
    """How many different patterns over the samples of the first batch ReLU units show.

    The pattern of a unit is for which of the B samples its input is above zero; units of all
    applications of a ReLU are compared. One forward pass without a graph.

    Raises:
        Unsupported: the network applies no ReLU, or an activation that cannot be read.
    """
    packed = first_batch_codes(m)
    if packed is not None and m.inputs.shape[0] <= _BITS * _OCTETS:
        return _num_packed(packed)
    words: list[Tensor] = []
    calls = ReluCalls(lambda x: words.append(_packed(relu_codes(x, len(m.inputs)))))
    with torch.no_grad():
        logits_of(m.network, m.inputs.clone(), calls)
    calls.check_relus(len(words))
    return _num_distinct(torch.cat(words, dim=1))


@quantity
def num_sign_patterns(m: Measurement) -> int:
    """As `num_activation_patterns`, of the outputs of any activations; see `sign_kernels`."""
    packed = first_batch_codes(m)
    if packed is not None and m.inputs.shape[0] <= _BITS * _OCTETS:
        return _num_packed(packed)
    words = _sign_words(m)
    if not words:
        raise Unsupported("the network applies no activation whose output takes both signs")
    return _num_distinct(torch.cat(words, dim=1))


def patterns_within(m: Measurement, first: float, last: float) -> int:
    """As `num_sign_patterns`, of the activations that are `within` an interval; 0 of none."""
    chosen = within(_sign_words(m), first, last)
    return _num_distinct(torch.cat(chosen, dim=1)) if chosen else 0


def within(items: Sequence[V], first: float, last: float) -> list[V]:
    """Select items by the share of them that is ahead of their middle."""
    return [item for place, item in enumerate(items) if first <= (place + 0.5) / len(items) <= last]


def _num_packed(codes: list[PackedCodes]) -> int:
    distinct = {id(one): one for one in codes}.values()
    patterns = torch.cat([one.patterns() for one in distinct]).numpy()
    patterns.sort()
    return int(np.count_nonzero(patterns[1:] != patterns[:-1])) + 1


def _sign_words(m: Measurement) -> list[Tensor]:
    """The packed codes of each activation, in the order of the pass."""
    words: list[Tensor] = []
    calls = signs(lambda output: words.append(_packed(relu_codes(output, len(m.inputs)))))
    with torch.no_grad():
        logits_of(m.network, m.inputs.clone(), calls)
    calls.check(smooth=True)
    return words


def _packed(codes: Tensor) -> Tensor:
    """(B, units) int8 of zeros and ones as words of up to 64 samples: (ceil(B / 64), units)."""
    weights = 2 ** torch.arange(_BITS, dtype=torch.uint8, device=codes.device)[:, None]
    # by octets: a sum of whole words would widen each code to eight bytes first
    octets = [
        (part * weights[: len(part)]).sum(0, dtype=torch.uint8)
        for part in torch.split(codes.view(torch.uint8), _BITS)
    ]
    octets += [torch.zeros_like(octets[0])] * (-len(octets) % _OCTETS)
    words = [
        torch.stack(octets[start : start + _OCTETS], dim=1).view(torch.int64)[:, 0]
        for start in range(0, len(octets), _OCTETS)
    ]
    return torch.stack(words)


def _num_distinct(words: Tensor) -> int:
    """The number of distinct columns of (W, units) int64."""
    number, places = torch.unique(words[0], return_inverse=True)
    for word in words[1:]:
        values, others = torch.unique(word, return_inverse=True)
        # the place of a pair: below units^2, which fits
        number, places = torch.unique(places * len(values) + others, return_inverse=True)
    return len(number)
