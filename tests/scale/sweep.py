"""A sweep of NAS-Bench-101 with a stub for the scores: what is left is the harness's own work.

    python tests/scale/sweep.py STORE --executor dask --workers 2 --cells 423624

It prints one JSON object: rows, seconds, and the memory of this process at twenty moments.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import time
from pathlib import Path

from untrained.harness.execution import runner
from untrained.harness.execution.engines import Request, open_executor
from untrained.harness.execution.progress import Progress
from untrained.harness.study.plan import ScoreTask, plan_study
from untrained.harness.study.study import Population, Study
from untrained.results import Score, ScoreStore

WHOLE = 423_624
PAGE = resource.getpagesize()


def stub(task: ScoreTask) -> runner.Scored:
    """Scores that depend on the architecture alone; no network is built."""
    scores = [
        Score(
            *(task.space, member, wanted.indicator, wanted.version, wanted.protocol.digest),
            *(task.seed, stub_value(member)),
            alone_s=0.001,
        )
        for wanted in task.wanted
        for member in wanted.members
    ]
    return runner.Scored(scores)


def stub_value(architecture: str) -> float:
    """A number that tells architectures apart."""
    return int(hashlib.sha256(architecture.encode()).hexdigest()[:12], 16) / 2**48


def resident_mb() -> float:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


class Memory(Progress):
    """Memory of the run at twenty moments."""

    def __init__(self, rows: int) -> None:
        self.each, self.done, self.mb = max(rows // 20, 1), 0, [resident_mb()]

    def advance(self, scores: int, failures: int) -> None:
        before, self.done = self.done, self.done + scores
        if self.done // self.each > before // self.each:
            self.mb.append(resident_mb())


def sweep(store: Path, *, executor: str, workers: int, cells: int) -> dict[str, object]:
    """Fill a store; what it cost."""
    population = Population(kind="all") if cells == WHOLE else Population(kind="sample", n=cells)
    study = Study(spaces=("nasbench101",), indicators=("params",), population=population)
    began, cpu = time.monotonic(), time.process_time()
    plans = plan_study(study)
    planned = time.monotonic() - began
    request = Request(workers=workers, tell=lambda text: None)
    memory = Memory(cells)
    with open_executor(executor, request) as opened, ScoreStore(store) as scores:
        for _ in opened.run(stub, []):
            pass
        running = time.monotonic()
        summary = runner.run_plans(plans, scores, executor=opened, progress=memory)
        seconds = time.monotonic() - running
        driver_s = time.process_time() - cpu
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "rows": summary.scored,
        "stored_before": summary.stored_before,
        "wanted": summary.wanted,
        "plan_s": round(planned, 2),
        "seconds": round(seconds, 2),
        "rows_a_second": round(summary.scored / seconds),
        "driver_cpu_s": round(driver_s, 2),
        "workers_cpu_s": round(children.ru_utime + children.ru_stime, 2),
        "memory_mb": [round(mb) for mb in memory.mb],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--executor", default="dask")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cells", type=int, default=WHOLE)
    arguments = vars(parser.parse_args())
    runner.score_here = stub  # the workers find it in this file
    print(json.dumps(sweep(arguments.pop("store"), **arguments)))
