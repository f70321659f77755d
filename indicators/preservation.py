"""Leaves a network and the global random state as they were found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn


@contextmanager
def preserved(network: nn.Module) -> Iterator[Callable[[], None]]:
    """On leaving, also by an exception, undo what a measurement does to a network.

    Kept: training flags, buffers (running statistics), `requires_grad` flags, `.grad` tensors and
    the global random states of the CPU and of the network's devices. Inside, gradients can be
    taken whatever the caller's gradient mode, and every parameter asks for one. Parameters are
    not copied: no quantity writes to them. Yields a function that gives the network buffers as
    they were found already inside.
    """
    parameters = list(network.parameters())
    flags = [p.requires_grad for p in parameters]
    grads = [p.grad for p in parameters]
    modes = [(module, module.training) for module in network.modules()]
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in network.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]

    def fresh_buffers() -> None:
        # new tensors, not the old ones written to: a graph may have saved those
        for owner, name, _, saved in buffers:
            owner._buffers[name] = saved.clone()

    devices = sorted({p.device.index for p in parameters if p.device.type == "cuda"})
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        if devices:  # the CPU's arithmetic, and the same on every call
            stack.enter_context(
                torch.backends.cudnn.flags(
                    enabled=True, benchmark=False, deterministic=True, allow_tf32=False
                )
            )
        try:
            for parameter in parameters:
                parameter.requires_grad_(parameter.is_floating_point())
            yield fresh_buffers
        finally:
            for parameter, flag, grad in zip(parameters, flags, grads, strict=True):
                parameter.requires_grad_(flag)
                parameter.grad = grad
            for module, mode in modes:
                module.training = mode
            with torch.no_grad():
                for owner, name, buffer, saved in buffers:
                    buffer.copy_(saved)
                    owner._buffers[name] = buffer
