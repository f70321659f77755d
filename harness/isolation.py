"""The state a task is scored in, the same in every process: one thread, deterministic kernels."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import parent_process
from multiprocessing.queues import SimpleQueue

_FOR_LIFE = ExitStack()
"""Of a worker process; what is entered here must stay referred to, or it would be left again."""


@contextmanager
def isolated() -> Iterator[None]:
    """Inside, torch uses one CPU thread and reproducible GPU kernels; afterwards all is as before.

    With more threads sums are split differently and values differ in their last bits, so a score
    would depend on the number of workers.
    """
    import torch

    cudnn = torch.backends.cudnn
    threads = torch.get_num_threads()
    flags = cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32
    torch.set_num_threads(1)
    cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32 = True, False, False
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32 = flags


def prepare_worker(devices: SimpleQueue[int] | None) -> None:
    """Make a fresh worker process ready for tasks, for as long as it lives.

    Args:
        devices: GPU indices, one for each worker, or None on the CPU.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    threading.Thread(target=_follow_parent, daemon=True).start()
    _FOR_LIFE.enter_context(isolated())
    if devices is not None:
        import torch

        torch.cuda.set_device(devices.get())


def _follow_parent() -> None:
    """End this process when its parent is gone: a killed run must leave no worker behind."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
