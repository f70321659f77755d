"""What one indicator would leave to the next: weights, modules, batches and global switches."""

from __future__ import annotations

import contextlib
import pickle
import random
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules import module as torch_module
from torch.utils._device import DeviceContext

from untrained.indicators.framework.devices import copies_of, numbers

_REGISTERS = (
    "_parameters",
    "_modules",
    "_forward_pre_hooks",
    "_forward_hooks",
    "_backward_pre_hooks",
    "_backward_hooks",
)
"""Dictionaries of a module that a pass reads; a measurement itself looks after the buffers."""

NETWORK = frozenset({"the modules", "the weights", "the batches", "the measurement"})
"""Parts that another network has anew; the others are of the process."""


_unguarded = ContextVar("unguarded", default=False)


@contextlib.contextmanager
def unguarded() -> Iterator[None]:
    """While entered, nothing is put back: what an indicator changes stays to be seen."""
    token = _unguarded.set(True)
    try:
        yield
    finally:
        _unguarded.reset(token)


def is_guarded() -> bool:
    """Whether what an indicator changes is put back."""
    return not _unguarded.get()


class Guard:
    """Knows a network, its batches and the process as they are now, and puts them back.

    Weights and batches are compared bit by bit with copies, all else by identity or value. This
    takes about as long as reading the weights once.
    """

    def __init__(self, network: nn.Module, batches: Sequence[tuple[Tensor, Tensor | None]]) -> None:
        """Look at a network and its batches."""
        self._contents = {
            "the weights": _Contents(list(network.parameters())),
            "the batches": _Contents([t for batch in batches for t in batch if t is not None]),
        }
        self._parts: list[tuple[str, Callable[[], bool], Callable[[], None]]] = [
            ("the modules", *_modules(network)),
            *((name, one.holds, one.put) for name, one in self._contents.items()),
        ]
        self.look_at_process()

    def look_at_process(self) -> None:
        """Look at the process, which whoever reads may have changed since: entered a mode, say."""
        self._switches = [self._switch(*switch) for switch in _SWITCHES]
        self._silent = [self._switch(*switch) for switch in _SILENT]

    @staticmethod
    def _switch(
        name: str, get: Callable[[], Any], put: Callable[[Any], Any]
    ) -> tuple[str, Callable[[], bool], Callable[[], None]]:
        found = get()
        return name, lambda: bool(found == get()), lambda: put(found)

    def put_back(self) -> tuple[list[str], list[str]]:
        """Put back what has changed.

        Returns:
            What had changed, and what of it could not be put back. Random states and filters of
            warnings are left out: they make no quantity another one.
        """
        # a GPU is waited for once where all contents hold, as they nearly always do
        settled = _holds(partial(_Contents.all_hold, *self._contents.values()))
        changed = [
            part
            for part in [*self._switches, *self._parts]
            if not (settled and part[0] in self._contents) and not _holds(part[1])
        ]
        for _, holds, put in changed:
            if not _holds(holds):  # with another one
                with contextlib.suppress(Exception):
                    put()
        for _, holds, put in self._silent:
            if not holds():
                put()
        return [name for name, *_ in changed], [n for n, holds, _ in changed if not _holds(holds)]


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:  # what was found there cannot even be looked at
        return False


def _modules(network: nn.Module) -> tuple[Callable[[], bool], Callable[[], None]]:
    """Registers, hooks, classes and training flags of all modules."""
    kept = [
        (module, type(module), module.training, [(d, dict(d)) for d in registers])
        for module in network.modules()
        if not isinstance(module, torch.jit.ScriptModule)  # TorchScript holds its attributes
        for registers in [[vars(module)[name] for name in _REGISTERS]]
    ]
    kinds = {base for _, kind, *_ in kept for base in kind.__mro__ if base is not object}
    classes = [(kind, dict(vars(kind))) for kind in (*kinds, Tensor)]

    def holds() -> bool:
        return all(
            type(module) is kind
            and module.training == mode
            and all(
                now == before and (len(now) < 2 or list(now) == list(before))
                for now, before in contents
            )
            for module, kind, mode, contents in kept
        ) and all(_same_items(vars(kind), found) for kind, found in classes)

    def put() -> None:
        for kind, found in classes:
            for name in [name for name in vars(kind) if name not in found]:
                delattr(kind, name)
            for name, value in found.items():
                if vars(kind).get(name) is not value:
                    setattr(kind, name, value)
        for module, kind, mode, contents in kept:
            if type(module) is not kind:
                module.__class__ = kind
            module.training = mode
            for now, before in contents:
                now.clear()
                now.update(before)

    return holds, put


