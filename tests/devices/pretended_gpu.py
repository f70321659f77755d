"""A GPU that is pretended on a build of torch without one: its rules, the CPU's numbers.

A tensor `OnGpu` says to Python that it is on `cuda:0` and to torch's C++ that it is on a backend in
Python (PrivateUse1); it holds a tensor of the CPU. Every operation of torch comes by `_operate`,
which refuses what a GPU refuses - tensors of two places, a generator of the CPU, a CPU's tensor
written to - and counts launches, uploads and what makes the host wait. Branches on the device are
taken as on a GPU, and normalisation is cuDNN's where torch chooses cuDNN.

It rests on private interfaces of torch 2.9 and later.
"""

from __future__ import annotations

import ctypes
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.backend_registration import _DummyBackendModule

try:
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend as register
except ImportError:
    register = None

HERE = Path(__file__).parents[2]
GPU, CPU = torch.device("cuda:0"), torch.device("cpu")
BACKEND = "pretended"
_aten = torch.ops.aten

_ASK = {  # the answer, or its shape, is needed at once
    *(_aten._local_scalar_dense.default, _aten.is_nonzero.default, _aten.equal.default),
    *(_aten._linalg_check_errors.default,),
    *(_aten.nonzero.default, _aten.masked_select.default, _aten._unique2.default),
    *(_aten._linalg_eigh.default, _aten._linalg_svd.default),  # they check for convergence
}
_ALLOCATE = {  # memory without a kernel
    *(_aten.empty.memory_format, _aten.empty_like.default, _aten.empty_strided.default),
    *(_aten.new_empty.default, _aten.new_empty_strided.default),
}
_INDEX = {_aten.index.Tensor, _aten.index_put_.default, _aten._index_put_impl_.default}
_PLAIN = {  # the answer is no tensor
    *(_aten._local_scalar_dense.default, _aten.is_nonzero.default, _aten.equal.default),
}


class Refused(RuntimeError):
    """What a GPU would refuse."""


@dataclass
class Requests:
    """What was asked of the GPU: operations by name, all else by place in the source."""

    launches: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)
    uploads: Counter[str] = field(default_factory=Counter)
    switches: int = 0
    """Waits of the meter."""


_requests = Requests()


def _place() -> str:
    """The line of the project that an operation comes from."""
    frame = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(str(HERE)) and path != __file__ and "site-packages" not in path:
            for prefix in ("build/editable/untrained/", ""):
                root = f"{HERE}/{prefix}"
                if path.startswith(root):
                    return f"{path.removeprefix(root)}:{frame.f_lineno}"
        frame = frame.f_back
    return "elsewhere"


def _is_gpu(device: Any) -> bool:
    return device is not None and torch.device(device).type in ("cuda", BACKEND)


class OnGpu(Tensor):
    """A tensor of the pretended GPU."""

    held: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: Tensor) -> OnGpu:
        tensor: OnGpu = Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(BACKEND, 0),
        )
        tensor.held = held
        return tensor

    device = property(lambda self: GPU)
    is_cuda = property(lambda self: True)

    def __repr__(self) -> str:
        return f"OnGpu({self.held!r})"

    def untyped_storage(self) -> Any:
        return self.held.untyped_storage()

    def data_ptr(self) -> int:
        return self.held.data_ptr()

    def cpu(self) -> Tensor:
        return _aten._to_copy(self, device=CPU)

    def cuda(self) -> Tensor:
        return self

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise Refused(f"a tensor of the GPU is asked for as an array at {_place()}")

    __array__ = numpy

    def to(self, *args: Any, copy: bool = False, **kwargs: Any) -> Tensor:
        like = next((a for a in args if isinstance(a, Tensor)), None)
        if like is not None:
            args = (like.device, like.dtype, *(a for a in args if a is not like))
        device, dtype, _, layout = torch._C._nn._parse_to(*args, **kwargs)
        wanted = {} if layout is None else {"memory_format": layout}
        if device is not None and not _is_gpu(device):
            return _aten._to_copy(self, device=CPU, dtype=dtype or self.dtype, **wanted)
        if dtype in (None, self.dtype) and not wanted:
            return self.clone() if copy else self
        return _aten._to_copy(self, device=GPU, dtype=dtype or self.dtype, **wanted)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        with torch.no_grad():
            copied: Tensor = self.detach().clone()
        if isinstance(self, nn.Parameter):
            copied = nn.Parameter(copied, self.requires_grad)
        memo[id(self)] = copied
        return copied

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _operate(func, args, kwargs or {})


