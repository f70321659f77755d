"""Which devices a run uses, and how many workers."""

from __future__ import annotations

import os
from typing import Literal

from untrained.foundation import UserError
from untrained.harness.executors import Executor, ProcessExecutor, SerialExecutor

Device = Literal["cpu", "cuda"]


def find_device(wanted: Literal["auto", "cpu", "cuda"]) -> Device:
    """The device to run on; `auto` is a GPU where there is one.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    if wanted == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "cuda":
        raise UserError(
            f"the device cuda was asked for, but torch {torch.__version__} finds no GPU; use "
            "--device cpu, or install a torch build and driver for the GPU"
        )
    return "cpu"


def device_name(device: Device) -> str:
    """What the device calls itself, for the record: `cpu`, or the model of the GPU."""
    if device == "cpu":
        return "cpu"
    import torch

    return str(torch.cuda.get_device_name())


def available_cores() -> int:
    """CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make_executor(device: Device, workers: int | None = None) -> Executor:
    """The executor for a device: serial for one worker, else processes.

    Args:
        device: what the workers compute on.
        workers: their number; by default one a CPU core, or one a GPU.
    """
    if device == "cuda":
        import torch

        gpus = torch.cuda.device_count()
        count = workers or gpus
        return SerialExecutor() if count == 1 else ProcessExecutor(count, gpus=gpus)
    count = workers or available_cores()
    return SerialExecutor() if count == 1 else ProcessExecutor(count)
