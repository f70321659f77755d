"""What the compiled passes read off forward passes of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from untrained.indicators.fused.graph import Graph, graph_of
from untrained.indicators.fused.kernels import Kernels, kernels_for
from untrained.indicators.fused.run import PackedCodes, Run

_T = TypeVar("_T")


def packed_codes(network: nn.Module, inputs: Tensor) -> list[PackedCodes] | None:
    """Compute the codes of every application of a ReLU to a batch (B, C, H, W), in order.

    Returns:
        One entry an application; None where the compiled passes or a graph do not exist: the
        network or the inputs are not float32 on a CPU, or the network does something else than
        convolutions, normalisations, sums, poolings and ReLUs, or its numbers are not finite.
    """

    def read(graph: Graph, passes: Kernels) -> list[PackedCodes] | None:
        if not graph.relus or any(node.shape[0] != len(inputs) for node in graph.relus):
            return None
        return Run(graph, passes, inputs, codes=True).codes

    return _read(read, network, network, inputs)


def outputs_and_variances(
    network: nn.Module, forward: Callable[[Tensor], Tensor], batches: Sequence[Tensor]
) -> tuple[list[Tensor], list[Tensor]] | None:
    """Compute what several batches become, and the variances that the first is normalised by.

    Args:
        network: whose modules are called.
        forward: what is called, which may stand for a part of the network.
        batches: of one shape, (B, C, H, W).

    Returns:
        For each batch its result. For each normalisation by the batch's statistics, but not for
        those of zeros, the biased variances of the channels of its input, (C,) float64. None where
        `packed_codes` gives none.
    """

    def read(graph: Graph, passes: Kernels) -> tuple[list[Tensor], list[Tensor]]:
        runs = [Run(graph, passes, x, norms=x is batches[0]) for x in batches]
        return [run.output for run in runs], runs[0].variances

    return _read(read, network, forward, batches[0])


def _read(
    read: Callable[[Graph, Kernels], _T | None],
    network: nn.Module,
    forward: Callable[[Tensor], object],
    inputs: Tensor,
) -> _T | None:
    passes = kernels_for(network, inputs)
    if passes is None:
        return None
    try:
        graph = graph_of(network, inputs, forward)
        with torch.no_grad():
            return read(graph, passes)
    except (MemoryError, TimeoutError):
        raise
    except Exception:  # the pass of the network itself says what is wrong with it
        return None
