"""How worker processes start."""

from __future__ import annotations

import sys
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any


class _Recording:
    """Knows the processes that it has started."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[BaseProcess] = []

    def Process(self, *args: Any, **options: Any) -> BaseProcess:  # noqa: N802
        process: BaseProcess = super().Process(*args, **options)  # type: ignore[misc]
        self.started.append(process)
        return process


class _Spawning(_Recording, SpawnContext):  # type: ignore[misc]
    pass


class _Forking(_Recording, ForkServerContext):  # type: ignore[misc]
    pass


def worker_context(*, gpus: bool) -> _Spawning | _Forking:
    """Return what starts worker processes.

    On the CPU they are forked from a server process that has imported torch and the plug-ins and
    has computed nothing. A worker, and one in place of a worker that died, is then ready at once
    instead of after seconds of imports. The server gets no later change of this process, so a
    worker is given the environment variables and the search path of its pool.
    """
    if gpus or sys.platform != "linux":
        return _Spawning()  # threads of CUDA, and libraries of other systems, survive no fork
    context = _Forking()
    context.set_forkserver_preload(["untrained.harness.execution.preloaded"])
    return context
