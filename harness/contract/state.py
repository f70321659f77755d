"""Everything that an examination must find as it was: a network's state, and the process's."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

HOOKS = [name for name in vars(nn.Module()) if "hook" in name]
GLOBAL_HOOKS = [name for name, value in vars(torch_module).items() if isinstance(value, dict)]


def state(net: nn.Module) -> dict[str, Any]:
    """A network's parts, values, gradients, flags and hooks, and the process's random state.

    Returns:
        By what it is, in words; tensors are copies.
    """
    # numpy's global state is what is asked
    of_numpy = np.random.get_state(legacy=False)  # noqa: NPY002
    return {
        "the network's modules": [id(module) for module in net.modules()],
        "attributes of modules": [sorted(vars(module)) for module in net.modules()],
        "parameters": [(name, id(p), p.detach().clone()) for name, p in net.named_parameters()],
        "gradients (.grad)": [
            (id(p.grad), None if p.grad is None else p.grad.clone()) for p in net.parameters()
        ],
        "requires_grad flags": [p.requires_grad for p in net.parameters()],
        "buffers (running statistics)": [
            (name, id(b), b.clone()) for name, b in net.named_buffers()
        ],
        "training flags": [module.training for module in net.modules()],
        "hooks": _hooks(net),
        "torch's global random state": torch.get_rng_state(),
        "numpy's global random state": [str(of_numpy), of_numpy["state"]["key"].tobytes()],
        "Python's global random state": random.getstate(),
        "gradient and inference mode": (
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
        ),
        "torch's default type, threads and determinism": (
            torch.get_default_dtype(),
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
        ),
    }


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What of two states is not the same bits and objects."""
    return [part for part, value in before.items() if not equal(value, after[part])]


def equal(before: Any, after: Any) -> bool:
    """Whether two states are the same; NaN equals NaN."""
    if isinstance(before, Tensor):
        return isinstance(after, Tensor) and _bits(before).equal(_bits(after))
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(
            equal(a, b) for a, b in zip(before, after, strict=True)
        )
    return bool(before == after)


def _bits(values: Tensor) -> Tensor:
    return values.contiguous().flatten().view(torch.uint8)


def _hooks(net: nn.Module) -> list[dict[Any, Any]]:
    of_modules = [
        dict(getattr(module, name))
        for module in net.modules()
        for name in HOOKS
        if isinstance(getattr(module, name), dict)
    ]
    return of_modules + [dict(getattr(torch_module, name)) for name in GLOBAL_HOOKS]
