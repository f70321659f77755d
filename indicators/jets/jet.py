"""Tensors that carry their derivatives along, and the rules by which operations pass them on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

Parts = tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]
Rule = TypeVar("Rule", bound=Callable[..., Any])

_RULES: dict[Any, Callable[..., Any]] = {}


class NoRule(Exception):
    """The network calls something that a jet does not pass through."""


class Jet(Tensor):
    """x, x_u, x_v, x_uv: a value, its derivatives by two scalars and by both; None is zeros.

    No two parts share memory, nor do those of two jets unless one is a view of the other: then
    operations in place do to the parts what they do to the value.
    """

    parts: Parts

    @staticmethod
    def __new__(
        cls, x: Tensor, u: Tensor | None = None, v: Tensor | None = None, uv: Tensor | None = None
    ) -> Jet:
        """Wrap tensors of one shape; from the outside the jet looks like the first."""
        jet: Jet = Tensor._make_wrapper_subclass(
            cls, x.shape, strides=x.stride(), dtype=x.dtype, device=x.device
        )
        jet.parts = (x, u, v, uv)
        return jet

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Apply the rule of an operation.

        Raises:
            NoRule: there is none.
        """
        if func not in _RULES:
            raise NoRule(f"there is no rule for {func}")
        return _RULES[func](func, *args, **(kwargs or {}))


def rule(*operations: Any) -> Callable[[Rule], Rule]:
    """Decorate the rule of some operations: a function of the operation and its arguments."""

    def register(function: Rule) -> Rule:
        _RULES.update(dict.fromkeys(operations, function))
        return function

    return register


def parts_of(x: Any) -> Parts:
    """The parts of a jet, or a constant and three times None."""
    return x.parts if isinstance(x, Jet) else (x, None, None, None)
