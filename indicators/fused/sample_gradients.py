"""Gradients of single samples' outputs, through batch statistics, many samples a reverse pass."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from untrained.indicators.fused.graph import Graph, Node, Unrecordable, arguments, graph_of
from untrained.indicators.fused.kernels import Kernels, kernels_for

_WIDEST = 16
"""Channels of a convolution up to which its passes here are used: more are slower than torch's."""
_LARGEST = 1 << 22
"""Numbers of the cotangents of one map that are held at once."""


def sample_gradients(
    network: nn.Module, inputs: Tensor, parameters: dict[str, Tensor]
) -> dict[str, Tensor] | None:
    """Compute the gradient of the sum of each sample's logits with respect to each parameter.

    Batch normalisation couples the samples, so that each sample has a reverse pass of its own.
    Here the passes of many samples are one pass over larger maps. The numbers are those of a
    backward pass a sample up to rounding.

    Args:
        inputs: a batch (B, C, H, W).
        parameters: weights of the network's layers by name.

    Returns:
        (B, numel) by name, zeros where nothing depends on a parameter; None where the compiled
        passes do not exist, or the network is not float32 on a CPU, or it has other operations
        than narrow convolutions, batch statistics, ReLUs, sums, averages and linear maps, or
        computes its weights from parameters, or its logits are not finite.
    """
    passes = kernels_for(network, inputs)
    if passes is None:
        return None
    try:
        graph = graph_of(network, inputs, gradients=True)
        _check(graph, network)
        with torch.no_grad():
            return _Reverse(graph, passes, inputs, parameters).rows()
    except (MemoryError, TimeoutError):
        raise
    except Exception:  # the passes of the network itself say what is wrong with it
        return None


def _check(graph: Graph, network: nn.Module) -> None:
    """Refuse other operations, and ways of gradients to parameters that the graph does not show."""
    if not graph.follows:
        raise Unrecordable("operations without gradients")
    own = (*network.parameters(), *network.buffers())
    if any(tensor._backward_hooks for tensor in own):
        raise Unrecordable("hooks of parameters")
    known = {id(tensor) for tensor in own if tensor.is_leaf}
    for node in graph.nodes:
        if node.kind == "call" and node.function not in _READERS:
            raise Unrecordable(f"{node.function}")
        weight = node.kwargs.get("weight")
        if isinstance(weight, Tensor) and weight.dim() == 4 and max(weight.shape[:2]) > _WIDEST:
            raise Unrecordable("a wide convolution")
        for tensor in (*node.args, *node.kwargs.values()):
            if isinstance(tensor, Tensor) and id(tensor) not in known:
                raise Unrecordable("weights that are computed")


