"""Maps whose channels are all the same, computed once for all channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_OF_EACH_CHANNEL: frozenset[Callable[..., Any]] = frozenset(
    {
        *(functional.relu, torch.relu, Tensor.relu, functional.avg_pool2d),
        *(torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__),
        *(torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__),
    }
)
"""What an operation makes of a channel depends on that channel of its maps alone."""


class EqualChannels(TorchFunctionMode):
    """While entered, a layer of constant weights computes one channel, which stands for all.

    A tensor is constant, or the channels of a map (B, C, H, W) are the same, where its strides are
    0: all its entries, or all its channels, are then one place of the memory. A convolution with
    constant weights makes such a map, of which a batch norm, a ReLU, a sum and a pooling make
    another. In exact arithmetic the values are those without this mode. Running statistics are not
    updated. A function that may write to such a tensor, or to a view of any, raises RuntimeError.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function, on one channel where that is enough."""
        named = kwargs or {}
        if _writes(func, args, named):
            raise RuntimeError("a tensor may be written to that stands for several")
        if not (args and isinstance(args[0], Tensor)):
            return func(*args, **named)
        out = None
        if func is functional.conv2d:
            out = _convolution(*args, **named)
        elif func is functional.linear:
            out = _linear(*args, **named)
        elif func is functional.batch_norm:
            out = _normalisation(*args, **named)
        elif (
            func in _OF_EACH_CHANNEL
            and _same_channels(args[0])
            and all(
                _same_channels(x) or _is_shift(x)
                for x in (*args, *named.values())
                if isinstance(x, Tensor)
            )
        ):
            first = [_first(x) if isinstance(x, Tensor) else x for x in args]
            of_names = {k: _first(x) if isinstance(x, Tensor) else x for k, x in named.items()}
            out = func(*first, **of_names).expand(-1, args[0].shape[1], -1, -1)
        return func(*args, **named) if out is None else out


def _writes(func: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """Whether a function writes to a tensor that shares memory, or may do so."""
    name = getattr(func, "__name__", "")
    in_place = (name.endswith("_") and not name.endswith("__")) or name in _IN_PLACE
    code = getattr(func, "__code__", None)
    given = dict(zip(code.co_varnames, args, strict=False)) | named if code else named
    if not (in_place or given.get("inplace") or given.get("out") is not None):
        return False
    tensors = [x for x in (*args, *named.values()) if isinstance(x, Tensor)]
    return any(_is_shared(x) for x in tensors)


_IN_PLACE = frozenset(
    f"__{name}__"
    for name in (
        *("setitem", "iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow"),
        *("iand", "ior", "ixor", "ilshift", "irshift"),
    )
)


def _is_shared(x: Tensor) -> bool:
    return x._base is not None or 0 in (
        step for step, size in zip(x.stride(), x.shape, strict=True) if size > 1
    )


def _is_constant(tensor: Tensor | None) -> bool:
    return tensor is None or not any(
        step for step, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1
    )


def _same_channels(x: Tensor) -> bool:
    return x.dim() == 4 and x.shape[1] > 1 and x.stride(1) == 0


def _is_shift(x: Tensor) -> bool:
    """Whether it is a constant for each channel of a map, (C, 1, 1)."""
    return x.dim() == 3 and x.shape[1:] == (1, 1) and _is_constant(x)


def _first(x: Tensor) -> Tensor:
    """The first channel as a map of one; its strides are set, and with them the order of sums."""
    return x[:, 0].unsqueeze(1) if x.dim() == 4 else x[:1]


def _convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *args: Any, **named: Any
) -> Tensor | None:
    if not x.dim() == weight.dim() == 4 or not (_is_constant(weight) and _is_constant(bias)):
        return None
    same = _same_channels(x)
    if not same and x.shape[1] != weight.shape[1]:
        return None  # groups of channels, which differ
    steps = dict(zip(("stride", "padding", "dilation", "groups"), args, strict=False)) | named
    of_one = None if bias is None else bias[:1]
    x, first = (_first(x) * weight.shape[1], weight[:1, :1]) if same else (x, weight[:1])
    out = functional.conv2d(x, first, of_one, **(steps | {"groups": 1}))
    return out.expand(-1, weight.shape[0], -1, -1)


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor | None:
    if weight.dim() != 2 or not (_is_constant(weight) and _is_constant(bias)):
        return None
    of_one = None if bias is None else bias[:1]
    out = functional.linear(x.sum(-1, keepdim=True), weight[:1, :1], of_one)
    return out.expand(*out.shape[:-1], weight.shape[0])


def _normalisation(x: Tensor, *args: Any, **named: Any) -> Tensor | None:
    names = ("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
    settings = dict(zip(names, args, strict=False)) | named
    affine: dict[str, Tensor | None] = {key: settings.get(key) for key in ("weight", "bias")}
    if not (
        settings.get("training") and _same_channels(x) and all(map(_is_constant, affine.values()))
    ):
        return None
    of_one = {key: None if tensor is None else tensor[:1] for key, tensor in affine.items()}
    fresh = dict.fromkeys(("running_mean", "running_var"))
    return functional.batch_norm(_first(x), **(settings | fresh | of_one)).expand_as(x)
