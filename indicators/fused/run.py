"""A run through the recorded graph of a network, one pass over memory a node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from untrained.indicators.fused.graph import Graph, Node, Unrecordable, graph_of
from untrained.indicators.fused.kernels import Kernels, Term, kernels, kernels_for

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PackedCodes:
    """The binary codes of one ReLU's units for each sample of a batch."""

    words: Tensor
    """(B, ceil(units / 64)) int64; a bit is set where the input is above zero."""
    units: int
    """Of a sample."""
    axes: int
    """Of the ReLU's input, the batch included."""

    def agreement(self) -> Tensor:
        """Return in how many units each two samples agree, (B, B) float64, exact."""
        passes = kernels()
        assert passes is not None
        return passes.agreement(self.words, self.units)

    def patterns(self) -> Tensor:
        """Return over which of at most 64 samples each unit is active, (units,) int64."""
        passes = kernels()
        assert passes is not None
        return passes.transpose(self.words, self.units)


class NotFinite(Exception):
    """A map of the network has infinite or undefined numbers."""


class Run:
    """One run through a graph; a result is dropped when nothing needs it any more.

    Convolutions are torch's; what lies between two of them is one pass over memory: statistics,
    normalisation, sum, ReLU and signs. Sums with zeros are left out, and so is what nothing wanted
    depends on. The numbers are those of the network's forward pass up to rounding.
    """

    def __init__(
        self,
        graph: Graph,
        passes: Kernels,
        inputs: Tensor,
        *,
        codes: bool = False,
        norms: bool = False,
    ) -> None:
        """Run.

        Args:
            codes: whether the codes of ReLUs are wanted.
            norms: whether the variances in front of normalisations are wanted.

        Raises:
            NotFinite: a map has infinite or undefined numbers.
            Unrecordable: a map is rectified with and without an upper bound.
        """
        self._graph = graph
        self._passes = passes
        self._inputs = inputs
        self._read = set(graph.relus) if codes else set()
        live = {graph.output, *self._read}
        if norms:
            live.update(node for node in graph.nodes if node.kind == "norm")
        nodes = graph.needed(live)
        self._uses = Counter(node for user in nodes for node in user.inputs)
        self._uses[graph.output] += 1
        self._as_sum = Counter(node for user in nodes if user.kind == "add" for node in user.inputs)
        relus = [node for node in nodes if node.kind == "relu"]
        self._relus = {node.inputs[0]: node for node in relus}
        if len(self._relus) < len(relus):
            raise Unrecordable("a ReLU with and without an upper bound")
        self._values: dict[Node, Tensor] = {}
        self._terms: dict[Node, list[Term]] = {}
        self._rectified: dict[Node, Tensor] = {}
        self._codes: dict[Node, PackedCodes] = {}
        self.variances: list[Tensor] = []
        """Biased, of each channel of what a normalisation is applied to, in order; (C,) float64.
        Without those of zeros."""
        for node in nodes:
            self._do(node)
            for source in node.inputs:
                self._uses[source] -= 1
                if not self._uses[source]:
                    self._values.pop(source, None)
                    self._terms.pop(source, None)
        if not torch.isfinite(self._value(self._graph.output)).all():
            raise NotFinite

    @property
    def codes(self) -> list[PackedCodes]:
        """The codes of every application of a ReLU, in order."""
        return [self._codes[node] for node in self._graph.relus]

    @property
    def output(self) -> Tensor:
        """What the network returns."""
        return self._value(self._graph.output)

    def _do(self, node: Node) -> None:
        if node.kind == "zero":
            if node in self._read:
                units = prod(node.shape[1:])
                words = torch.zeros(node.shape[0], -(-units // 64), dtype=torch.int64)
                self._codes[node] = PackedCodes(words, units, len(node.shape))
        elif node.kind == "input":
            self._keep(node, [Term(_innermost(self._inputs))])
        elif node.kind == "relu":
            self._keep(node, [Term(self._rectified.pop(node.inputs[0]))])
        elif node.kind == "norm":
            self._keep(node, [self._norm(node)])
        elif node.kind == "add":
            self._keep(node, [term for source in node.inputs for term in self._sum_of(source)])
        elif node.kind == "average3":
            self._keep(node, [Term(self._passes.average3(self._value(node.inputs[0])))])
        else:
            assert node.function is not None
            result = node.function(*self._numbers(node.args), **self._numbers(node.kwargs))
            self._keep(node, [Term(_innermost(result))])

    def _keep(self, node: Node, terms: list[Term]) -> None:
        """Keep a sum of terms, and what is wanted of it: its value, its ReLU, its codes."""
        is_value = len(terms) == 1 and terms[0].scale is None
        sums = self._as_sum[node]
        relu = self._relus.get(node)
        others = self._uses[node] - sums - (relu is not None)
        read = relu is not None or node in self._read
        cheaper = read and sums > 0 and len(terms) > 2  # one number is written, several read again
        value = not is_value and (others > 0 or sums > 1 or cheaper)
        if value or read:
            made, rectified, words = self._passes.node(
                terms,
                value=value,
                relu=relu is not None,
                codes=node in self._read,
                cap=relu.cap if relu else float("inf"),
            )
            if rectified is not None:
                self._rectified[node] = rectified
            if words is not None:
                units, axes = prod(node.shape[1:]), len(node.shape)
                self._codes[node] = PackedCodes(words, units, axes)
            if made is not None:
                terms, is_value = [Term(made)], True
        if is_value:
            self._values[node] = terms[0].tensor
        else:
            self._terms[node] = terms

    def _sum_of(self, node: Node) -> list[Term]:
        return [Term(self._values[node])] if node in self._values else self._terms[node]

    def _value(self, node: Node) -> Tensor:
        if node.kind == "zero":
            return _innermost(torch.zeros(node.shape))
        return self._values[node]

    def _numbers(self, value: Any) -> Any:
        if isinstance(value, Node):
            return self._value(value)
        if isinstance(value, tuple):
            return tuple(map(self._numbers, value))
        if isinstance(value, dict):
            return {name: self._numbers(item) for name, item in value.items()}
        return value

    def _norm(self, node: Node) -> Term:
        weight, bias, running_mean, running_var, training, eps = node.args
        x = self._value(node.inputs[0])
        if training or running_mean is None:
            mean, var = self._passes.statistics(x)
            self.variances.append(var)
        else:
            mean, var = running_mean.double(), running_var.double()
        if not torch.isfinite(mean.sum() + var.sum()):
            raise NotFinite
        scale = (var + eps).rsqrt()
        if weight is not None:
            scale = scale * weight.detach().double()
        shift = -mean * scale
        if bias is not None:
            shift = shift + bias.detach().double()
        return Term(x, scale.float(), shift.float())


def _innermost(tensor: Tensor) -> Tensor:
    """The tensor with its channels innermost in memory."""
    if tensor.dim() == 4:
        return tensor.contiguous(memory_format=torch.channels_last)
    return tensor.contiguous()


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
