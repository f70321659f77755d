"""The graph of a network, recorded by calling it once with a tensor that has no numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules import module as hooks


class Unrecordable(Exception):
    """The network does something that the graph has no node for."""


@dataclass(slots=True, eq=False)
class Node:
    """An operation of a network and its place in the graph."""

    kind: str
    """`input`, `zero`, `relu`, `norm`, `add`, `average3`, or `call` for any other function."""
    shape: tuple[int, ...]
    inputs: tuple[Node, ...] = ()
    function: Callable[..., Any] | None = None
    """Of a call."""
    args: tuple[Any, ...] = ()
    """Of a call, with nodes in the place of tensors; of a norm as of `torch.batch_norm`."""
    kwargs: dict[str, Any] = field(default_factory=dict)
    cap: float = float("inf")
    """The upper bound of a ReLU."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes of a network in the order of its operations."""

    nodes: list[Node]
    relus: list[Node]
    """What each application of a ReLU reads, in order."""
    output: Node
    follows: bool
    """Whether gradients follow every operation: none was made where gradients are switched off."""

    def needed(self, wanted: Iterable[Node]) -> list[Node]:
        """The nodes that some of them need, these too, in the order of their operations."""
        live = set(wanted)
        for node in reversed(self.nodes):
            if node in live:
                live.update(node.inputs)
        return [node for node in self.nodes if node in live]


class _Symbol(Tensor):
    """A tensor without numbers; what is done with it is recorded."""

    node: Node
    recorder: _Recorder

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Record the call."""
        symbol = args[0] if args else None
        if type(symbol) is not _Symbol:
            symbol = _symbols((args, kwargs))[0]
        return symbol.recorder.record(func, args, kwargs or {})


class _Recorder:
    def __init__(self, shape: tuple[int, ...]) -> None:
        self.nodes: list[Node] = []
        self.relus: list[Node] = []
        self._shapes: dict[tuple[int, ...], Tensor] = {}
        self._rectified: dict[tuple[Node, float], Node] = {}
        self.follows = True
        self.input = self.symbol(Node("input", shape))

    def symbol(self, node: Node) -> _Symbol:
        self.nodes.append(node)
        return self._of(node)

    def _of(self, node: Node) -> _Symbol:
        like = self._shapes.get(node.shape)
        if like is None:
            like = self._shapes[node.shape] = torch.empty(node.shape, device="meta")
        symbol = like.as_subclass(_Symbol)
        symbol.node, symbol.recorder = node, self
        return symbol

    def record(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if func in _QUERIES or func in _PROPERTIES:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        if torch.is_autocast_enabled("cpu"):
            raise Unrecordable("another precision")
        self.follows &= torch.is_grad_enabled()
        reader = _READERS.get(func)
        if reader is None:
            raise Unrecordable(f"{getattr(func, '__name__', func)}")
        return reader(self, func, args, kwargs)

    def add(self, a: _Symbol, b: _Symbol) -> _Symbol:
        if a.node.shape != b.node.shape:
            raise Unrecordable("a sum of two shapes")
        if a.node.kind == "zero":
            return self._of(b.node)
        if b.node.kind == "zero":
            return self._of(a.node)
        return self.symbol(Node("add", a.node.shape, (a.node, b.node)))

    def relu(self, x: _Symbol, cap: float, *, in_place: bool) -> _Symbol:
        source = x.node
        self.relus.append(source)
        if source.kind == "zero":
            return x if in_place else self._of(source)
        node = self._rectified.get((source, cap))
        if node is None:
            node = self._rectified[source, cap] = Node("relu", source.shape, (source,), cap=cap)
            self.nodes.append(node)
        if not in_place:
            return self._of(node)
        self.write(x, node)
        return x

    def write(self, x: _Symbol, node: Node) -> None:
        """Let a symbol be another node, as an operation in place does."""
        if x.node.function in _VIEWS or any(
            x.node in other.inputs for other in self.nodes if other.function in _VIEWS
        ):
            raise Unrecordable("a write to a part of a tensor")
        if x.node.kind == "relu":
            raise Unrecordable("a write to what a ReLU keeps for its gradient")
        x.node = node

    def call(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> _Symbol:
        with torch._C.DisableTorchFunctionSubclass():
            like = func(*_on_meta(args), **_on_meta(kwargs))
        if not isinstance(like, Tensor):
            raise Unrecordable(f"{func} returns several tensors")
        return self.called(func, args, kwargs, tuple(like.shape))

    def called(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        shape: tuple[int, ...],
    ) -> _Symbol:
        inputs = tuple(symbol.node for symbol in _symbols((args, kwargs)))
        if func in _VIEWS | _JOINS and all(node.kind == "zero" for node in inputs):
            return self.symbol(Node("zero", shape, inputs, func))
        return self.symbol(
            Node("call", shape, inputs, func, _with_nodes(args), _with_nodes(kwargs))
        )


def _symbols(value: Any) -> list[_Symbol]:
    """The symbols among the arguments of a call."""
    if isinstance(value, _Symbol):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return [symbol for item in value for symbol in _symbols(item)]
    return []


def _with_nodes(value: Any) -> Any:
    """The arguments of a call with nodes in the place of symbols."""
    if isinstance(value, _Symbol):
        return value.node
    if isinstance(value, tuple | list):
        return tuple(map(_with_nodes, value))
    if isinstance(value, dict):
        return {name: _with_nodes(item) for name, item in value.items()}
    return value


def _on_meta(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(map(_on_meta, value))
    if isinstance(value, dict):
        return {name: _on_meta(item) for name, item in value.items()}
    if isinstance(value, Tensor) and value.device.type != "meta":
        return torch.empty_like(value, device="meta")
    return value


def arguments(names: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call by their names."""
    return dict(zip(names.split(), args, strict=False)) | kwargs


