"""An account of a forward pass: what it applies, and what part every parameter has in it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge
from torch.overrides import TorchFunctionMode
from torch.utils.weak import TensorWeakRef

from untrained.foundation import Unsupported
from untrained.indicators.account.activation_calls import PARTS, ActivationCalls
from untrained.indicators.account.applications import Application, Made, Place
from untrained.indicators.account.known_modules import scripted
from untrained.indicators.account.torch_functions import (
    JOINED,
    KINDS,
    LAYOUT,
    OF_LAST_AXIS,
    PARTED,
    PRODUCTS,
    RECURRENT,
    SCALES,
    SHIFTS,
    SILENT,
    TRANSPOSED,
    VIEWS,
    WEIGHTS,
    asks_in_place,
    einsum_channels,
    exchanged,
    gain_of,
    is_part_of_norm,
    name_of,
    opened,
    order_of_axes,
    tensors_in,
)


@dataclass(frozen=True, slots=True)
class _Trace:
    """What is known of a tensor of the pass."""

    account: Account
    made: Made | None
    """None: it depends on the input, or on a linear map."""
    batch: Place | None = None
    channels: int | None = None
    record: Application | None = None
    """The linear map whose output it is."""
    parted: bool = False
    """Whether it is of some samples alone, so that no axis is the batch's, whatever its size."""