class _Reverse:
    """The maps of a network, channels outermost, and the reverse passes through them."""

    def __init__(
        self, graph: Graph, passes: Kernels, inputs: Tensor, parameters: dict[str, Tensor]
    ) -> None:
        self._graph = graph
        self._passes = passes
        self._inputs = inputs
        self._names = {id(parameter): name for name, parameter in parameters.items()}
        self._nodes = graph.needed({graph.output})
        self._maps: dict[Node, Tensor] = {}
        """(C, B, H, W), or (B, features) behind the last pooling."""
        self._back: dict[Node, Callable[[Tensor], Tensor | None]] = {}
        """Of each node with one input: cotangents of its result to those of its input."""
        self._gradients: dict[str, Tensor] = {}
        self._shapes = {name: (len(inputs), p.numel()) for name, p in parameters.items()}

    def rows(self) -> dict[str, Tensor]:
        for node in self._nodes:
            self._forward(node)
        logits = self._maps[self._graph.output]
        samples, classes = logits.shape
        if not torch.isfinite(logits).all():
            raise Unrecordable("logits that are not finite")
        most = max(math.prod(node.shape) for node in self._nodes)
        step = max(1, min(samples, _LARGEST // most))
        found: dict[str, list[Tensor]] = defaultdict(list)
        for start in range(0, samples, step):
            number = min(step, samples - start)
            cotangents = torch.zeros(number, samples, classes)
            places = torch.arange(number)
            cotangents[places, start + places] = 1
            self._gradients = {}
            self._reverse(cotangents)
            for name, (_, numel) in self._shapes.items():
                gradient = self._gradients.get(name)
                whole = torch.zeros(number, numel) if gradient is None else gradient
                found[name].append(whole.reshape(number, numel))
        return {name: torch.cat(parts) for name, parts in found.items()}

    def _reverse(self, cotangents: Tensor) -> None:
        """Go through the graph backwards, adding up the cotangents of each map."""
        of: dict[Node, Tensor] = {self._graph.output: cotangents}
        added: set[Node] = set()
        """Of which the cotangents are a sum of their own, to which more can be added in place."""
        for node in reversed(self._nodes):
            d = of.pop(node, None)
            if d is None or node.kind in ("input", "zero"):
                continue
            back = d if node.kind == "add" else self._back[node](d)
            for source in node.inputs:
                if back is None or source.kind in ("input", "zero"):
                    continue
                if source in added:
                    of[source] += back
                elif source in of:
                    of[source] = of[source] + back
                    added.add(source)
                else:
                    of[source] = back

    def _keep(self, parameter: Any, gradient: Callable[[], Tensor]) -> None:
        """Add a gradient to those of a parameter, if it is one of those that are wanted."""
        name = self._names.get(id(parameter))
        if name is not None:
            before = self._gradients.get(name)
            self._gradients[name] = gradient() if before is None else before + gradient()

    def _forward(self, node: Node) -> None:
        if node.kind == "input":
            self._maps[node] = self._inputs.transpose(0, 1).contiguous()
        elif node.kind == "zero":
            shape = node.shape
            outermost = (shape[1], shape[0], *shape[2:]) if len(shape) == 4 else shape
            self._maps[node] = torch.zeros(outermost)
        elif node.kind == "add":
            a, b = (self._maps[source] for source in node.inputs)
            self._maps[node] = a + b
        elif node.kind == "relu":
            self._relu(node)
        elif node.kind == "norm":
            self._norm(node)
        elif node.kind == "average3":
            x = self._maps[node.inputs[0]]
            self._maps[node] = functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
            self._back[node] = lambda d: self._passes.average3_backward(d.contiguous())
        else:
            _READERS[node.function](self, node)

    def _relu(self, node: Node) -> None:
        x = self._maps[node.inputs[0]]
        passing = ((x > 0) & (x < node.cap)).float()
        self._maps[node] = x.clamp(0, node.cap)
        self._back[node] = lambda d: torch.mul(d, passing, out=torch.empty(d.shape))

    def _norm(self, node: Node) -> None:
        weight, bias, _, _, training, eps = node.args
        x = self._maps[node.inputs[0]]
        if not training or x.dim() != 4:
            raise Unrecordable("a normalisation by other statistics than the batch's")
        channels = x.flatten(1).double()
        deviation = (channels.var(1, correction=0) + eps).sqrt()
        normalised = ((channels - channels.mean(1, keepdim=True)) / deviation[:, None]).float()
        normalised = normalised.view_as(x)
        gain = torch.ones(len(x)) if weight is None else weight.detach()
        shift = torch.zeros(len(x)) if bias is None else bias.detach()
        self._maps[node] = torch.addcmul(_each(shift), normalised, _each(gain))
        scale = (gain / deviation).float()

        def back(d: Tensor) -> Tensor:
            out, gains = self._passes.norm_backward(d.contiguous(), normalised, scale)
            self._keep(weight, lambda: gains)
            self._keep(bias, lambda: d.flatten(2).sum(2))
            return out

        self._back[node] = back

    def _convolution(self, node: Node) -> None:
        given = node.kwargs
        x = self._maps[node.inputs[0]]
        weight, bias = given["weight"], given.get("bias")
        stride, padding, dilation = (
            _pair(given.get(name, usual))
            for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1))
        )
        w = weight.detach()
        size = tuple(w.shape[2:])
        known = padding == (1, 1)
        if size == (1, 1):
            known = padding == (0, 0) and stride == (1, 1)
        known &= size in ((1, 1), (3, 3))
        if x.dim() != 4 or given.get("groups", 1) != 1 or dilation != (1, 1) or not known:
            raise Unrecordable("a convolution of another kind")
        if any(length % step for length, step in zip(x.shape[2:], stride, strict=True)):
            raise Unrecordable("a stride that does not divide the maps")
        images = x.transpose(0, 1)
        made = functional.conv2d(images, w, bias, stride, padding, dilation)
        self._maps[node] = made.transpose(0, 1).contiguous()
        is_first = node.inputs[0].kind == "input"

        def back_by_matrices(d: Tensor) -> Tensor | None:
            of_channel = d.reshape(*d.shape[:2], -1)
            self._keep(weight, lambda: of_channel @ x.reshape(len(x), -1).T)
            self._keep(bias, lambda: of_channel.sum(2))
            mixed = w[:, :, 0, 0].T @ of_channel
            return None if is_first else mixed.view(len(d), *x.shape)

        def back_by_neighbours(d: Tensor) -> Tensor | None:
            if stride != (1, 1):
                apart = torch.zeros(*d.shape[:3], *x.shape[2:])
                apart[..., :: stride[0], :: stride[1]] = d
                d = apart
            d = d.contiguous()
            self._keep(weight, lambda: self._passes.weights3(d, functional.pad(x, (1, 1, 1, 1))))
            self._keep(bias, lambda: d.flatten(2).sum(2))
            turned = w.flip(2, 3).transpose(0, 1).contiguous()
            return None if is_first else self._passes.correlate3(d, turned)

        self._back[node] = back_by_matrices if size == (1, 1) else back_by_neighbours

    def _scaled(self, node: Node) -> None:
        factor = node.args[1]
        self._maps[node] = self._maps[node.inputs[0]] * factor
        self._back[node] = lambda d: d * factor

    def _halved(self, node: Node) -> None:
        """Means of 2 x 2 numbers."""
        names = "input kernel_size stride padding ceil_mode count_include_pad divisor_override"
        given = arguments(names, node.args, node.kwargs)
        x = self._maps[node.inputs[0]]
        strides = {_pair(given["kernel_size"]), _pair(given.get("stride") or given["kernel_size"])}
        even = not x.shape[-1] % 2 and not x.shape[-2] % 2
        if strides != {(2, 2)} or _pair(given.get("padding", 0)) != (0, 0) or not even:
            raise Unrecordable("a pooling of another size")
        if given.get("divisor_override") is not None:
            raise Unrecordable("a pooling that divides by another number")
        self._maps[node] = functional.avg_pool2d(x, 2, 2)

        def back(d: Tensor) -> Tensor:
            *before, height, width = d.shape
            four = (d / 4)[..., None, :, None].expand(*before, height, 2, width, 2)
            return four.reshape(*before, 2 * height, 2 * width)

        self._back[node] = back

    def _averaged(self, node: Node) -> None:
        """Means of whole maps."""
        x = self._maps[node.inputs[0]]
        if x.dim() != 4 or math.prod(node.shape) != math.prod(x.shape[:2]):
            raise Unrecordable("means of parts of maps")
        if node.function is not functional.adaptive_avg_pool2d:
            axes = node.args[1] if len(node.args) > 1 else node.kwargs["dim"]
            if {axis % 4 for axis in axes} != {2, 3}:
                raise Unrecordable("means of other axes")
        keeps = len(node.shape) == 4
        size = x.shape[2] * x.shape[3]
        mean = x.mean((2, 3), keepdim=keeps)
        self._maps[node] = mean if keeps else mean.T

        def back(d: Tensor) -> Tensor:
            outermost = d if keeps else d.transpose(1, 2)[..., None, None]
            return (outermost / size).expand(len(d), *x.shape)

        self._back[node] = back

    def _flattened(self, node: Node) -> None:
        """Maps of one number a channel as a vector a sample."""
        x = self._maps[node.inputs[0]]
        if x.dim() != 4 or x.shape[2:] != (1, 1) or node.shape != (x.shape[1], x.shape[0]):
            raise Unrecordable("a view of maps")
        self._maps[node] = x[:, :, 0, 0].T
        self._back[node] = lambda d: d.transpose(1, 2)[..., None, None]

    def _linear(self, node: Node) -> None:
        given = arguments("input weight bias", node.args, node.kwargs)
        x = self._maps[node.inputs[0]]
        weight, bias = given["weight"], given.get("bias")
        if not isinstance(weight, Tensor) or x.dim() != 2:
            raise Unrecordable("a linear map of maps")
        w = weight.detach()
        self._maps[node] = functional.linear(x, w, bias)

        def back(d: Tensor) -> Tensor:
            self._keep(weight, lambda: (d.transpose(1, 2) @ x).flatten(1))
            self._keep(bias, lambda: d.sum(1))
            return d @ w

        self._back[node] = back


def _each(of_channel: Tensor) -> Tensor:
    return of_channel[:, None, None, None]


def _pair(value: Any) -> tuple[int, int]:
    first, second = value if isinstance(value, tuple | list) else (value, value)
    return int(first), int(second)


_READERS: dict[Any, Callable[[_Reverse, Node], None]] = {
    functional.conv2d: _Reverse._convolution,
    torch.conv2d: _Reverse._convolution,
    torch.mul: _Reverse._scaled,
    functional.avg_pool2d: _Reverse._halved,
    functional.adaptive_avg_pool2d: _Reverse._averaged,
    torch.mean: _Reverse._averaged,
    Tensor.mean: _Reverse._averaged,
    functional.linear: _Reverse._linear,
    **dict.fromkeys(
        (torch.flatten, Tensor.flatten, Tensor.view, Tensor.reshape, torch.reshape),
        _Reverse._flattened,
    ),
    **dict.fromkeys((Tensor.squeeze, torch.squeeze), _Reverse._flattened),
}