def _same_items(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    return len(now) == len(before) and all(
        a is b for a, b in zip(now.values(), before.values(), strict=True)
    )


class _Contents:
    """Contents and flags of parameters or inputs; gradients are dropped."""

    def __init__(self, tensors: list[Tensor]) -> None:
        self._kept = [(t, t.data, _form(t), t.grad) for t in tensors]
        self._copies = copies_of([t.detach() for t in tensors])
        self._bits = _bits(self._copies)

    @staticmethod
    def all_hold(*several: _Contents) -> bool:
        """Whether none has changed, for which a GPU is waited for once."""
        if not all(one._has_form() for one in several):
            return False
        here = [one for one in several if one._bits is None]
        there = [flag for one in several if one._bits is not None for flag in one._agreeing()]
        return all(numbers(there)) and all(one._has_copies() for one in here)

    def holds(self) -> bool:
        return self.all_hold(self)

    def put(self) -> None:
        with torch.no_grad():
            for (t, data, form, grad), copy in zip(self._kept, self._copies, strict=True):
                if not t.is_leaf:  # a batch that was computed with in place
                    t.detach_()
                t.requires_grad_(form[-1])
                t.grad = grad
                t.data = data  # its storage, which other tensors may share
                if _form(t) != form:
                    raise RuntimeError("the storage was given away")
                if self._bits is not None or not _same_bits(t, copy):
                    t.data.copy_(copy)

    def _has_form(self) -> bool:
        return all(
            _form(t) == form and t.data_ptr() == data.data_ptr() and t.grad is grad
            for t, data, form, grad in self._kept
        )

    def _has_copies(self) -> bool:
        return all(map(_same_bits, (t for t, *_ in self._kept), self._copies))

    def _agreeing(self) -> list[Tensor]:
        """Of each type whether all bits are those of the copies, on the GPU."""
        now = _bits([t.detach() for t, *_ in self._kept])
        assert now is not None
        assert self._bits is not None
        return [(bits == self._bits[dtype]).all() for dtype, bits in now.items()]


def _bits(tensors: list[Tensor]) -> dict[torch.dtype, Tensor] | None:
    """All tensors of a type as one row of bytes; None on a CPU, where each is looked at."""
    if all(t.device.type == "cpu" for t in tensors):
        return None
    groups: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        groups.setdefault(tensor.dtype, []).append(tensor.reshape(-1))
    return {dtype: torch.cat(of).view(torch.uint8) for dtype, of in groups.items()}


def _form(t: Tensor) -> tuple[Any, ...]:
    return t.untyped_storage().nbytes(), t.shape, t.dtype, t.requires_grad


def _same_bits(t: Tensor, copy: Tensor) -> bool:
    if torch.equal(t, copy):
        return True
    with torch.no_grad():  # NaN equals nothing
        return torch.equal(torch.isnan(t), torch.isnan(copy)) and torch.equal(
            torch.nan_to_num(t), torch.nan_to_num(copy)
        )


def _hook_tables() -> list[dict[Any, Any]]:
    found = vars(torch_module).items()
    return [v for name, v in found if name.startswith("_global") and isinstance(v, dict)]


def _put_hooks(found: list[dict[Any, Any]]) -> None:
    for now, before in zip(_hook_tables(), found, strict=True):
        now.clear()
        now.update(before)


def _matmul_precision() -> str:
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:  # two interfaces contradict each other
        return "mixed"


def _set_matmul_precision(value: str) -> None:
    if value != "mixed":
        torch.set_float32_matmul_precision(value)


_PLACES = [("generic", "all")] + [
    (backend, work) for backend in ("mkldnn", "cuda") for work in ("all", "matmul", "conv", "rnn")
]


def _precisions() -> list[str]:
    get = getattr(torch._C, "_get_fp32_precision_getter", None)
    return [get(*place) for place in _PLACES] if get else []


def _set_precisions(values: list[str]) -> None:
    for place, value in zip(_PLACES, values, strict=False):
        if torch._C._get_fp32_precision_getter(*place) != value:
            torch._C._set_fp32_precision_setter(*place, value)


def _autocast() -> list[Any]:
    kinds = ("cpu", "cuda")
    return [(torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)) for kind in kinds]


def _set_autocast(values: list[Any]) -> None:
    for kind, (enabled, dtype) in zip(("cpu", "cuda"), values, strict=True):
        torch.set_autocast_enabled(kind, enabled)
        torch.set_autocast_dtype(kind, dtype)


def _device_context() -> DeviceContext | None:
    """The context that gives the default device; torch keeps one at a time among its modes."""
    modes = torch.overrides._get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    return next((mode for mode in modes if isinstance(mode, DeviceContext)), None)


def _device_contexts() -> tuple[DeviceContext | None, DeviceContext | None]:
    return _device_context(), getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)


def _leave_devices(found: tuple[DeviceContext | None, DeviceContext | None]) -> None:
    """Leave contexts that were entered: one that is covered by another comes to light later."""
    entered, of_process = found
    while (now := _device_context()) not in (entered, None):
        now.__exit__(None, None, None)  # type: ignore[no-untyped-call]
    if now is None and entered is not None:
        entered.__enter__()  # type: ignore[no-untyped-call]
    torch._GLOBAL_DEVICE_CONTEXT.device_context = of_process


