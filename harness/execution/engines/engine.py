"""What a run asks of an executor, and the registry of executors."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

from untrained.foundation import Registry, UserError
from untrained.harness.execution.executors import Device, Executor, find_device, make_executor
from untrained.harness.study.study import Cluster

WAIT_S = 300.0


def _print(text: str) -> None:
    print(f"untrained: {text}", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class Request:
    """What a run asks of an executor."""

    device: Device = "cpu"
    """Where networks are measured."""
    workers: int | None = None
    """Number of networks that are measured at once (default: what the machine or cluster has)."""
    limited: bool = False
    """Whether tasks have time limits, which are sure in a worker process only."""
    scheduler: str | None = None
    """Address of a scheduler, for an executor that has one."""
    cluster: Cluster | None = None
    """Description of a cluster on which workers are started."""
    wait_s: float = WAIT_S
    """Seconds after which a cluster without any worker is given up."""
    tell: Callable[[str], None] = _print
    """Shows a user where the workers are."""

    @classmethod
    def of(cls, wanted: Literal["auto", "cpu", "cuda"], **fields: Any) -> Request:
        """Make a request for a device; `auto` is a GPU where this machine has one.

        On other machines `auto` is the CPU, and a GPU need not be on this one.

        Raises:
            UserError: a GPU of this machine is asked for and there is none.
        """
        request = cls(**fields)
        if request.scheduler is None and request.cluster is None:
            return replace(request, device=find_device(wanted))
        return replace(request, device="cuda" if wanted == "cuda" else "cpu")


Open = Callable[[Request], AbstractContextManager[Executor]]


@dataclass(frozen=True, slots=True)
class Engine:
    """A registered executor: how it is opened, and what it is in words."""

    name: str
    title: str
    open: Open
    """Function whose block has the executor; it gives back everything when the block ends."""
    remote: bool = False
    """Whether it can use a scheduler or a cluster."""


executors: Registry[Engine] = Registry(
    "executor",
    package="untrained.harness.execution.engines",
    group="untrained.executors",
    hint="serial, processes or dask",
    machinery=("engine", "dask_cluster", "dask_worker"),
)


def register_executor(name: str, title: str, *, remote: bool = False) -> Callable[[Open], Open]:
    """Register the decorated function, which makes an executor for a request.

    Args:
        name: value of `--executor`.
        title: what it is, a noun phrase.
        remote: whether it can use a scheduler or a cluster.
    """

    def register(function: Open) -> Open:
        executors.register(name, Engine(name, title, function, remote), origin=function.__module__)
        return function

    return register


def open_executor(name: str | None, request: Request) -> AbstractContextManager[Executor]:
    """The executor of that name, or `serial` for one worker and `processes` for more.

    Raises:
        UnknownName: there is no such executor.
        UserError: it cannot be had, or cannot use the scheduler that was named.
    """
    if name is None:
        if request.scheduler is not None:
            raise UserError(
                f"cannot use the scheduler {request.scheduler}: no executor was named. Give "
                "--executor dask as well."
            )
        return nullcontext(make_executor(request.device, request.workers, limited=request.limited))
    engine = executors[name]
    if request.scheduler is not None and not engine.remote:
        able = ", ".join(one.name for one in executors.values() if one.remote)
        raise UserError(
            f"cannot use the scheduler {request.scheduler}: the executor {name} runs on this "
            f"machine. Give --executor with one of: {able}."
        )
    return engine.open(request)
