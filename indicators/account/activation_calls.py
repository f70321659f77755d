"""Activations in a forward pass, told by what is computed in whatever spelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from untrained.foundation import Unsupported

GATES = frozenset({"sigmoid", "hardsigmoid", "softplus", "log_sigmoid_forward", "glu"})
"""Activations whose output has one sign, or is a product with such a one."""
SMOOTH = frozenset(
    {"gelu", "silu", "hardswish", "mish", "elu", "celu", "leaky_relu", "prelu", "tanh"}
    | {"hardtanh", "softshrink", "hardshrink"}
)
"""Activations other than ReLU whose output takes both signs."""
_PRODUCTS = {"sigmoid": "silu", "hardsigmoid": "hardswish", "tanh of softplus": "mish"}
PARTS = {"silu": "sigmoid", "hardswish": "hardsigmoid", "mish": "softplus"}
"""Activations that are products of the input with another activation."""
_KINKS = frozenset({"abs", "sign", "sgn", "maximum", "minimum", "fmax", "fmin", "heaviside"})
_OTHERS = frozenset({"erf", "erfc", "sin", "cos", "atan", "sinh", "asinh", "log1p", "expm1"})
_COMPARISONS = {"gt": "positive", "ge": "positive", "lt": "negative", "le": "negative"}
_GUARD = 1e-3
"""A lower bound up to here keeps a divisor from zero; it is no activation."""


class ActivationCalls(TorchDispatchMode):
    """While entered, calls `before(name, input)` ahead of each activation and `after` behind it.

    The pass is seen below autograd, operation by operation, so that modules, functions, methods,
    operations in place and scripted code are all alike. ReLU is `relu`, clipped from above or not:
    also as a clamp at 0, maximum with 0, threshold at 0 and product with (x > 0). x sigmoid(x),
    x relu6(x + 3) and x tanh(softplus(x)) are named as what they compute.
    """

    def __init__(
        self,
        before: Callable[[str, Tensor], None] | None = None,
        after: Callable[[str, Tensor], None] | None = None,
    ) -> None:
        """Watch with these callbacks; the input is seen before an operation in place changes it."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._before = before
        self._after = after
        self.kinks: list[str] = []
        """Operations that may write an activation with a kink, and were not recognised."""
        self.axes = 2
        """The least number of axes of a tensor whose activation has to be recognised."""
        self.curves: list[str] = []
        """Operations that may write a smooth activation, and were not recognised."""
        self.node: int | None = None
        """Sequence number of the graph's node of the operation at work; None without a graph."""
        self._graph = False
        self._at_clone = -1

    def __enter__(self) -> ActivationCalls:
        """Begin, with a graph or without as it is here."""
        self._graph = torch.is_grad_enabled()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def check(self, *, smooth: bool = False) -> None:
        """Raise unless every activation of the pass was read.

        Args:
            smooth: whether those without a kink must have been read, too.

        Raises:
            Unsupported: what is no known activation may be one.
        """
        unread = self.kinks + (self.curves if smooth else [])
        if unread:
            raise Unsupported(
                f"the network computes `{unread[0]}`, which may write an activation in a way that "
                "cannot be read; write the activation as a function of torch, as torch.relu"
            )

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the first call imports the compiler, which takes seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Pass every operation on, telling of the activations."""
        kwargs = kwargs or {}
        name = func._schema.name[6:]
        read = _READERS.get(name[:-1] if name[-1] == "_" else name)
        if read is None:
            return func(*args, **kwargs)
        kind, source = read(self, args, kwargs)
        if kind is None or source is None or not source.is_floating_point():
            output = func(*args, **kwargs)
        elif kind[0] == "=":
            output = func(*args, **kwargs)
            _tag(output, kind[1:], source)
        else:
            self.node = self._place(args, in_place=name[-1] == "_") if self._graph else None
            if self._before is not None:
                self._before(kind, source)
            output = func(*args, **kwargs)
            if self._after is not None:
                self._after(kind, output)
            if kind in _PRODUCTS or kind == "softplus":
                _tag(output, kind, source)
        return output

    def _place(self, args: tuple[Any, ...], *, in_place: bool) -> int | None:
        asked = any(isinstance(a, Tensor) and a.requires_grad for a in args)
        if torch.is_grad_enabled() and not asked:
            return None
        if not torch.is_grad_enabled() or (in_place and args[0]._is_view()):
            raise Unsupported(
                "an activation is applied in place to a part of a tensor, or where gradients are "
                "switched off, as within a custom autograd function: its place in the graph is "
                "not known"
            )
        # the node is made right before the operation comes here, and before the copy of the input
        # that some operations in place keep
        now = int(torch.autograd._get_sequence_nr())  # type: ignore[attr-defined]
        return now - (2 if now == self._at_clone else 1)


_Read = tuple[str | None, Tensor | None]
"""The activation that an operation is, and its input; "=" before what it only prepares for one."""


def _tag(output: Any, kind: str, source: Tensor) -> None:
    """Note on a tensor what it was made of."""
    if isinstance(output, Tensor):
        output._made = kind, source, source._version  # type: ignore[attr-defined]


def _made(tensor: Any) -> _Read:
    """What a tensor was made of, if that has not changed since."""
    kind, source, version = getattr(tensor, "_made", (None, None, None))
    return (kind, source) if source is not None and source._version == version else (None, None)


def _is_zero(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.numel() > 0 and not bool(value.any())
    return isinstance(value, int | float) and value == 0


def _named(kind: str) -> Callable[..., _Read]:
    return lambda calls, args, kwargs: (kind, args[0])


def _kink(name: str) -> Callable[..., _Read]:
    def read(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
        if args[0].dim() >= calls.axes and args[0].is_floating_point():
            calls.kinks.append(name)
        return None, None

    return read


def _curve(name: str) -> Callable[..., _Read]:
    def read(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
        if args[0].dim() > 1 and args[0].is_floating_point():
            calls.curves.append(name)
        return None, None

    return read


def _clamp(calls: ActivationCalls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Read:
    given = dict(zip(("self", "min", "max"), args, strict=False)) | kwargs
    low, high, x = given.get("min"), given.get("max"), args[0]
    if low is not None and _is_zero(low):
        made, source = _made(x)
        if made == "plus 3" and high == 6:
            return "hardsigmoid", source
        return "relu", x
    if isinstance(low, int | float) and isinstance(high, int | float) and low == -high:
        return "hardtanh", x
    if isinstance(low, int | float) and high is None and 0 < low <= _GUARD:
        return None, None
    return _kink("clamp")(calls, args, kwargs)


def _hardtanh(calls: ActivationCalls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Read:
    low, high = (*args[1:], -1.0, 1.0)[:2] if len(args) != 2 else (args[1], 1.0)
    return _clamp(calls, (args[0], kwargs.get("min_val", low), kwargs.get("max_val", high)), {})


def _threshold(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
    if _is_zero(args[1]) and _is_zero(args[2]):
        return "relu", args[0]
    return _kink("threshold")(calls, args, kwargs)


def _largest(name: str) -> Callable[..., _Read]:
    def read(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
        for x, other in (args[:2], args[1::-1]):
            if _is_zero(other):
                return "relu", x
        return _kink(name)(calls, args, kwargs)

    return read


def _leaky(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
    return "relu" if len(args) > 1 and _is_zero(args[1]) else "leaky_relu", args[0]


def _prelu(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
    return "relu" if _is_zero(args[1]) else "prelu", args[0]


def _comparison(kind: str) -> Callable[..., _Read]:
    def read(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
        if args[0].dim() < 2:
            return None, None
        return f"={kind if _is_zero(args[1]) else 'compared'}", args[0]

    return read


def _handed_on(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
    calls._at_clone = int(torch.autograd._get_sequence_nr())  # type: ignore[attr-defined]
    kind, source = _made(args[0])
    return None if kind is None else f"={kind}", source


def _negated(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
    kind, source = _made(args[0])
    flipped = {"positive": "=negative", "negative": "=positive", "compared": "=compared"}
    return flipped.get(kind or ""), source


def _sum(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
    other = args[1]
    three = other == 3 if not isinstance(other, Tensor) else other.dim() == 0 and bool(other == 3)
    return ("=plus 3", args[0]) if three and not kwargs else (None, None)


def _product(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
    for x, other in (args[:2], args[1::-1]):
        kind, source = _made(other)
        if kind in ("positive", "negative", "compared"):
            if kind == "positive" and source is x:
                return "relu", x
            return _kink("mul by a comparison")(calls, (source,), kwargs)
        if kind in _PRODUCTS and source is x:
            return _PRODUCTS[kind], x
    return _scaled(calls, args, kwargs)  # a hard sigmoid, relu6(x + 3), on its way to 1/6 of it


def _scaled(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
    kind, source = _made(args[0])
    scaled = kind == "hardsigmoid" and (not isinstance(args[1], Tensor) or args[1].dim() == 0)
    return ("=hardsigmoid", source) if scaled else (None, None)


def _where(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
    kind, source = _made(args[0])
    if kind not in ("positive", "negative", "compared"):
        return None, None
    x, other = args[1:] if kind == "positive" else args[:0:-1]
    if kind != "compared" and x is source and _is_zero(other):
        return "relu", x
    return _kink("where")(calls, (source,), kwargs)


def _filled(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
    mask = args[1][0] if isinstance(args[1], list | tuple) else args[1]
    kind, source = _made(mask)
    if kind not in ("positive", "negative", "compared"):
        return None, None
    if kind == "negative" and source is args[0] and _is_zero(args[2]):
        return "relu", args[0]
    return _kink("masked_fill")(calls, (source,), kwargs)


def _tanh(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
    kind, source = _made(args[0])
    return ("=tanh of softplus", source) if kind == "softplus" else ("tanh", args[0])


def _power(calls: ActivationCalls, args: tuple[Any, ...], kwargs: Any) -> _Read:
    if isinstance(args[0], Tensor) and args[1:] and args[1] not in (2, 0.5, -0.5, 1, -1):
        return _curve("pow")(calls, args, kwargs)
    return None, None


_READERS: dict[str, Callable[..., _Read]] = {
    **{name: _named(name) for name in ("relu", *sorted(GATES | SMOOTH))},
    **{"selu": _named("elu"), "_prelu_kernel": _prelu, "relu6": _named("relu")},
    **{"rrelu_with_noise": _named("leaky_relu")},
    **{name: _kink(name) for name in _KINKS},
    **{name: _curve(name) for name in _OTHERS},
    **{name: _largest(name) for name in ("maximum", "fmax")},
    **{name: _comparison(kind) for name, kind in _COMPARISONS.items()},
    **dict.fromkeys(("clamp", "clip", "clamp_min"), _clamp),
    **{"clamp_max": _kink("clamp"), "hardtanh": _hardtanh, "threshold": _threshold},
    **{"leaky_relu": _leaky, "_to_copy": _handed_on, "clone": _handed_on, "tanh": _tanh},
    **{"logical_not": _negated, "bitwise_not": _negated, "add": _sum, "mul": _product},
    **{"div": _scaled, "where": _where, "masked_fill": _filled, "index_put": _filled},
    "pow": _power,
}