class Account(TorchFunctionMode):
    """While entered, records every application of a linear map, normalisation and activation.

    A linear map is known by what is computed, not by the class of a module: a function of torch
    that is linear in one of its arguments, called with one that is made of parameters alone. Such
    a weight is a parameter, or what is computed of some: under weight normalisation, a pruning
    mask or a low-rank update, or as a part of a larger one.
    """

    def __init__(
        self,
        network: nn.Module,
        inputs: Tensor,
        *,
        parameters: Mapping[str, Tensor] | None = None,
        kinds: frozenset[str] = frozenset({"map"}),
        replace: Callable[[Made, Tensor], Tensor] | None = None,
        bypass_norms: bool = False,
    ) -> None:
        """Prepare for one pass.

        Args:
            inputs: what the network is called with, the batch first.
            parameters: by name, if the network is called with others than its own.
            kinds: of what is recorded; see `Application.kind`.
            replace: given a weight that is no parameter and its form as it is applied, what is to
                be applied instead.
            bypass_norms: whether normalisations hand their inputs on.
        """
        super().__init__()
        named = dict(network.named_parameters()) if parameters is None else parameters
        self._network = network
        self._own = {id(p): Made((name,), name, p) for name, p in named.items()}
        self._tensors = list(named.values())  # so that their ids stay theirs
        self._places = {name: place for place, name in enumerate(named)}
        self._kinds = kinds
        self._replace = replace
        self._bypass_norms = bypass_norms
        self._grad = torch.is_grad_enabled()
        self._batch_size = len(inputs)
        self._by_storage: dict[int, list[Application]] = {}
        self.applications: list[Application] = []
        self.weights: dict[Hashable, list[Made]] = {}
        """The weights of linear maps; one that is computed anew for each application as often."""
        self.unread: dict[str, str] = {}
        """Parameters used in a way that is not known, and the function that uses them."""
        self.gains: set[str] = set()
        """Parameters by which a function of torch scales what it has normalised."""
        self.scales: set[str] = set()
        """Parameters by which something else is scaled."""
        self.written_norms: list[str] = []
        """Functions of data that may be parts of a normalisation written out."""
        self.fused: list[str] = []
        """Functions that apply several linear maps inside, as an LSTM's."""
        self.used: set[str] = set()
        self.last_input: Tensor | None = None
        """What the last linear map is applied to."""
        self.logits: Tensor | None = None
        """With the graph, in which parameters are looked for that were not seen in use."""
        self._traced: list[TensorWeakRef] = []
        self._entered = 0
        self._mark(inputs, _Trace(self, None, (0, 1)))

    @property
    def maps(self) -> list[Application]:
        """The linear maps, in the order of their applications."""
        return [a for a in self.applications if a.kind == "map"]

    def check(self, *, each: bool = False) -> None:
        """Raise unless the part of every parameter is known.

        Args:
            each: whether every application of a linear map must have been seen by itself.

        Raises:
            Unsupported: as said; the text names what is not known.
        """
        if (name := scripted(self._network)) is not None:
            raise Unsupported(
                f"the module {name!r} is scripted or traced, and this indicator cannot look into "
                "it; measure the network before torch.jit.script or torch.jit.trace"
            )
        for name, function in self.unread.items():
            raise Unsupported(
                f"the parameter {name!r} enters the network by `{function}`, where it is known "
                "neither as the weight of a linear map nor as a bias, a scale or a part of a "
                "normalisation"
            )
        if self.logits is not None:
            root = [self.logits.grad_fn] if self.logits.grad_fn is not None else []
            for node in walk(root, children_of):
                made = self._own.get(id(getattr(node, "variable", None)))
                if made is not None and made.names[0] not in self.used:
                    raise Unsupported(
                        f"the parameter {made.names[0]!r} changes the logits by an operation that "
                        "is not seen, in scripted or compiled code for instance"
                    )
        if each and self.fused:
            raise Unsupported(
                f"`{self.fused[0]}` applies several linear maps inside of one function, and this "
                "indicator looks at the output of each"
            )
        self.check_reached(weights=True)

    def check_norms(self) -> None:
        """Raise if a normalisation may be written out.

        Raises:
            Unsupported: as said.
        """
        if self.written_norms:
            raise Unsupported(
                f"the network computes `{self.written_norms[0]}` of what depends on the input, "
                "which may write a normalisation in a way that cannot be read; write it as a "
                "function of torch, as torch.nn.functional.layer_norm"
            )

    def check_reached(self, *, weights: bool = False) -> None:
        """Raise unless every linear map is applied where gradients are taken.

        Args:
            weights: whether the weights must have a gradient, too.

        Raises:
            Unsupported: as said.
        """
        for a in self.maps:
            if a.cut or (weights and a.weight and self._grad and not a.weight.tensor.requires_grad):
                raise Unsupported(
                    f"`{a.operation}` applies a weight made of {_listed(a.weight)} where gradients "
                    "are switched off, so that its gradient is unknown, not zero"
                )

    @contextmanager
    def of_leaves(self, calls: ActivationCalls) -> Iterator[Account]:
        """While entered, record what each module without children returns, as a `module`.

        What such a module calls is not recorded by itself, and need not be read.
        """
        inside: list[nn.Module] = []
        unread = [0]
        kinds = self._kinds

        def begin(module: nn.Module, args: object) -> None:
            if not inside:
                unread[0] = len(calls.kinks)
            inside.append(module)
            self._kinds = frozenset({"module"})

        def end(module: nn.Module, args: object, output: object) -> None:
            inside.pop()
            if not inside:
                del calls.kinks[unread[0] :]
            if isinstance(output, Tensor) and not inside:
                trace = self._trace(output) or _Trace(self, None)
                if trace.made is None:
                    self._record(self._activation(type(module).__name__, output, trace, "module"))
            self._kinds = self._kinds if inside else kinds

        with ExitStack() as stack:
            for module in self._network.modules():
                is_leaf = next(module.children(), None) is None
                if is_leaf and not isinstance(module, torch.jit.ScriptModule):
                    stack.enter_context(module.register_forward_pre_hook(begin, prepend=True))
                    stack.enter_context(module.register_forward_hook(end))
            yield stack.enter_context(self)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: PLR0911, PLR0912 - the kinds of calls
        """Pass every call on, and take it into account."""
        kwargs = kwargs or {}
        name, in_place = name_of(func)
        if name in SILENT:
            return func(*args, **kwargs)
        if name == "multi_head_attention_forward":
            with self:
                return opened(func)(*args, **kwargs)
        if in_place or (name in KINDS and asks_in_place(args, kwargs)):
            self._before_write(args[0])
        made: list[Made] = []
        data: list[Tensor] = []
        for tensor in tensors_in(args, kwargs):
            trace = self._trace(tensor)
            if trace is not None and trace.made is not None:
                made.append(trace.made)
            elif trace is not None:
                data.append(tensor)
        if made and any(map(_is_wrapped, tensors_in(args, kwargs))):
            self.unread |= {one: f"{name} within torch.func" for m in made for one in m.names}
            return func(*args, **kwargs)
        if made and name in WEIGHTS:
            return self._apply(func, name, args, kwargs)
        if self._bypass_norms and KINDS.get(name) == "norm":
            return args[0] if args else kwargs["input"]
        if made and data and name in PRODUCTS:
            return self._multiply(func, name, args, kwargs, made)
        if data and is_part_of_norm(name, args):
            self.written_norms.append(name)
        output = func(*args, **kwargs)
        if made and not data and name not in RECURRENT:
            self._derive(name, args, kwargs, made, output)
            return output
        if made:
            self._use(name, args, made, data, output)
            if KINDS.get(name) == "norm":
                gain = gain_of(func, args, kwargs)
                self.gains.update(one for m in made if m.tensor is gain for one in m.names)
            if name == "add" and len(made) == len(data) == 1:
                self._add_bias(data[0], made[0], output)
        if data:
            parts = self._parts(func, args, kwargs) if name in PARTED else None
            self._follow(name, in_place, args, data, output, parts=parts)
        return output

    def _add_bias(self, data: Tensor, made: Made, output: Tensor) -> None:
        """Count a bias that is added to the output of a linear map as a part of it."""
        trace = self._trace(data)
        record = None if trace is None else trace.record
        if trace is None or record is None or record.biased or trace.channels is None:
            return
        if made.tensor.numel() == output.shape[trace.channels] and output.shape == data.shape:
            record.biased = True
            record.channels, record.batch = trace.channels, trace.batch
            record.tensor = output.detach()
            record.edge = get_gradient_edge(output) if output.requires_grad else None
            self._by_storage.setdefault(output.untyped_storage().data_ptr(), []).append(record)

    def _activation(
        self, name: str, output: Tensor, trace: _Trace | None, kind: str = "activation"
    ) -> Application:
        channels = trace.channels if trace is not None else None
        channels = channels or (1 - output.dim() if output.dim() == 4 else -1)
        batch = self._place(trace, output, channels)
        return Application(kind, name, output, channels, batch)

    def activations(self) -> ActivationCalls:
        """A mode that records activations, to be entered inside of this one."""
        sources: list[_Trace | None] = []

        def before(name: str, x: Tensor) -> None:
            sources.append(self._trace(x))

        def after(name: str, output: Tensor) -> None:
            last = self.applications[-1] if self.applications else None
            if name in PARTS and last is not None and last.operation == PARTS[name]:
                self.applications.pop()  # the product of x and this is what is meant
            self._record(self._activation(name, output, sources.pop()))

        return ActivationCalls(before, after)

    def __enter__(self) -> Account:
        """Begin the pass, or go on inside of a function that is opened."""
        self._entered += 1
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: object) -> None:
        """End the pass, and forget what is known of its tensors.

        A tensor that the graph keeps would otherwise hold this account, and this account the graph:
        a circle through torch's own memory, which Python's garbage collector cannot see.
        """
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._entered -= 1
        if self._entered:
            return
        for reference in self._traced:
            tensor = reference()
            trace = getattr(tensor, "_account", None)
            if trace is not None and trace.account is self:
                del tensor._account
        self._traced.clear()

    def _mark(self, tensor: Tensor, trace: _Trace) -> None:
        tensor._account = trace  # type: ignore[attr-defined]
        self._traced.append(TensorWeakRef(tensor))

    def _trace(self, tensor: Tensor) -> _Trace | None:
        own = self._own.get(id(tensor))
        if own is not None:
            return _Trace(self, own)
        trace: _Trace | None = getattr(tensor, "_account", None)
        return trace if trace is not None and trace.account is self else None

    def _made(self, tensor: Any) -> Made | None:
        trace = self._trace(tensor) if isinstance(tensor, Tensor) else None
        return None if trace is None else trace.made

    def _before_write(self, tensor: Any) -> None:
        """Copy what was recorded of a tensor that is about to be written to."""
        if isinstance(tensor, Tensor):
            for record in self._by_storage.pop(tensor.untyped_storage().data_ptr(), ()):
                record.tensor = record.tensor.clone()

    def _parts(self, func: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> _Trace | None:
        """Where the samples are after a tensor is taken apart; None: it is not known."""
        trace = self._trace(args[0]) if args and isinstance(args[0], Tensor) else None
        if trace is None or trace.batch is None or any(tensors_in(args[1:], kwargs)):
            return None
        axis, outer = trace.batch
        like = torch.empty(args[0].shape, device="meta")
        part = next(tensors_in((func(like, *args[1:], **kwargs),), {}), None)
        if part is None:
            return None
        # contiguous: each axis has a stride of its own, by which it is found again
        wanted = like.stride(axis), like.shape[axis]
        axes = list(zip(part.stride(), part.shape, strict=True))
        if wanted not in axes:
            return _Trace(self, None, parted=True)
        return _Trace(self, None, (axes.index(wanted), outer))

    def _follow(
        self,
        name: str,
        in_place: bool,
        args: Any,
        data: list[Tensor],
        output: Any,
        *,
        parts: _Trace | None,
    ) -> None:
        """Note that an output depends on the input, and record it if it is of a known kind."""
        outputs = [args[0]] if in_place and isinstance(args[0], Tensor) else []
        first = self._trace(data[0])
        assert first is not None
        for tensor in [*tensors_in((output,), {}), *outputs]:
            batch, channels, record = first.batch, first.channels, None
            parted = first.parted and name not in JOINED
            if name in TRANSPOSED or name in VIEWS or tensor.dim() != data[0].dim():
                if batch is not None:
                    batch = self._moved(name, args, batch, data[0], tensor)
                channels = _channels_after(name, args, channels, data[0], tensor)
                record = None if channels is None else first.record
            if parts is not None:
                batch, parted = parts.batch, parts.parted
            kind = KINDS.get(name)
            if kind in ("norm", "pooling", "table"):
                channels = -1 if name in OF_LAST_AXIS else 1 - tensor.dim()
            trace = _Trace(self, None, batch, channels, record, parted)
            batch = self._place(trace, tensor, channels)
            self._mark(tensor, replace(trace, batch=batch))
            if kind not in (None, "activation") and tensor is output and tensor.is_floating_point():
                self._record(Application(kind, name, tensor, channels, batch))

    def _place(self, trace: _Trace | None, tensor: Tensor, channels: int | None) -> Place | None:
        """Where the samples are: as said if that fits, else the first axis of their number."""
        size = self._batch_size
        if trace is not None and trace.parted:
            return None
        if trace is not None and trace.batch is not None:
            axis, outer = batch = trace.batch
            if axis < tensor.dim() and tensor.shape[axis] % (outer * size) == 0:
                return batch
        skipped = None if channels is None else channels % max(tensor.dim(), 1)
        sizes = enumerate(tensor.shape)
        return next(((a, 1) for a, s in sizes if a != skipped and s == size), None)

    def _moved(
        self, name: str, args: Any, batch: Place, before: Tensor, after: Tensor
    ) -> Place | None:
        """Where the samples are after a transposition or another view of the same numbers."""
        axis, outer = batch
        if name in TRANSPOSED:
            order = order_of_axes(name, args, before.dim())
            return None if order is None else (order.index(axis), outer)
        if name not in VIEWS or before.numel() != after.numel():
            return None
        ahead, product = prod(before.shape[:axis]) * outer, 1
        for place, size in enumerate(after.shape):
            if ahead % product == 0 and size % (ahead // product * self._batch_size) == 0:
                return place, ahead // product
            product *= size
        return None

    def _record(self, record: Application) -> None:
        if record.kind not in self._kinds:
            return
        tensor = record.tensor
        record.edge = get_gradient_edge(tensor) if tensor.requires_grad else None
        record.cut = self._grad and not torch.is_grad_enabled()
        record.tensor = tensor.detach()
        self.applications.append(record)
        self._by_storage.setdefault(tensor.untyped_storage().data_ptr(), []).append(record)

    def _apply(
        self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """A function with an argument of its own for the weight."""
        place, parameter, channels = WEIGHTS[name]
        weight = args[place] if len(args) > place else kwargs.get(parameter)
        made = self._made(weight)
        others = [m for t in tensors_in(args, kwargs) if t is not weight and (m := self._made(t))]
        first = args[0] if args else kwargs.get("input")
        if made is None:
            output = func(*args, **kwargs)
            of_input = self._made(first)
            self.unread |= dict.fromkeys(of_input.names if of_input else (), name)
        else:
            assert isinstance(weight, Tensor)
            self._weigh(made, name)
            applied = self._replaced(made, weight)
            if len(args) > place:
                output = func(*args[:place], applied, *args[place + 1 :], **kwargs)
            else:
                output = func(*args, **{**kwargs, parameter: applied})
        self.used.update(one for m in others for one in m.names)
        biased = (args[place + 1] if len(args) > place + 1 else kwargs.get("bias")) is not None
        record = Application("map", name, output, channels, None, made, biased=biased)
        self._output(record, weight, first)
        return output

    def _multiply(
        self,
        func: Callable[..., Any],
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        made: list[Made],
    ) -> Any:
        """A product of something that depends on the input, and of something made."""
        operands, biased = list(tensors_in(args, kwargs)), False
        if name.startswith(("add", "baddbmm")):
            biased = True
            bias = self._made(operands.pop(0))
            self.used.update(bias.names if bias else ())
        weights = [t for t in operands if self._made(t)]
        if len(weights) != 1:
            self.unread |= {one: name for m in made for one in m.names} if weights else {}
            output = func(*args, **kwargs)
            self._output(Application("map", name, output, -1, None), None, operands[0])
            return output
        (weight,) = weights
        of_weight = self._made(weight)
        assert of_weight is not None
        self._weigh(of_weight, name)
        applied = self._replaced(of_weight, weight)
        if applied is not weight:
            args = exchanged(args, weight, applied)
            kwargs = {k: applied if v is weight else v for k, v in kwargs.items()}
        output = func(*args, **kwargs)
        left = (operands[0] is weight) != (name == "rmatmul")
        channels: int | None = -2 if left and output.dim() > 1 and operands[1].dim() > 1 else -1
        if name == "einsum":
            channels = einsum_channels(args, weight if applied is weight else applied)
        elif name == "tensordot":
            channels = None
        data = next(t for t in operands if t is not weight)
        record = Application("map", name, output, channels, None, of_weight, biased=biased)
        self._output(record, weight, data)
        return output

    def _output(self, record: Application, weight: Any, data: Any) -> None:
        """Note the output of a linear map; it is recorded if its weight is made of parameters."""
        output, channels = record.tensor, record.channels
        before = self._trace(data) if isinstance(data, Tensor) else None
        known = before is not None and (before.parted or data.dim() == output.dim())
        record.batch = self._place(before if known else None, output, channels)
        parted = before is not None and before.parted
        self._mark(output, _Trace(self, None, record.batch, channels, record, parted))
        if record.weight is not None:
            record.shape = tuple(weight.shape)
            self.last_input = data
            self._record(record)

    def _replaced(self, made: Made, weight: Tensor) -> Tensor:
        if self._replace is None or made.is_parameter:
            return weight
        return self._replace(made, weight)

    def _weigh(self, made: Made, name: str) -> None:
        if made.tensor.is_complex():
            self.unread |= dict.fromkeys(made.names, f"{name} of complex numbers")
        self.used.update(made.names)
        known = self.weights.setdefault(made.key, [])
        if all(one.tensor is not made.tensor for one in known):
            known.append(made)

    def _derive(
        self, name: str, args: Any, kwargs: dict[str, Any], made: list[Made], output: Any
    ) -> None:
        """Something is computed of parameters, and of nothing that depends on the input."""
        for place, tensor in enumerate(tensors_in((output,), {})):
            if id(tensor) in self._own:
                continue
            same = len(made) == 1 and tensor.numel() >= made[0].tensor.numel()
            if same and (name in LAYOUT or (name == "getitem" and tensor._is_view())):
                origin = made[0]
            else:
                names = sorted({n for m in made for n in m.names}, key=self._places.__getitem__)
                key = (name, place, *(self._key(value) for value in (*args, *kwargs.items())))
                origin = Made(tuple(names), key, tensor)
            self._mark(tensor, _Trace(self, origin))

    def _key(self, value: Any) -> Hashable:
        if isinstance(value, Tensor):
            made = self._made(value)
            return made.key if made else (value.data_ptr(), tuple(value.shape))
        if isinstance(value, list | tuple):
            return tuple(self._key(one) for one in value)
        return repr(value)

    def _use(self, name: str, args: Any, made: list[Made], data: list[Tensor], output: Any) -> None:
        """A parameter meets the input in something else than a linear map."""
        names = [one for m in made for one in m.names]
        if name in RECURRENT:
            self.fused.append(name)
            for m in made:
                if m.tensor.dim() > 1:
                    self._weigh(m, name)
            known = True
        elif name in SCALES:
            shapes = {tuple(t.shape) for t in data}
            known = isinstance(output, Tensor) and tuple(output.shape) in shapes
            known = known and not any(m.tensor.is_complex() for m in made)
            self.scales.update(names)
        elif name == "scaled_dot_product_attention":
            known = not any(self._made(t) for t in args[:3])
        else:
            known = name in SHIFTS or name in KINDS or name in LAYOUT
        if known:
            self.used.update(names)
        else:
            self.unread |= dict.fromkeys(names, name)


def _channels_after(
    name: str, args: Any, channels: int | None, before: Tensor, after: Tensor
) -> int | None:
    """The axis of the channels, from the end, after a view of the same numbers; None: unknown."""
    if channels is None or before.numel() != after.numel():
        return None
    axis = channels % before.dim()
    if name in TRANSPOSED:
        order = order_of_axes(name, args, before.dim())
        return None if order is None else order.index(axis) - before.dim()
    if name not in VIEWS:
        return None
    ahead, size, product = prod(before.shape[:axis]), before.shape[axis], 1
    for place, length in enumerate(after.shape):
        if product == ahead and length == size:
            return place - after.dim()
        product *= length
    return None


Node = Any
"""A node of an autograd graph; torch has no public type for it."""


def children_of(node: Node) -> list[Node]:
    """The nodes that a node hands gradients to."""
    return [child for child, _ in node.next_functions if child is not None]


def walk(starts: Iterable[Node], following: Callable[[Node], Iterable[Node]]) -> Iterator[Node]:
    """Some nodes and all that follow them, each once, depth first from the last."""
    stack, seen = list(starts), set()
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            yield node
            stack.extend(following(node))


def _listed(made: Made | None) -> str:
    return ", ".join(repr(name) for name in made.names) if made else "parameters"


_is_wrapped = torch._C._functorch.is_functorch_wrapped_tensor
