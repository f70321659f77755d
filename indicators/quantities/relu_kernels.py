"""Kernels of the binary ReLU codes, one for each application of a ReLU."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.account.activation_calls import GATES, ActivationCalls
from untrained.indicators.fused.run import PackedCodes, packed_codes
from untrained.indicators.quantities.forward import logits_of
from untrained.indicators.quantities.quiet import quiet
from untrained.indicators.quantities.relu_calls import ReluCalls

_EXACT_FLOAT32 = 2**24


@dataclass(frozen=True, slots=True)
class ReluKernel:
    """How many units of one ReLU agree between each two samples."""

    agreeing: Tensor
    """(B, B) float64; units that are active for both samples or inactive for both."""
    num_units: int


def agreement(codes: Tensor) -> Tensor:
    """K = c c^T + (1-c)(1-c)^T of binary codes (B, D) int8, (B, B) float64, exact.

    From one product: with G = c c^T, whose diagonal r counts the active units,
    K = 2 G - r 1^T - 1 r^T + D.
    """
    exact = torch.float32 if codes.shape[1] < _EXACT_FLOAT32 else torch.float64
    floats = codes.to(exact)
    both_active = (floats @ floats.t()).double()
    active = both_active.diagonal()
    return 2 * both_active - active[:, None] - active[None, :] + codes.shape[1]


def relu_codes(inputs: Tensor, batch_size: int) -> Tensor:
    """The code of each sample, (B, units) int8: whether a ReLU's input (B, ...) is above zero.

    Exactly zero counts as inactive. The order of the units is that of memory, the same for all
    samples.

    Raises:
        Unsupported: the first axis is not the batch.
    """
    if inputs.dim() == 0 or inputs.shape[0] != batch_size:
        raise Unsupported(
            f"a ReLU is applied to a tensor of shape {tuple(inputs.shape)}, whose first axis is "
            f"not the batch of {batch_size}"
        )
    active = inputs.detach() > 0
    if active.dim() == 4 and active.is_contiguous(memory_format=torch.channels_last):
        active = active.permute(0, 2, 3, 1)
    return active.reshape(batch_size, -1).view(torch.int8)


class _KernelCollector:
    """Computes the kernel of each ReLU input, of a tensor that several ReLUs read only once."""

    def __init__(self, batch_size: int) -> None:
        self.kernels: list[ReluKernel] = []
        self._batch_size = batch_size
        self._known: dict[int, tuple[weakref.ref[Tensor], int, ReluKernel]] = {}

    def see(self, inputs: Tensor) -> None:
        known = self._known.get(id(inputs))
        # the same object, still alive and not written to since: the same codes
        if known is None or known[0]() is not inputs or known[1] != inputs._version:
            codes = relu_codes(inputs, self._batch_size)
            kernel = ReluKernel(agreement(codes), codes.shape[1])
            known = (weakref.ref(inputs), inputs._version, kernel)
            self._known[id(inputs)] = known
        self.kernels.append(known[2])


def codes_of(m: Measurement, inputs: Tensor) -> list[PackedCodes] | None:
    """The codes of all ReLUs by compiled passes; None where these do not exist.

    The network's own pass is then the way, and says what is wrong if something is.
    """
    try:
        with quiet():
            return packed_codes(m.network, inputs)
    except Unsupported:  # the network draws random numbers
        return None
    finally:
        m.restore_buffers()  # a module may keep what it was called with


@quantity
def first_batch_codes(m: Measurement) -> list[PackedCodes] | None:
    """The codes of the first batch; see `codes_of`."""
    return codes_of(m, m.inputs)


def _of_packed(codes: list[PackedCodes]) -> list[ReluKernel]:
    made = {id(one): ReluKernel(one.agreement(), one.units) for one in codes}
    return [made[id(one)] for one in codes]


@quantity
def relu_kernels(m: Measurement) -> list[ReluKernel]:
    """The code kernels of the first batch in the order in which the ReLUs are applied.

    One forward pass without a graph.

    Raises:
        Unsupported: the network applies no ReLU, or an activation that cannot be read.
    """
    packed = first_batch_codes(m)
    if packed is not None:
        return _of_packed(packed)
    collector = _KernelCollector(m.inputs.shape[0])
    calls = ReluCalls(collector.see)
    with torch.no_grad():
        logits_of(m.network, m.inputs.clone(), calls)
    calls.check_relus(len(collector.kernels))
    return collector.kernels


@quantity
def sign_kernels(m: Measurement) -> list[ReluKernel]:
    """As `relu_kernels`, of any activations: a unit's code is whether its output is above zero.

    ReLU and all activations whose output takes both signs; no gates, as sigmoid, and no softmax.

    Raises:
        Unsupported: the network applies none, or what may be one cannot be read.
    """
    packed = first_batch_codes(m)
    if packed is not None:  # only ReLUs
        return _of_packed(packed)
    collector = _KernelCollector(m.inputs.shape[0])
    with torch.no_grad():
        logits_of(m.network, m.inputs.clone(), calls := signs(collector.see))
    calls.check(smooth=True)
    if not collector.kernels:
        raise Unsupported("the network applies no activation whose output takes both signs")
    return collector.kernels


def signs(see: Callable[[Tensor], None]) -> ActivationCalls:
    """A mode that hands on the output of every activation that is no gate."""

    def after(name: str, output: Tensor) -> None:
        if name not in GATES:
            see(output)

    return ActivationCalls(after=after)
