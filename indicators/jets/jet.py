"""Jets, their rules, and the mixed second derivative of the loss along two directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from untrained.indicators.quantities.quiet import quiet
from untrained.indicators.quantities.substituted import Substituted

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


_aten = torch.ops.aten


@rule(
    *(_aten.view.default, _aten._unsafe_view.default, _aten.t.default, _aten.permute.default),
    *(_aten.transpose.int, _aten.squeeze.dim, _aten.squeeze.dims, _aten.unsqueeze.default),
    *(_aten.slice.Tensor, _aten.select.int, _aten.detach.default, _aten.alias.default),
    *(_aten.clone.default, _aten.neg.default, _aten.mean.dim, _aten.sum.dim_IntList),
    *(_aten.avg_pool2d.default, _aten._adaptive_avg_pool2d.default, _aten.div.Tensor),
)
def linear(operation: Any, x: Any, *constants: Any, **options: Any) -> Jet:
    """A linear operation on x: the same on every part."""
    if not isinstance(x, Jet) or any(isinstance(constant, Jet) for constant in constants):
        raise NoRule(f"{operation} depends on the weights by another than the first argument")
    value, *derivatives = x.parts
    moved = (t if t is None else operation(t, *constants, **options) for t in derivatives)
    return Jet(operation(value, *constants, **options), *moved)


def bilinear(product: Callable[[Tensor, Tensor], Tensor], left: Any, right: Any) -> Jet:
    """The product rule; a product of the same two tensors is computed once."""
    done: dict[tuple[int, int], Tensor] = {}

    def of(a: Tensor | None, b: Tensor | None) -> Tensor | None:
        if a is None or b is None:
            return None
        key = id(a), id(b)
        if key not in done:
            done[key] = product(a, b)
        return done[key]

    a, a_u, a_v, a_uv = parts_of(left)
    b, b_u, b_v, b_uv = parts_of(right)
    value = of(a, b)
    assert value is not None
    return Jet(
        value,
        _sum(of(a_u, b), of(a, b_u)),
        _sum(of(a_v, b), of(a, b_v)),
        _sum(of(a_uv, b), of(a_u, b_v), of(a_v, b_u), of(a, b_uv)),
    )


def _sum(*terms: Tensor | None) -> Tensor | None:
    """The sum, in memory of its own; None if there is no term."""
    present = [term for term in terms if term is not None]
    if len(present) < 2:
        return present[0].clone() if present else None
    total = present[0] + present[1]
    for term in present[2:]:
        total += term
    return total


@rule(_aten.mul.Tensor)
def multiply(operation: Any, a: Any, b: Any) -> Jet:
    """Elementwise products."""
    return bilinear(operation, a, b)


@rule(_aten.mm.default)
def matrix_product(operation: Any, a: Any, b: Any) -> Jet:
    """(N, K) by (K, M)."""
    return bilinear(operation, a, b)


@rule(_aten.addmm.default)
def shifted_matrix_product(operation: Any, shift: Any, a: Any, b: Any) -> Jet:
    """A linear layer with a bias."""
    return add(_aten.add.Tensor, bilinear(_aten.mm.default, a, b), shift)


@rule(_aten.convolution.default)
def convolution(operation: Any, x: Any, weight: Any, bias: Any, *how: Any) -> Jet:
    """A convolution, also a transposed one."""
    y = bilinear(lambda a, b: operation(a, b, None, *how), x, weight)
    return y if bias is None else add(_aten.add.Tensor, y, bias.view(-1, *[1] * (y.dim() - 2)))


@rule(_aten.add.Tensor, _aten.sub.Tensor)
def add(operation: Any, a: Any, b: Any, *, alpha: float = 1) -> Jet:
    """Sums and differences, also with a number."""
    value = operation(parts_of(a)[0], parts_of(b)[0], alpha=alpha)
    derivatives: list[Tensor | None] = []
    for left, right in zip(parts_of(a)[1:], parts_of(b)[1:], strict=True):
        if right is None:
            derivatives.append(left if left is None else left.expand_as(value).clone())
        else:
            first = torch.zeros_like(value) if left is None else left
            derivatives.append(operation(first, right, alpha=alpha))
    return Jet(value, *derivatives)


@rule(_aten.add_.Tensor)
def add_in_place(operation: Any, a: Any, b: Any, *, alpha: float = 1) -> Jet:
    """A sum in the memory of its first term."""
    pairs = list(zip(parts_of(a), parts_of(b), strict=True))
    if any(left is None and right is not None for left, right in pairs):
        raise NoRule("there is no memory of zeros to add to")
    for left, right in pairs:
        if right is not None:
            operation(left, right, alpha=alpha)
    assert isinstance(a, Jet)
    return a


@rule(_aten.cat.default)
def concatenate(operation: Any, tensors: Sequence[Any], dim: int = 0) -> Jet:
    """Tensors one behind the other."""
    values, *derivatives = zip(*(parts_of(tensor) for tensor in tensors), strict=True)
    joined: list[Tensor | None] = []
    for of in derivatives:
        if all(t is None for t in of):
            joined.append(None)
            continue
        pairs = zip(values, of, strict=True)
        joined.append(operation([torch.zeros_like(x) if t is None else t for x, t in pairs], dim))
    return Jet(operation(values, dim), *joined)


@rule(_aten.as_strided_.default)
def restride(operation: Any, x: Jet, size: Sequence[int], stride: Sequence[int], *_: int) -> Jet:
    """What global pooling does to the strides of axes of length one: it moves no element."""
    axes = [axis for axis, length in enumerate(size) if length > 1]
    if list(size) != list(x.shape) or any(stride[axis] != x.stride(axis) for axis in axes):
        raise NoRule("the elements are put in another order")
    return x


_aten = torch.ops.aten


@rule(_aten.relu.default)
def relu(operation: Any, x: Jet) -> Jet:
    """Derivatives pass where the value is above zero."""
    value, *derivatives = x.parts
    y = operation(value)
    passed = [t if t is None else _aten.threshold_backward(t, y, 0) for t in derivatives]
    return Jet(y, *passed)


@rule(_aten.relu_.default)
def relu_in_place(operation: Any, x: Jet) -> Jet:
    """The same in the memory of x."""
    value, *derivatives = x.parts
    operation(value)
    for t in derivatives:
        if t is not None:
            t.mul_(value > 0)
    return x


@rule(_aten.max_pool2d_with_indices.default)
def max_pool(operation: Any, x: Jet, *how: Any) -> tuple[Jet, Tensor]:
    """Derivatives are those of the largest value."""
    value, *derivatives = x.parts
    y, places = operation(value, *how)
    picked = [
        t if t is None else t.flatten(2).gather(2, places.flatten(2)).view(places.shape)
        for t in derivatives
    ]
    return Jet(y, *picked), places


@rule(_aten.native_batch_norm.default)
def batch_norm(operation: Any, x: Any, *settings: Any) -> tuple[Jet, Tensor, Tensor]:
    """Normalisation by batch or running statistics; the running ones are not updated."""
    if any(isinstance(setting, Jet) for setting in settings):
        raise NoRule("a parameter of a batch norm is a jet")
    gain, shift, mean, variance, training, momentum, eps = settings
    value, *derivatives = parts_of(x)
    axes = [1, -1, *[1] * (value.dim() - 2)]
    gain = torch.ones(()).to(value) if gain is None else gain.view(axes)
    shift = torch.zeros(()).to(value) if shift is None else shift.view(axes)
    if training:
        n, mean, r = operation(value, None, None, None, None, True, momentum, eps)
        scaled = _normalised(n, r.view(axes), gain, derivatives)
    else:
        n, *_ = operation(value, None, None, mean, variance, False, momentum, eps)
        r = (variance + eps).rsqrt()
        scaled = [t if t is None else t * (gain * r.view(axes)) for t in derivatives]
    return Jet(torch.addcmul(shift, n, gain), *scaled), mean, r


@rule(_aten.cudnn_batch_norm.default, _aten.miopen_batch_norm.default)
def batch_norm_of_a_library(operation: Any, *arguments: Any) -> tuple[Any, ...]:
    """What torch calls in place of its own normalisation on a GPU."""
    results = batch_norm(_aten.native_batch_norm.default, *arguments)
    if operation is _aten.miopen_batch_norm.default:
        return results
    return (*results, results[1].new_empty(0, dtype=torch.uint8))  # memory for a backward pass


def _normalised(
    n: Tensor, r: Tensor, gain: Tensor, derivatives: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """The derivatives of gain * n, n = r (x - E x), r = (Var x + eps)^(-1/2), from those of x.

    With a = u - E u, b = v - E v, c = uv - E uv and expectations over all axes but the channels':

        n_u  = r (a - E[na] n)
        n_uv = r c - r^2 E[nb] a - r^2 E[na] b + (r^2 (3 E[na] E[nb] - E[ab]) - r E[nc]) n
    """
    u, v, uv = derivatives
    axes = [axis for axis in range(n.dim()) if axis != 1]

    def mean(t: Tensor) -> Tensor:
        return t.mean(axes, keepdim=True)

    def combined(constant: Tensor, *terms: tuple[Tensor, Tensor]) -> Tensor:
        (t, factor), *others = terms
        total = torch.addcmul(gain * constant, t, gain * factor)
        for t, factor in others:
            total.addcmul_(t, gain * factor)
        return total

    def first(t: Tensor | None) -> tuple[Tensor | None, Tensor, Tensor]:
        if t is None:
            return None, torch.zeros_like(r), torch.zeros_like(r)
        mean_t, nt = mean(t), mean(n * t)
        return combined(-r * mean_t, (t, r), (n, -r * nt)), mean_t, nt

    n_u, mean_u, na = first(u)
    n_v, mean_v, nb = first(v)
    constant, of_n = torch.zeros_like(r), torch.zeros_like(r)
    terms: list[tuple[Tensor, Tensor]] = []
    if uv is not None:
        constant, of_n = constant - r * mean(uv), of_n - r * mean(n * uv)
        terms.append((uv, r))
    if u is not None and v is not None:
        ab = mean(u * v) - mean_u * mean_v
        constant = constant + r.square() * (nb * mean_u + na * mean_v)
        of_n = of_n + r.square() * (3 * na * nb - ab)
        terms += [(u, -r.square() * nb), (v, -r.square() * na)]
    return [n_u, n_v, combined(constant, *terms, (n, of_n)) if terms else None]


def mixed_derivative(
    network: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    directions: Mapping[str, tuple[Tensor, Tensor, Tensor]],
) -> float:
    """u^T H v = d^2 L(W + s u + t v) / ds dt at zero; L: mean cross-entropy, H: its Hessian.

    One forward pass without a graph. Running statistics of batch norms stay as they are.

    Args:
        network: maps inputs to logits (B, classes).
        inputs: (B, ...).
        labels: class indices, (B,).
        directions: W, u and v, without gradients, by the parameter's name. Where u is the very
            tensor W, a layer takes six convolutions instead of eight.

    Returns:
        The derivative, added up in float64; 0 if the logits do not depend on these parameters.

    Raises:
        NoRule: the network calls something that there is no rule for.
    """
    with torch.no_grad():
        state: dict[str, Tensor] = {name: Jet(*tensors) for name, tensors in directions.items()}
        with quiet():
            logits = Substituted(network, state)(inputs)
        if not isinstance(logits, Jet):
            return 0.0
        z, *derivatives = (t if t is None else t.double() for t in logits.parts)
        assert z is not None
        u, v, uv = (torch.zeros_like(z) if t is None else t for t in derivatives)
        p = torch.softmax(z, dim=1)
        of_loss = p - torch.zeros_like(z).scatter_(1, labels[:, None], 1)
        curved = (p * u * v).sum(1) - (p * u).sum(1) * (p * v).sum(1)
        return float(((of_loss * uv).sum(1) + curved).mean())
