"""The executors of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from untrained.foundation import UserError
from untrained.harness.execution.engines.engine import Request, register_executor
from untrained.harness.execution.executors import Executor, SerialExecutor, make_executor


@register_executor("serial", "one network after the other in this process")
@contextmanager
def serial(request: Request) -> Iterator[Executor]:
    """Run in this process.

    Raises:
        UserError: several workers are asked for.
    """
    if request.workers not in (None, 1):
        raise UserError(
            f"cannot use {request.workers} workers: the executor serial has one. Give --executor "
            "processes, or leave --workers out."
        )
    yield SerialExecutor()


@register_executor("processes", "worker processes of this machine")
@contextmanager
def processes(request: Request) -> Iterator[Executor]:
    """Run in processes, one for each worker."""
    # a time limit is what makes one worker a process of its own
    yield make_executor(request.device, request.workers, limited=True)
