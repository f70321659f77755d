"""Connections to dask: a cluster in this process, a scheduler by its address, jobs of SLURM."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from untrained.foundation import MissingData, UserError
from untrained.harness.execution.engines.engine import Request
from untrained.harness.execution.executors import make_executor
from untrained.harness.study.study import Cluster

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 5.0
"""Seconds after which a scheduler that does not answer is given up."""


@contextmanager
def connected(request: Request) -> Iterator[Client]:
    """A client of the workers of a request, at least one of which has joined.

    Raises:
        MissingData: dask is not installed.
        UserError: the scheduler does not answer, the cluster cannot be used, or no worker joins.
    """
    try:
        import distributed
    except ImportError as error:
        raise MissingData(
            f"cannot use the executor dask: {error}. Install it with pip install 'untrained[dask]'."
        ) from error
    with ExitStack() as stack:
        address: Any = request.scheduler
        if address is None:
            cluster = _local(request) if request.cluster is None else _slurm(request.cluster)
            address = stack.enter_context(cluster)
        client = distributed.Client.__new__(distributed.Client)
        try:
            client.__init__(  # in two steps, to have it if this one fails
                address, timeout=CONNECT_S, set_as_default=False, name="untrained"
            )
        except (OSError, ValueError, TypeError) as error:  # timeouts are OSErrors
            # left to the collector, it may be closed while dask starts another: neither ends then
            with suppress(AttributeError):
                client.close(timeout=CONNECT_S)
            raise UserError(
                f"cannot reach the scheduler {request.scheduler}: {error}. Start one with `dask "
                "scheduler`, and give the address that it prints, such as "
                "--scheduler tcp://host:8786."
            ) from error
        stack.callback(client.close, timeout=CONNECT_S)
        try:
            client.wait_for_workers(1, timeout=request.wait_s)
        except TimeoutError as error:
            raise UserError(
                f"cannot start: no worker has joined the scheduler {client.scheduler.address} in "
                f"{request.wait_s:g} s. Start one with `dask worker {client.scheduler.address}`, "
                "look at the queue of the cluster, or wait longer with --wait SECONDS."
            ) from error
        yield client


def _local(request: Request) -> Any:
    """Scheduler and worker threads in this process: networks have worker processes anyway."""
    from distributed import LocalCluster

    workers = request.workers or make_executor(request.device).workers
    return LocalCluster(
        n_workers=1,
        threads_per_worker=workers,
        processes=False,
        resources={"GPU": workers} if request.device == "cuda" else None,
        dashboard_address="127.0.0.1:0",
    )


def _slurm(cluster: Cluster) -> Any:
    if shutil.which("sbatch") is None:
        raise UserError(
            "cannot start jobs of SLURM: the command sbatch is not here. Run on a machine that "
            "submits jobs, or start workers yourself and give --scheduler tcp://host:8786."
        )
    made = slurm_cluster(cluster)
    made.scale(jobs=cluster.jobs)
    return made


def slurm_cluster(cluster: Cluster) -> Any:
    """The scheduler of a cluster, in this process; no job has started.

    Raises:
        MissingData: dask-jobqueue is not installed.
    """
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise MissingData(
            f"cannot start jobs of SLURM: {error}. Install dask-jobqueue with pip install "
            "'untrained[dask]'."
        ) from error
    directives = list(cluster.directives)
    resources = []
    if cluster.gpus:
        directives.append(f"--gres=gpu:{cluster.gpus}")
        resources = ["--resources", f"GPU={cluster.cores}"]
    return SLURMCluster(
        queue=cluster.queue,
        account=cluster.account,
        cores=cluster.cores,
        processes=1,
        memory=cluster.memory,
        walltime=cluster.walltime,
        interface=cluster.interface,
        python=cluster.python,
        job_extra_directives=directives,
        job_script_prologue=list(cluster.prologue),
        worker_extra_args=resources,
        log_directory=cluster.log_folder,
        scheduler_options={"dashboard_address": ":0"},
    )
