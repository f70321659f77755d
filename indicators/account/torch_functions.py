"""Names and kinds of torch's functions, as an account of a forward pass needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from types import FunctionType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def tensors_in(args: Any, kwargs: dict[str, Any]) -> Iterator[Tensor]:
    """Yield the tensors among the arguments of a call, those inside of lists too."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from tensors_in(value, {})


def exchanged(args: Any, old: Tensor, new: Tensor) -> Any:
    """Return the arguments with another tensor in place of one."""
    return type(args)(
        new if a is old else exchanged(a, old, new) if type(a) in (list, tuple) else a for a in args
    )


def order_of_axes(name: str, args: Any, dims: int) -> list[int] | None:
    """Return the axes before a transposition in the order after it; None: it is not known."""
    order = list(range(dims))
    if name in ("get_T", "t"):
        return order[::-1]
    if name == "get_mT":
        args = args[0], -2, -1
    if name == "permute":
        return [a % dims for a in (args[1] if isinstance(args[1], list | tuple) else args[1:])]
    if len(args) != 3 or not isinstance(args[1], int):
        return None
    i, j = args[1] % dims, args[2] % dims
    if name in ("movedim", "moveaxis"):
        order.insert(j, order.pop(i))
    else:
        order[i], order[j] = order[j], order[i]
    return order


def einsum_channels(args: Any, weight: Tensor) -> int | None:
    """Return the axis, from the end, of the one index that the weight alone gives the output."""
    equation, *operands = args
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = list(operands[0])
    if not isinstance(equation, str) or "->" not in equation:
        return None
    inputs, result = equation.replace(" ", "").split("->")
    of_weight = "".join(
        letters
        for letters, operand in zip(inputs.split(","), operands, strict=True)
        if operand is weight
    )
    counts = {letter: inputs.count(letter) for letter in of_weight if letter.isalpha()}
    own = [letter for letter, count in counts.items() if count == 1 and letter in result]
    return result.index(own[0]) - len(result) if len(own) == 1 else None


@cache
def opened(function: Any) -> Callable[..., Any]:
    """Return a function whose own calls a function mode sees instead of the call of itself."""
    scope = {**function.__globals__, "has_torch_function": lambda *_: False}
    body = FunctionType(function.__code__, scope, function.__name__, function.__defaults__)
    body.__kwdefaults__ = function.__kwdefaults__
    return body


@cache
def name_of(function: Any) -> tuple[str, bool]:
    """Return a function's name in one spelling, and whether it writes to its first argument."""
    name = str(getattr(function, "__name__", function))
    if name in ("__get__", "__set__"):
        return f"{name[2:5]}_{getattr(function.__self__, '__name__', '')}", name == "__set__"
    if name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        if name in _INPLACE_OPERATORS:
            return _ALIASES.get(name[1:], name[1:]), True
        return _ALIASES.get(name, name), name == "setitem"
    in_place = name.endswith("_")
    name = name.rstrip("_").lstrip("_")
    return _ALIASES.get(name, name), in_place


def asks_in_place(args: Any, kwargs: dict[str, Any]) -> bool:
    """Return whether a call of an activation asks for its input to be overwritten."""
    return bool(kwargs.get("inplace")) or any(a is True for a in args[1:])


def gain_of(function: Any, args: Any, kwargs: dict[str, Any]) -> Tensor | None:
    """Return the argument by which a function of torch scales what it has normalised."""
    if "weight" in kwargs:
        return kwargs["weight"]  # type: ignore[no-any-return]
    place = _PLACES_OF_GAINS.get(function, 2)
    return args[place] if len(args) > place else None


def is_part_of_norm(name: str, args: Any) -> bool:
    """Return whether a function of data may be a part of a normalisation written out."""
    return name in _NORM_PARTS or (name == "pow" and args[1:] in ((0.5,), (-0.5,)))


