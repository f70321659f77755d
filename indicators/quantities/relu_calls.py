"""Sees every application of a ReLU in a forward pass, module or function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_RELUS = frozenset(
    {
        functional.relu,
        functional.relu6,
        torch.relu,
        torch.relu_,
        Tensor.relu,
        Tensor.relu_,
    }
)


def _is_relu(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if func in (functional.hardtanh, functional.hardtanh_):  # what `nn.ReLU6` calls, with (0, 6)
        lower = args[1] if len(args) > 1 else kwargs.get("min_val", -1.0)
        return bool(lower == 0)
    return func in _RELUS


class ReluCalls(TorchFunctionMode):
    """While entered, calls `before(input)` ahead of each ReLU and `after(output)` behind it.

    ReLU modules, shared modules and `torch.relu` on a tensor are all seen, each application once;
    so are ReLUs clipped from above (ReLU6).
    """

    def __init__(
        self,
        before: Callable[[Tensor], None],
        after: Callable[[Tensor], None] | None = None,
    ) -> None:
        """Watch with these callbacks; the input is seen before an in-place ReLU changes it."""
        super().__init__()
        self._before = before
        self._after = after

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Pass every call on, telling of the ReLUs."""
        kwargs = kwargs or {}
        if not _is_relu(func, args, kwargs):
            return func(*args, **kwargs)
        self._before(args[0] if args else kwargs["input"])
        output = func(*args, **kwargs)
        if self._after is not None:
            self._after(output)
        return output
