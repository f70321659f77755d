"""What a measurement has to know of devices: arithmetic, waiting, memory, and how they fail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Inside, single precision is IEEE single precision and kernels repeat their bits.

    Neither TF32 nor bfloat16 nor autocast stands in for float32, whatever the caller or the
    environment set and by whichever of torch's two interfaces: values are those of the CPU, and the
    same on every call. On leaving, all settings are as before.
    """
    cudnn = torch.backends.cudnn
    flags = cudnn.enabled, cudnn.deterministic, cudnn.benchmark
    cudnn.enabled, cudnn.deterministic, cudnn.benchmark = True, True, False
    places = _precision_places()
    # each general setting is cleared before the special ones are read, which would inherit it
    settings = []
    for place in places:
        settings.append(place.fp32_precision)
        place.fp32_precision = "none"
    _set_ieee(places)
    # torch refuses to read an older setting that contradicts the newer one, as true does here
    try:
        allows = bool(cudnn.allow_tf32)
    except RuntimeError:
        allows = True
    precision = torch.get_float32_matmul_precision()
    cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    _set_ieee(places)  # an older setting overwrites the newer one
    try:
        with ExitStack() as autocasts_off:
            for kind in ("cpu", "cuda"):
                if torch.is_autocast_enabled(kind):
                    autocasts_off.enter_context(torch.autocast(kind, enabled=False))
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
        cudnn.allow_tf32 = allows
        for place, setting in zip(places, settings, strict=True):
            place.fp32_precision = setting
        cudnn.enabled, cudnn.deterministic, cudnn.benchmark = flags


def _precision_places() -> list[Any]:
    """Where torch (2.9 and later) is told how float32 is computed, the general places first."""
    b = torch.backends
    general = [b, b.cudnn]  # what b.mkldnn is told, torch 2.13 takes for b
    special = [
        getattr(backend, kind, None)
        for backend, kinds in (
            (b.cudnn, ("conv", "rnn")),
            (b.cuda, ("matmul",)),
            (b.mkldnn, ("conv", "matmul", "rnn")),
        )
        for kind in kinds
    ]
    return [place for place in (*general, *special) if hasattr(place, "fp32_precision")]


def _set_ieee(places: list[Any]) -> None:
    for place in places:
        place.fp32_precision = "ieee"