_PLACES_OF_GAINS: dict[Callable[..., Any], int] = {
    **dict.fromkeys((functional.batch_norm, functional.instance_norm), 3),
    **dict.fromkeys((torch.batch_norm, torch.instance_norm), 1),
}
_NORM_PARTS = frozenset(
    {"sqrt", "rsqrt", "std", "std_mean", "var", "var_mean", "norm", "vector_norm", "normalize"}
    | {"linalg_norm", "linalg_vector_norm", "renorm"}
)
_INPLACE_OPERATORS = frozenset(
    {"iadd", "isub", "imul", "itruediv", "imatmul", "ipow", "iand", "ior", "ixor", "ifloordiv"}
)
_ALIASES = {
    **{"radd": "add", "rmul": "mul", "multiply": "mul", "truediv": "div", "true_divide": "div"},
    **{"divide": "div", "subtract": "sub", "rsub": "sub", "concat": "cat", "concatenate": "cat"},
    **{"clip": "clamp", "swapaxes": "transpose", "swapdims": "transpose", "select": "getitem"},
    **{"narrow": "getitem", "batch_norm_": "batch_norm"},
}
SILENT = frozenset(
    {"get_shape", "get_dtype", "get_device", "get_requires_grad", "get_ndim", "get_is_leaf"}
    | {"get_layout", "get_grad_fn", "get_is_cuda", "get_is_cpu", "get_is_sparse", "get_itemsize"}
    | {"get_is_quantized", "get_is_nested", "get_is_meta", "get_names", "get_grad", "get__version"}
    | {"size", "dim", "numel", "stride", "len", "is_floating_point", "is_complex", "is_contiguous"}
    | {"data_ptr", "hash", "is_nonzero", "bool", "repr", "format", "storage_offset", "deepcopy"}
)
"""Functions that say something of a tensor and compute nothing."""
WEIGHTS: dict[str, tuple[int, str, int]] = {
    "linear": (1, "weight", -1),
    "bilinear": (2, "weight", -1),
    **{f"conv{n}d": (1, "weight", -n - 1) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": (1, "weight", -n - 1) for n in (1, 2, 3)},
    "conv_tbc": (1, "weight", -1),
}
"""Functions with an argument for the weight: its place, its name, the output's channels."""
PRODUCTS = frozenset(
    {"matmul", "rmatmul", "mm", "bmm", "mv", "addmm", "addmv", "addbmm", "baddbmm", "einsum"}
    | {"tensordot", "dot", "vdot", "vecdot", "inner", "chain_matmul", "multi_dot", "ger", "outer"}
)
"""Products of two tensors, either of which can be the weight."""
RECURRENT = frozenset(
    {"lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell"}
    | {"rnn_relu_cell"}
)
"""Functions that apply several linear maps inside."""
KINDS = {
    **dict.fromkeys(("batch_norm", "layer_norm", "group_norm", "instance_norm"), "norm"),
    **dict.fromkeys(("rms_norm", "local_response_norm"), "norm"),
    "embedding": "table",
    **dict.fromkeys(
        ("relu", "relu6", "threshold", "hardtanh", "gelu", "silu", "mish"), "activation"
    ),
    **dict.fromkeys(("elu", "selu", "celu", "leaky_relu", "prelu", "rrelu"), "activation"),
    **dict.fromkeys(("hardswish", "hardsigmoid", "sigmoid", "tanh", "softplus"), "activation"),
    **dict.fromkeys(("logsigmoid", "softsign", "tanhshrink", "softshrink"), "activation"),
    **dict.fromkeys(("hardshrink", "glu", "mish"), "activation"),
    **{f"{kind}_pool{n}d": "pooling" for kind in ("avg", "max", "lp") for n in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{n}d": "pooling" for kind in ("avg", "max") for n in (1, 2, 3)},
}
"""What is recorded of a function that is no linear map."""
OF_LAST_AXIS = frozenset({"layer_norm", "rms_norm", "embedding"})
"""Functions whose channels are on the last axis; the others have them on the second."""
TRANSPOSED = frozenset({"transpose", "permute", "movedim", "moveaxis", "get_T", "get_mT", "t"})
"""Functions that change the order of axes."""
VIEWS = frozenset(
    {"view", "reshape", "flatten", "unflatten", "unsqueeze", "squeeze", "view_as", "reshape_as"}
)
"""Functions that change axes and keep the order of the numbers."""
PARTED = frozenset(
    {"getitem", "unbind", "chunk", "split", "split_with_sizes", "tensor_split", "unsafe_chunk"}
    | {"unsafe_split", "hsplit", "vsplit", "dsplit"}
)
"""Functions that take a tensor apart."""
JOINED = frozenset({"stack", "cat", "hstack", "vstack", "dstack", "column_stack", "row_stack"})
"""Functions that put tensors together."""
LAYOUT = (
    TRANSPOSED
    | VIEWS
    | {"expand", "expand_as"}
    | {"broadcast_to", "contiguous", "clone", "ravel", "repeat"}
    | {"to", "type_as", "cpu", "cuda", "alias", "requires_grad"}
)
"""Functions that keep the numbers of a weight, in whatever layout."""
SCALES = frozenset({"mul", "div"})
"""Functions by which a parameter scales data."""
SHIFTS = frozenset(
    {"add", "sub", "cat", "stack", "hstack", "vstack", "setitem", "copy", "where", "masked_fill"}
    | {"embedding", "embedding_bag", "index_put", "new_zeros", "zeros_like", "ones_like"}
)
"""Functions by which a parameter is added to data or stands beside it."""
