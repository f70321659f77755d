"""What is wrong with a cluster is said at once, in words; nothing waits for ever."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from distributed import Client, LocalCluster

from untrained.foundation import MalformedInput, MissingData, UserError
from untrained.harness.execution.engines import (
    Request,
    WorkerDied,
    dask_cluster,
    dask_driver,
    dask_worker,
    open_executor,
)
from untrained.harness.execution.engines.dask_cluster import slurm_cluster
from untrained.harness.execution.engines.dask_driver import DaskExecutor
from untrained.harness.study.study import Cluster, Study
from untrained.harness.study.study_file import checked, parse_study


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A scheduler and a worker with a thread, all in this process."""
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        dashboard_address="127.0.0.1:0",
        protocol="tcp",
        host="127.0.0.1",
    ) as made:
        yield made


def opened(**fields: Any) -> None:
    with open_executor("dask", Request(tell=lambda text: None, **fields)):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "tcp://no.such.host:9"])
def test_a_scheduler_that_does_not_answer(address, monkeypatch):
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 0.3)
    with pytest.raises(UserError, match=f"cannot reach the scheduler {address}: .*dask scheduler"):
        opened(scheduler=address)


def test_the_client_of_a_scheduler_that_does_not_answer_is_closed_at_once(monkeypatch):
    close, ended = Client.close, []

    def noted(client: Client, **options: Any) -> None:
        close(client, **options)
        ended.append(client.status)

    monkeypatch.setattr(dask_cluster, "CONNECT_S", 0.3)
    monkeypatch.setattr(Client, "close", noted)
    gc.disable()  # it closes what is left to it, too
    try:
        with pytest.raises(UserError, match="cannot reach the scheduler"):
            opened(scheduler="tcp://127.0.0.1:1")
        assert ended == ["closed"]
    finally:
        gc.enable()


def test_a_cluster_that_gives_no_worker_in_time():
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(UserError, match=r"no worker has joined .* in 0\.1 s.*--wait SECONDS"),
    ):
        opened(scheduler=empty.scheduler_address, wait_s=0.1)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ({"torch": "9.9"}, "has torch 9.9 instead of 2.6"),
        ({}, "has torch is missing instead of 2.6"),
        (ModuleNotFoundError("No module named 'untrained'"), "No module named 'untrained'"),
    ],
)
def test_workers_with_other_software_are_refused(cluster, monkeypatch, there, said):
    answers: Iterator[Any] = iter([{"torch": "2.6"}, there])

    def software() -> dict[str, str]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(dask_worker, "software", software)
    software.__module__, software.__qualname__ = dask_worker.__name__, "software"
    with pytest.raises(UserError, match=f"cannot use the workers of .*{said}.*Install the same"):
        opened(scheduler=cluster.scheduler_address)


def test_a_worker_with_other_software_that_comes_late_ends_the_run(cluster, work, monkeypatch):
    with open_executor("dask", Request(scheduler=cluster.scheduler_address)) as executor:
        here = dask_worker.software()
        monkeypatch.setattr(dask_worker, "software", lambda: here | {"torch": "9.9"})
        with pytest.raises(UserError, match=r"cannot measure on .* it has torch 9\.9 instead"):
            list(executor.run(work.square, [1]))


def test_the_software_of_this_process_is_that_of_its_files():
    found = dask_worker.software()
    assert set(found) == {"untrained", "files of untrained", "torch"}
    assert len(found["files of untrained"]) == 12
    assert dask_worker.software_differences(found, dict(found)) == ""


def test_workers_without_the_wanted_gpu(cluster):
    with pytest.raises(UserError, match=r"no worker .* offers the resource GPU.*--resources GPU=N"):
        opened(scheduler=cluster.scheduler_address, device="cuda")


def test_a_gpu_is_a_resource_of_a_worker(in_threads, work):
    request = Request(device="cuda", workers=3, tell=lambda text: None)
    with open_executor("dask", request) as executor:
        assert executor.workers == 3
        assert sorted(executor.run(work.square, range(9)))[-1] == (8, 64)


def test_a_scheduler_that_ends_amid_a_run_ends_it(cluster, in_threads, work):
    with open_executor("dask", Request(scheduler=cluster.scheduler_address)) as executor:
        running = executor.run(work.wait, [0.05] * 1000)
        assert next(running) == (0.05, 0.05)
        threading.Thread(target=cluster.close).start()
        with pytest.raises(UserError, match=r"cannot go on with the scheduler .*the same command"):
            list(running)