def _positions(sizes: Sequence[int], kernel: Any, given: dict[str, Any]) -> Iterator[int]:
    """Count the places of a window along each of two axes."""
    for axis in (0, 1):
        size, padding, stride, dilation = (
            value[axis % len(value)] if isinstance(value, tuple | list) else value
            for value in (
                kernel,
                *(given.get("padding", 0), given.get("stride", 1), given.get("dilation", 1)),
            )
        )
        if isinstance(padding, str):
            raise Unrecordable("a padding by name")
        yield (sizes[axis] + 2 * padding - dilation * (size - 1) - 1) // stride + 1


def _convolution(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    given = arguments("input weight bias stride padding dilation groups", args, kwargs)
    x, weight, bias = given["input"], given["weight"], given.get("bias")
    if not isinstance(x, _Symbol) or isinstance(weight, _Symbol) or isinstance(bias, _Symbol):
        raise Unrecordable("a convolution by a map")
    sizes = _positions(x.node.shape[2:], weight.shape[2:], given)
    shape = (x.node.shape[0], weight.shape[0], *sizes)
    if x.node.kind == "zero" and bias is None:
        return recorder.symbol(Node("zero", shape))
    given["input"] = x.node
    return recorder.symbol(Node("call", shape, (x.node,), func, (), given))


def _norm(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    names = "input running_mean running_var weight bias training momentum eps cudnn_enabled"
    given = arguments(names, args, kwargs)
    x, bias = given["input"], given.get("bias")
    if not isinstance(x, _Symbol) or isinstance(bias, _Symbol):
        raise Unrecordable("a normalisation by a map")
    if len(x.node.shape) not in (2, 4):  # of others the channels do not lie innermost in memory
        raise Unrecordable("a normalisation of sequences")
    training = given.get("training", False)
    if (training or given["running_mean"] is None) and prod(x.node.shape) == x.node.shape[1]:
        raise Unrecordable("a normalisation of one value")
    if training and x.node.kind == "zero" and (bias is None or not bool(bias.any())):
        return recorder.symbol(Node("zero", x.node.shape))
    numbers = tuple(given.get(name) for name in ("weight", "bias", "running_mean", "running_var"))
    args = (*numbers, training, given.get("eps", 1e-5))
    return recorder.symbol(Node("norm", x.node.shape, (x.node,), args=args))


def _relu(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    given = arguments("input inplace", args, kwargs)
    in_place = func in (torch.relu_, Tensor.relu_, functional.relu_) or given.get("inplace", False)
    cap = 6.0 if func is functional.relu6 else float("inf")
    return recorder.relu(given["input"], cap, in_place=in_place)


def _hardtanh(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    given = arguments("input min_val max_val inplace", args, kwargs)
    if given.get("min_val", -1.0) != 0 or not given.get("max_val", 1.0) > 0:
        raise Unrecordable("a hard tanh")
    cap = float(given.get("max_val", 1.0))
    return recorder.relu(given["input"], cap, in_place=given.get("inplace", False))


def _sum(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    if kwargs or len(args) != 2 or not all(isinstance(a, _Symbol) for a in args):
        raise Unrecordable("a sum with something else than a map")
    total = recorder.add(*args)
    if func in (Tensor.add_, Tensor.__iadd__):
        recorder.write(args[0], total.node)
        return args[0]  # type: ignore[no-any-return]
    return total


def _product(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    x, factor = args if isinstance(args[0], _Symbol) else args[::-1]
    if kwargs or not isinstance(factor, int | float):
        raise Unrecordable("a product")
    if factor == 0 or x.node.kind == "zero":
        return recorder.symbol(Node("zero", x.node.shape))
    return recorder.called(torch.mul, (x, factor), {}, x.node.shape)


def _average(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    names = "input kernel_size stride padding ceil_mode count_include_pad divisor_override"
    given = arguments(names, args, kwargs)
    node = given["input"].node
    if given.get("ceil_mode"):
        return recorder.call(func, args, kwargs)
    shape = _pooled_shape(node, given)
    if node.kind == "zero":
        return recorder.symbol(Node("zero", shape))
    whole = {given["kernel_size"], given.get("stride"), given.get("padding", 0)}
    usual = given.get("divisor_override") is None and not given.get("count_include_pad", True)
    if usual and whole == {3, 1} and given["stride"] == given["padding"] == 1:
        return recorder.symbol(Node("average3", node.shape, (node,)))
    return recorder.called(func, args, kwargs, shape)


def _pooled_shape(node: Node, given: dict[str, Any]) -> tuple[int, ...]:
    size = given["kernel_size"]
    *before, height, width = node.shape
    given = given | {"stride": given.get("stride") or size}
    return *before, *_positions((height, width), size, given)


# shapes of frequent calls are told here: to tell one, torch imports its compiler in two seconds


def _mean(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    """Record a mean."""
    given = arguments("input dim keepdim", args, kwargs)
    axes = given.get("dim")
    axes = (axes,) if isinstance(axes, int) else axes
    if not axes or not given.keys() <= {"input", "dim", "keepdim"}:
        return recorder.call(func, args, kwargs)
    old = given["input"].node.shape
    gone = {axis % len(old) for axis in axes}
    kept = given.get("keepdim", False)
    shape = [1 if axis in gone else n for axis, n in enumerate(old) if kept or axis not in gone]
    return recorder.called(func, args, kwargs, tuple(shape))


def _pooled(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    """Record a pooling to a size, which for one pixel is a mean."""
    given = arguments("input output_size", args, kwargs)
    size = given["output_size"]
    sizes = (size, size) if isinstance(size, int) else size
    *before, height, width = given["input"].node.shape
    own = zip(sizes, (height, width), strict=True)
    shape = (*before, *(old if new is None else new for new, old in own))
    return recorder.called(func, args, kwargs, shape)


def _maximum(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    """Record a pooling by maxima."""
    names = "input kernel_size stride padding dilation ceil_mode return_indices"
    given = arguments(names, args, kwargs)
    if given.get("ceil_mode") or given.get("return_indices"):
        return recorder.call(func, args, kwargs)
    return recorder.called(func, args, kwargs, _pooled_shape(given["input"].node, given))


def _linear(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    """Record a linear map."""
    given = arguments("input weight bias", args, kwargs)
    x, weight = given["input"], given["weight"]
    if not isinstance(x, _Symbol) or weight.ndim != 2:
        return recorder.call(func, args, kwargs)
    return recorder.called(func, args, kwargs, (*x.node.shape[:-1], weight.shape[0]))


def _joined(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    """Record a concatenation."""
    given = arguments("tensors dim", args, kwargs)
    tensors = given["tensors"]
    if given.keys() != {"tensors", "dim"} or not all(type(one) is _Symbol for one in tensors):
        return recorder.call(func, args, kwargs)
    shape = list(tensors[0].node.shape)
    shape[given["dim"]] = sum(one.node.shape[given["dim"]] for one in tensors)
    return recorder.called(func, args, kwargs, tuple(shape))


def _handed_on(recorder: _Recorder, func: Any, args: Any, kwargs: Any) -> _Symbol:
    given = arguments("input p training inplace", args, kwargs)
    if func is not nn.Identity and given.get("training", True) and given.get("p", 0.5):
        raise Unrecordable("dropout")
    return given["input"]  # type: ignore[no-any-return]


_VIEWS = frozenset(
    {
        *(torch.flatten, Tensor.flatten, Tensor.view, Tensor.reshape, torch.reshape),
        *(Tensor.squeeze, torch.squeeze, Tensor.unsqueeze, torch.unsqueeze),
        *(Tensor.contiguous, Tensor.__getitem__, Tensor.permute, Tensor.transpose, Tensor.expand),
    }
)
"""Functions whose result may share memory with their input."""
_JOINS = frozenset({torch.cat, torch.concat})

_READERS: dict[Any, Callable[..., _Symbol]] = {
    functional.conv2d: _convolution,
    torch.conv2d: _convolution,
    functional.batch_norm: _norm,
    torch.batch_norm: _norm,
    **dict.fromkeys((functional.relu, torch.relu, Tensor.relu, functional.relu6), _relu),
    **dict.fromkeys((functional.relu_, torch.relu_, Tensor.relu_), _relu),
    functional.hardtanh: _hardtanh,
    **dict.fromkeys((torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__), _sum),
    **dict.fromkeys((Tensor.add_, Tensor.__iadd__), _sum),
    **dict.fromkeys((torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__), _product),
    functional.avg_pool2d: _average,
    functional.adaptive_avg_pool2d: _pooled,
    **dict.fromkeys((torch.mean, Tensor.mean), _mean),
    **dict.fromkeys((functional.max_pool2d, torch.max_pool2d), _maximum),
    functional.linear: _linear,
    **dict.fromkeys(_JOINS, _joined),
    functional.dropout: _handed_on,
    functional.dropout2d: _handed_on,
    **dict.fromkeys((*(functional.pad, functional.interpolate, *_VIEWS),), _Recorder.call),
}
_QUERIES = {Tensor.size, Tensor.dim, Tensor.numel, Tensor.__len__, Tensor.is_floating_point}
_PROPERTIES = {getattr(Tensor, name).__get__ for name in ("shape", "ndim", "dtype", "is_cuda")}


def graph_of(
    network: nn.Module,
    inputs: Tensor,
    forward: Callable[[Any], object] | None = None,
    *,
    gradients: bool = False,
) -> Graph:
    """Record the graph of a network.

    The network is called once, in the mode in which it is. Of its parameters' numbers it counts
    only whether the shifts of a normalisation are zero.

    Args:
        inputs: a batch (B, C, H, W), of which the shape counts.
        forward: what is called, by default the network.
        gradients: whether gradients are switched on while it is called.

    Raises:
        Unrecordable: the network calls a function that is not known, or has hooks, or its result
            is not one tensor.
    """
    if _sees_tensors(network):
        raise Unrecordable("code that sees the tensors")
    recorder = _Recorder(tuple(inputs.shape))
    with torch.set_grad_enabled(gradients):
        output = (forward or network)(recorder.input)
    if not isinstance(output, _Symbol):
        raise Unrecordable("a result that is not a tensor")
    return Graph(recorder.nodes, recorder.relus, output.node, recorder.follows)


def _sees_tensors(network: nn.Module) -> bool:
    """Whether hooks or scripted code see the tensors themselves."""
    if any(
        getattr(hooks, f"_global_{kind}_hooks")
        for kind in ("forward", "forward_pre", "backward", "backward_pre")
    ):
        return True
    return any(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or isinstance(module, torch.jit.ScriptModule)
        for module in network.modules()
    )