@dataclass(frozen=True)
class _Traits:
    """What the schema of an operation says."""

    name: str
    is_view: bool
    written: tuple[int, ...]
    """Places of the arguments that are written to."""


@cache
def _traits(func: Any) -> _Traits:
    aliases = [argument.alias_info for argument in func._schema.arguments]
    return _Traits(
        str(func).removeprefix("aten."),
        any(alias is not None and not alias.is_write for alias in aliases),
        tuple(i for i, alias in enumerate(aliases) if alias is not None and alias.is_write),
    )


def _leaves(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _leaves(value)
        else:
            yield value


def _mapped(change: Callable[[Tensor], Any], value: Any) -> Any:
    """A value with the tensors in it changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, list | tuple):
        return type(value)([_mapped(change, one) for one in value])
    return value


def _operate(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    values = [*_leaves(args), *_leaves(kwargs.values())] if kwargs else list(_leaves(args))
    of_gpu = [x for x in values if isinstance(x, OnGpu)]
    if func in (_aten._to_copy.default, _aten.copy_.default):
        return _copy(func, args, kwargs, of_gpu)
    if not of_gpu and not _is_gpu(kwargs.get("device")):
        return func(*args, **kwargs)
    traits = _traits(func)
    _check(func, traits, args, values)
    if func in _ASK or (func is _aten.index.Tensor and _by_mask(args[1])):
        _requests.waits[f"{traits.name} {_place()}"] += 1
    held = {key: _mapped(_held, value) for key, value in kwargs.items()}
    if "device" in held:
        held["device"] = CPU
    result = _CUDNN.get(func, func)(*_mapped(_held, tuple(args)), **held)
    if func in _PLAIN:
        return result
    results = result if isinstance(result, list | tuple) else (result,)
    empty = all(x.numel() == 0 for x in _leaves(results) if isinstance(x, Tensor))
    if not (traits.is_view or empty or func is _aten.detach.default or func in _ALLOCATE):
        _requests.launches[traits.name] += 1
    known = {id(x.held): x for x in of_gpu}  # an operation in place returns its argument
    return _mapped(lambda x: known[id(x)] if id(x) in known else _on_gpu(x), result)


def _copy(func: Any, args: Any, kwargs: dict[str, Any], of_gpu: list[OnGpu]) -> Any:
    """Copies within a place and from one to the other."""
    if func is _aten.copy_.default:
        to, source = args[:2]
        result, to_gpu, from_gpu = to, isinstance(to, OnGpu), isinstance(source, OnGpu)
        func(_held(to), _held(source), *args[2:], **kwargs)
    else:
        from_gpu = bool(of_gpu)
        device = kwargs.pop("device", None)
        to_gpu = from_gpu if device is None else _is_gpu(device)
        copied = func(_held(args[0]), **kwargs)
        result = OnGpu(copied) if to_gpu else copied
    if to_gpu and from_gpu:
        _requests.launches[str(func).removeprefix("aten.")] += 1
    elif to_gpu:
        _requests.uploads[_place()] += 1
    elif from_gpu:
        _requests.waits[f"copy to the CPU {_place()}"] += 1
    return result


def _check(func: Any, traits: _Traits, args: Any, values: list[Any]) -> None:
    of_cpu = [x for x in values if isinstance(x, Tensor) and not isinstance(x, OnGpu)]
    if any(isinstance(x, torch.Generator) and x.device.type == "cpu" for x in values):
        raise Refused(f"{traits.name} draws on the GPU with a CPU's generator at {_place()}")
    for place in traits.written:
        if place < len(args) and any(args[place] is x for x in of_cpu):
            raise Refused(f"{traits.name} writes from the GPU to the CPU at {_place()}")
    if traits.name.endswith("_like.default"):  # of the first argument but its shape is looked at
        return
    if any(x.dim() for x in of_cpu):  # a single number of the CPU is handed on with the launch
        if func not in _INDEX:
            raise Refused(f"{traits.name} takes tensors of GPU and CPU at {_place()}")
        _requests.waits[f"index of the CPU {_place()}"] += 1


def _by_mask(indices: Any) -> bool:
    return any(x is not None and x.dtype in (torch.bool, torch.uint8) for x in indices)


def _held(x: Any) -> Any:
    return x.held if isinstance(x, OnGpu) else x


def _on_gpu(x: Any) -> Any:
    return OnGpu(x) if isinstance(x, Tensor) and not isinstance(x, OnGpu) else x


def _cudnn_batch_norm(x: Tensor, *settings: Any) -> tuple[Tensor, ...]:
    return (*_aten.native_batch_norm(x, *settings), x.new_empty(0, dtype=torch.uint8))


def _cudnn_batch_norm_backward(
    x: Tensor, gradient: Tensor, weight: Tensor, *settings: Any
) -> tuple[Tensor, ...]:
    *statistics, eps, _ = settings
    wanted = [True, True, True]
    return _aten.native_batch_norm_backward(gradient, x, weight, *statistics, True, eps, wanted)


_CUDNN: dict[Any, Callable[..., Any]] = {
    _aten.cudnn_batch_norm.default: _cudnn_batch_norm,
    _aten.cudnn_batch_norm_backward.default: _cudnn_batch_norm_backward,
}


class _Watching(TorchDispatchMode):
    """Sees factories too, which take no tensor; in a place where torch does not start CUDA."""

    _mode_key = torch._C._TorchDispatchModeKey.FAKE

    def __init__(self) -> None:
        super().__init__()
        self._mode_key = torch._C._TorchDispatchModeKey.FAKE

    @classmethod
    def is_infra_mode(cls) -> bool:
        return True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the compiler is imported, which takes seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for x in _leaves((*args, *(kwargs or {}).values())):
            if isinstance(x, Tensor) and type(x) not in (Tensor, OnGpu, nn.Parameter):
                with self:  # tensors of the project's own, such as jets, come first
                    return type(x).__torch_dispatch__(func, types, args, kwargs or {})
        return _operate(func, args, kwargs or {})


_to, _batch_norm = Tensor.to, torch.batch_norm


def _cpu_to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    like = next((x for x in args if isinstance(x, OnGpu)), None)
    if like is None or isinstance(self, OnGpu):
        return _to(self, *args, **kwargs)
    return _aten._to_copy(self, dtype=like.dtype, device=GPU)


def _batch_norm_of_a_gpu(
    x: Tensor, weight: Any, bias: Any, mean: Any, var: Any, training: bool, *others: Any
) -> Tensor:
    inner = x
    while torch._C._functorch.is_functorch_wrapped_tensor(inner):
        inner = torch._C._functorch.get_unwrapped(inner)
    affine = weight is not None and bias is not None
    if _is_gpu(inner.device) and affine and x.dim() > 2 and (mean is not None or training):
        momentum, eps, _ = others
        return _aten.cudnn_batch_norm(x, weight, bias, mean, var, training, momentum, eps)[0]
    return _batch_norm(x, weight, bias, mean, var, training, *others)


class _Backend(_DummyBackendModule):
    def get_rng_state(self, device: Any = None) -> Tensor:
        return torch.zeros(16, dtype=torch.uint8)

    def set_rng_state(self, state: Tensor, device: Any = None) -> None:
        pass


def _register() -> None:
    """Make the backend known to torch, and lend a guard of devices to CUDA.

    At import: torch counts devices at the first backward pass of a process.
    """
    register(BACKEND, backend_module=_Backend())
    library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libc10.so"))
    symbol = "_ZN3c104impl26device_guard_impl_registryE"
    guards = (ctypes.c_void_p * 21).in_dll(library, symbol)
    cuda, meta = 1, 14  # the numbers of these kinds of devices
    guards[cuda] = guards[cuda] or guards[meta]


def _wait(device: Any = None) -> None:
    _requests.switches += 1


def _nothing(*_: Any) -> int:
    return 0


if register is not None:
    _register()


@contextmanager
def pretended_gpu() -> Iterator[Requests]:
    """While entered, there is a device `cuda:0`. Yields what is asked of it."""
    global _requests  # noqa: PLW0603 what is asked comes through torch, which hands on no context
    replaced: dict[str, Callable[..., Any]] = {
        "synchronize": _wait,
        "memory_allocated": _nothing,
        "max_memory_allocated": _nothing,
        "reset_peak_memory_stats": _nothing,
        "empty_cache": _nothing,
        "get_rng_state": lambda device=None: torch.zeros(16, dtype=torch.uint8),
        "set_rng_state": _nothing,
    }
    _requests = Requests()
    swaps = torch.__future__.get_overwrite_module_params_on_conversion()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.multiple(torch.cuda, **replaced))
        stack.enter_context(mock.patch.object(torch, "batch_norm", _batch_norm_of_a_gpu))
        stack.enter_context(mock.patch.object(Tensor, "to", _cpu_to))
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        stack.callback(torch.__future__.set_overwrite_module_params_on_conversion, swaps)
        stack.enter_context(torch.autograd.set_multithreading_enabled(False))
        stack.enter_context(_Watching())
        yield _requests