def test_workers_that_are_gone_for_too_long_end_a_run(cluster, in_threads, work, monkeypatch):
    monkeypatch.setattr(dask_driver, "_LOOK_S", 0.05)
    monkeypatch.setattr(dask_driver, "CONNECT_S", 0.2)
    request = Request(scheduler=cluster.scheduler_address, wait_s=0.3)
    with open_executor("dask", request) as executor:
        running = executor.run(work.wait, [0.05] * 1000)
        next(running)
        cluster.scale(0)
        with pytest.raises(UserError, match=r"has had no worker for 0\.3 s"):
            list(running)


def test_the_task_that_costs_workers_is_lost_alone(cluster, in_threads, work, monkeypatch):
    """What dask reports of a batch whose workers die, without the deaths."""
    results = DaskExecutor._results

    def deadly(self: DaskExecutor, future: Any) -> list[Any] | None:
        return None if any(item == 3 for item in batches[future.key]) else results(self, future)

    submit = DaskExecutor._submit
    batches: dict[str, list[int]] = {}

    def remember(self: DaskExecutor, function: Callable[..., Any], batch: list[int]) -> Any:
        future = submit(self, function, batch)
        batches[future.key] = batch
        return future

    monkeypatch.setattr(DaskExecutor, "_results", deadly)
    monkeypatch.setattr(DaskExecutor, "_submit", remember)
    with open_executor("dask", Request(scheduler=cluster.scheduler_address)) as executor:
        executor._batch.size = 4
        found = dict(executor.run(work.square, range(9)))
        assert found == {x: WorkerDied() if x == 3 else x * x for x in range(9)}
        monkeypatch.setattr(dask_driver, "_DEATHS_IN_A_ROW", 2)
        with pytest.raises(UserError, match="the workers of 2 networks died, several for each"):
            list(executor.run(work.square, [3, 3, 3]))


def test_without_dask_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingData, match=r"cannot use the executor dask.*untrained\[dask\]"):
        opened()
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(MissingData, match=r"cannot start jobs of SLURM.*untrained\[dask\]"):
        slurm_cluster(Cluster())


def test_jobs_of_slurm_have_what_the_study_says(tmp_path):
    study = parse_study(
        """
        spaces = ["nasbench201"]
        indicators = ["params"]
        population = { kind = "all" }
        [cluster]
        jobs = 20
        cores = 8
        memory = "32 GB"
        walltime = "2-12:30:00"
        queue = "gpu"
        account = "nas"
        gpus = 2
        python = "/shared/venv/bin/python"
        directives = ["--exclusive"]
        prologue = ["module load cuda"]
        log_folder = "logs"
        """,
        place="study.toml",
        command="untrained run study.toml",
        folder=tmp_path,
    ).study
    assert study.cluster is not None
    with slurm_cluster(study.cluster) as cluster:
        lines = cluster.job_script().splitlines()
    assert {
        "#SBATCH -p gpu",
        "#SBATCH -A nas",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH --mem=30G",
        "#SBATCH -t 2-12:30:00",
        "#SBATCH --exclusive",
        "#SBATCH --gres=gpu:2",
        f"#SBATCH -o {tmp_path}/logs/dask-worker-%J.out",
        "module load cuda",
    } <= set(lines)
    command = lines[-1]
    assert command.startswith("/shared/venv/bin/python -m distributed.cli.dask_worker tcp://")
    assert "--nthreads 8" in command
    assert "--resources GPU=8" in command


def test_slurm_is_used_where_jobs_can_be_submitted(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"sbatch is not here.*--scheduler tcp://host:8786"):
        opened(cluster=Cluster())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "pbs"),
        ("memory", "lots"),
        ("walltime", "an hour"),
        ("jobs", 0),
        ("gpus", -1),
        ("queue", "a\n#SBATCH --mail-user=x"),
        ("prologue", ["true\nfalse"]),
        ("cpus", 3),
    ],
)
def test_mistakes_in_the_description_of_a_cluster(key, value, tiny_study):
    values = {"spaces": ["nasbench201"], "indicators": ["params"], "population": {"kind": "all"}}
    with pytest.raises(MalformedInput, match=r"cluster"):
        checked(Study, values | {"cluster": {key: value}})