def _modes() -> tuple[int, int, int]:
    transforms = torch._C._functorch.get_interpreter_stack() or ()
    return (
        torch._C._len_torch_function_stack(),
        torch._C._len_torch_dispatch_stack(),
        len(transforms),
    )


def _leave_modes(found: tuple[int, int, int]) -> None:
    """Leave modes that were entered; a default device is one, too, and comes first."""
    while torch._C._len_torch_function_stack() > found[0]:
        torch._C._pop_torch_function_stack()
    while torch._C._len_torch_dispatch_stack() > found[1]:
        torch._C._pop_torch_dispatch_stack(None)
    while len(torch._C._functorch.get_interpreter_stack() or ()) > found[2]:
        torch._C._functorch.pop_dynamic_layer_stack()


def _saved_tensors_hooks() -> Any:
    return torch._C._autograd._top_saved_tensors_default_hooks(True)


def _leave_hooks(found: Any) -> None:
    while _saved_tensors_hooks() not in (found, None):
        torch._C._autograd._pop_saved_tensors_default_hooks()


_LEFT: list[Any] = []
"""Guards of torch, which would be left again without a reference."""


def _set_inference_mode(found: bool) -> None:
    _LEFT.append(torch.inference_mode(found))
    _LEFT[-1].__enter__()


def _functions() -> list[dict[str, Any]]:
    return [_Functions(vars(place)) for place in (torch, functional)]


class _Functions(dict[str, Any]):
    """The names of a module; one that torch adds when it is first asked for makes no difference."""

    def __eq__(self, now: object) -> bool:
        assert isinstance(now, dict)
        return dict.__eq__(self, now) is True or all(
            # torch exchanges this one when its compiler is loaded
            now.get(name) is value or name == "manual_seed"
            for name, value in self.items()
        )

    __hash__ = None


def _set_functions(found: list[dict[str, Any]]) -> None:
    for place, names in zip((torch, functional), found, strict=True):
        vars(place).update(names)


def _set_filters(found: list[Any]) -> None:
    warnings.filters[:] = found  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]


def _attributes(place: Any, *names: str) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """What gets and what sets some attributes."""

    def put(values: tuple[Any, ...]) -> None:
        for name, value in zip(names, values, strict=True):
            setattr(place, name, value)

    return lambda: tuple(getattr(place, name) for name in names), put


def _flushes_denormals() -> bool:
    return float(torch.tensor(1e-40).mul_(1.0)) == 0.0


_SWITCHES: list[tuple[str, Callable[[], Any], Callable[[Any], Any]]] = [
    ("a default device", _device_contexts, _leave_devices),
    ("torch's modes", _modes, _leave_modes),
    ("the default type", torch.get_default_dtype, torch.set_default_dtype),
    ("the inference mode", torch.is_inference_mode_enabled, _set_inference_mode),
    ("the gradient mode", torch.is_grad_enabled, torch.set_grad_enabled),
    ("the number of threads", torch.get_num_threads, torch.set_num_threads),
    ("the precision of products", _matmul_precision, _set_matmul_precision),
    ("the precision of float32", _precisions, _set_precisions),
    ("automatic casts", _autocast, _set_autocast),
    ("oneDNN", *_attributes(torch.backends.mkldnn, "enabled")),
    ("cuDNN", *_attributes(torch.backends.cudnn, "enabled", "benchmark", "deterministic")),
    (
        "deterministic algorithms",
        lambda: (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        # not the public function, which loads torch's compiler
        lambda found: torch._C._set_deterministic_algorithms(found[0], warn_only=found[1]),
    ),
    ("denormal numbers", _flushes_denormals, torch.set_flush_denormal),
    ("the detection of anomalies", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    ("hooks of saved tensors", _saved_tensors_hooks, _leave_hooks),
    ("global hooks", lambda: [dict(table) for table in _hook_tables()], _put_hooks),
    ("torch's functions", _functions, _set_functions),
    ("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    ("numpy's treatment of errors", np.geterr, lambda found: np.seterr(**found)),
]
_SILENT: list[tuple[str, Callable[[], Any], Callable[[Any], Any]]] = [
    ("the filters of warnings", lambda: list(warnings.filters), _set_filters),
    (
        "torch's random state",
        lambda: torch.get_rng_state().numpy().tobytes(),
        lambda state: torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8)),
    ),
    (
        "numpy's random state",
        lambda: pickle.dumps(np.random.get_state()),  # noqa: NPY002 the global state is kept
        lambda state: np.random.set_state(pickle.loads(state)),  # noqa: NPY002, S301 own bytes
    ),
    ("Python's random state", random.getstate, random.setstate),
]
