"""Executors as plug-ins: what a run asks of one, and the registry of those that there are.

    from untrained.harness.execution.engines import Request, WorkerDied, register_executor

    @register_executor("threads", "several threads of this process")
    @contextmanager
    def threads(request: Request) -> Iterator[Executor]:
        yield ThreadExecutor(request.workers or 2)

`untrained.harness.contract.executor_promises` checks what an executor promises.
"""

from untrained.harness.execution.engines.engine import (
    Engine,
    Request,
    executors,
    open_executor,
    register_executor,
)
from untrained.harness.execution.executors import Executor, WorkerDied

__all__ = [
    "Engine",
    "Executor",
    "Request",
    "WorkerDied",
    "executors",
    "open_executor",
    "register_executor",
]