_OUT_OF_MEMORY = (
    "can't allocate memory",  # a CPU
    "not enough memory",  # a CPU under Windows
    "out of memory",  # CUDA, when it is no longer asked for memory but for work; MPS
    "STATUS_ALLOC_FAILED",  # cuBLAS, cuDNN, cuSOLVER
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is not enough memory; only some have a class for it."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY)


_NO_FLOAT64 = (
    "doesn't support float64",  # MPS
    "Required aspect fp64 is not supported",  # some of XPU
)


def is_lack_of_float64(error: BaseException) -> bool:
    """Whether an error says that a device cannot compute in double precision."""
    return any(text in str(error) for text in _NO_FLOAT64)


@cache
def warm_up(device: str) -> None:
    """Load what a process loads at the first use of an accelerator, once.

    Else it would be part of the cost of the first indicator and of the time limit of its network.
    """
    if torch.device(device).type == "cpu":
        return
    x = torch.ones(2, 3, 8, 8, device=device, requires_grad=True)
    gain, shift = torch.ones(3, device=device), torch.zeros(3, device=device)
    maps = functional.conv2d(x, torch.ones(3, 3, 3, 3, device=device))
    maps = functional.batch_norm(maps, None, None, gain, shift, training=True).relu()
    rows = functional.avg_pool2d(maps, 2).flatten(1)
    torch.autograd.grad((rows @ rows.T).sum(), x)
    torch.linalg.eigvalsh(torch.eye(2, dtype=torch.float64, device=device))
    wait_for(torch.device(device))


def wait_for(device: torch.device) -> None:
    """Wait until an accelerator has done everything that it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type in ("mps", "xpu"):
        torch.accelerator.synchronize(device)


def free_memory(device: torch.device) -> None:
    """Give back to a GPU what torch keeps of it without using it."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def is_lost(device: str | torch.device) -> bool:
    """Whether a GPU fails whatever this process asks of it, as after an illegal access of memory.

    Such a fault stays: only another process can go on.
    """
    try:
        wait_for(torch.device(device))
    except RuntimeError:
        return True
    return False


def numbers(scalars: Iterable[Tensor]) -> list[float]:
    """Tensors of one element each as numbers of Python, for which the device is waited for once."""
    found = list(scalars)
    return torch.stack(found).tolist() if found else []


def products(pairs: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, ...]:
    """The elementwise product of each pair, on a GPU by one operation for all."""
    left, right = zip(*pairs, strict=True)
    return torch._foreach_mul(left, right)


_FETCHED = 2**26  # bytes


def on_cpu(tensors: Iterable[Tensor]) -> Iterator[Tensor]:
    """Tensors of one type on the CPU, fetched from their device together.

    A solver of small matrices is slower on a GPU than on a CPU, and is waited for by its host.
    """
    waiting: list[Tensor] = []
    for tensor in tensors:
        if tensor.device.type == "cpu":
            yield tensor
            continue
        waiting.append(tensor)
        if sum(one.nbytes for one in waiting) > _FETCHED:
            yield from _fetched(waiting)
            waiting = []
    if waiting:
        yield from _fetched(waiting)


def _fetched(tensors: list[Tensor]) -> Iterator[Tensor]:
    flat = torch.cat([tensor.flatten() for tensor in tensors]).cpu()
    parts = torch.split(flat, [tensor.numel() for tensor in tensors])
    return (part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True))


def move(network: nn.Module, device: str, dtype: torch.dtype) -> None:
    """Move a network, with floating-point tensors of one type, as `network.to` does.

    To a GPU the tensors go in one copy for each type, not in one each.
    """
    if torch.device(device).type == "cpu":
        network.to(dtype=dtype)
        return
    moved: dict[int, Tensor] = {}
    groups: dict[torch.dtype, list[Tensor]] = {}
    for tensor in (*network.parameters(), *network.buffers()):
        groups.setdefault(tensor.dtype, []).append(tensor)
    for kind, tensors in groups.items():
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors]).to(device)
        parts = torch.split(flat, [tensor.numel() for tensor in tensors])
        wanted = dtype if kind.is_floating_point else kind
        made = [torch.empty_like(t.detach(), device=device, dtype=wanted) for t in tensors]
        copy_together(made, [part.view(t.shape) for part, t in zip(parts, tensors, strict=True)])
        moved.update(zip(map(id, tensors), made, strict=True))
    network._apply(lambda tensor: moved[id(tensor)])  # type: ignore[no-untyped-call]


def copies_of(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Copies, as `clone` makes them, made together."""
    made = [torch.empty_like(t) if _is_plain(t) else t.clone() for t in tensors]
    plain = [pair for pair in zip(made, tensors, strict=True) if _is_plain(pair[1])]
    copy_together([copy for copy, _ in plain], [source for _, source in plain])
    return made


def copy_together(targets: Sequence[Tensor], sources: Sequence[Tensor]) -> None:
    """Write tensors into others, on a GPU by one operation for all of one type."""
    groups: dict[tuple[torch.device, torch.dtype], tuple[list[Tensor], list[Tensor]]] = {}
    with torch.no_grad():
        for target, source in zip(targets, sources, strict=True):
            if not _is_plain(target):
                target.copy_(source)
                continue
            of_group = groups.setdefault((target.device, target.dtype), ([], []))
            of_group[0].append(target)
            of_group[1].append(source)
        for group in groups.values():
            torch._foreach_copy_(*group)


def _is_plain(tensor: Tensor) -> bool:
    dense = tensor.layout == torch.strided and not tensor.is_quantized
    return dense and not tensor.requires_grad
