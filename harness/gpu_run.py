"""Settle on one GPU, within minutes, what a machine without one cannot tell, and score networks.

    python -m untrained.harness.gpu_run FOLDER
    python -m untrained.harness.gpu_run FOLDER --dry      (a rehearsal on the CPU)

The stages are facts (costs of launches, waits and kernels), contract (each indicator on the GPU
against the CPU), agreement (real networks on both), scaling (networks a second by processes) and
scores. Each writes a file when it ends, and a stage that fails does not keep the others from
running. Networks come in a random order, so that the scores of a run that ends early are those of a
uniform sample; `untrained run STUDY --scores FOLDER/scores.sqlite` adds them to a study's store.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from untrained.foundation import MissingData, UserError
from untrained.harness.contract.indicator_case import IndicatorCase
from untrained.harness.contract.indicator_scores import cuda_agrees_with_the_cpu
from untrained.harness.contract.promise import Inapplicable
from untrained.harness.data.datasets import find_dataset
from untrained.harness.data.inputs import image_file
from untrained.harness.execution.executors import (
    Device,
    Executor,
    ProcessExecutor,
    SerialExecutor,
    WorkerDied,
    available_cores,
    find_device,
)
from untrained.harness.execution.progress import Progress
from untrained.harness.execution.runner import run_plans
from untrained.harness.execution.scoring import score_task
from untrained.harness.study.plan import Plan, ScoreTask, plan_study
from untrained.harness.study.study import Population, Study
from untrained.indicators import indicators
from untrained.indicators.framework.devices import exact_arithmetic, wait_for
from untrained.results import Score, ScoreStore

T = TypeVar("T")
R = TypeVar("R")

SPACE, DATASET = "nasbench201", "cifar10"
CHEAP = (
    *("naswot", "naswot_live", "nasi", "grad_norm", "snip", "plain", "jacov", "synflow"),
    *("logsynflow", "l2_norm", "swap", "swap_regularised", "linear_regions", "ntk_condition"),
    *("ntk_trace_sumlogit", "params", "flops", "depth"),
)
LISTS: dict[
    str, tuple[tuple[str, ...], float, int]
] = {  # indicators, share of the time for scores, most networks
    "cheap": (CHEAP, 0.4, 15_625),
    "second": (
        (
            *("epe_nas", "fisher", "zico", "az_expressivity", "az_progressivity", "grasp"),
            *("zen", "zen_released", "ntk_condition_frozen", "meco", "meco_opt", "near"),
        ),
        0.3,
        8_000,
    ),
    "third": (("vkdnw", "ntk_generalization", "az_trainability"), 0.12, 4_000),
    "costly": (
        (
            *("gennas_search_nasbench101", "gradsign", "ntk_trace"),
            *("ntk_trace_label", "ntk_condition_label"),
        ),
        0.18,
        1_000,
    ),
}
TOLERANCES = {"grasp": 0.1, "epe_nas": 0.05, "zico": 0.05, "plain": 1.0}
"""Relative, of indicators that enlarge rounding; of all others 0.01."""
STAGES = ("facts", "contract", "agreement", "scaling", "scores")
_SECONDS = {"contract": 60.0, "agreement": 120.0, "scaling": 10.0}


@dataclass
class Until:
    """An executor whose results end when the time is up; it notes when each came."""

    executor: Executor
    seconds: float
    after: int = 0
    """Results before the clock starts: until then processes load their libraries."""
    moments: list[float] = field(default_factory=list)

    @property
    def workers(self) -> int:
        """See `Executor`."""
        return self.executor.workers

    def run(
        self, function: Callable[[T], R], items: Iterable[T]
    ) -> Generator[tuple[T, R | WorkerDied]]:
        """See `Executor`."""
        begin = time.monotonic()
        with closing(self.executor.run(function, items)) as results:
            for pair in results:
                self.moments.append(time.monotonic())
                yield pair
                if len(self.moments) <= self.after:
                    begin = time.monotonic()
                elif time.monotonic() - begin > self.seconds:
                    return

    @property
    def rate(self) -> float:
        """Results a second since the clock started; 0 for fewer than two."""
        counted = self.moments[max(self.after - 1, 0) :]
        span = counted[-1] - counted[0] if len(counted) > 1 else 0.0
        return (len(counted) - 1) / span if span else 0.0


@dataclass
class Run:
    """A run into a folder within some seconds."""

    folder: Path
    seconds: float
    device: Device
    small: bool
    workers: int | None = None
    begin: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - (time.monotonic() - self.begin)

    @property
    def most(self) -> int:
        """The most processes that are tried."""
        return 1 if self.small else max(available_cores() - 2, 1)

    def say(self, text: str) -> None:
        """Print a line, and keep it in the folder."""
        line = f"[{time.monotonic() - self.begin:5.0f} s] {text}"
        print(line, flush=True)
        with (self.folder / "log.txt").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def save(self, name: str, content: object) -> None:
        """Write a JSON document."""
        text = json.dumps(content, indent=1, default=str)
        (self.folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")

    def executor(self, workers: int, device: Device | None = None) -> Executor:
        """Make an executor of so many processes."""
        if self.small and workers == 1:
            return SerialExecutor()
        return ProcessExecutor(workers, gpus=int((device or self.device) == "cuda"))

    def plans(self, names: Sequence[str], networks: int, **changes: Any) -> list[Plan]:
        """Plan the scores of a random sample."""
        conditions: dict[str, Any] = {"batch_size": 4, "channels": 4, "cells": 1}
        study = Study(
            spaces=(SPACE,),
            indicators=tuple(names),
            population=Population(n=networks),
            inputs="gaussian" if self.small else inputs_here(),
            timeout_s=60.0,
            **(changes | (conditions if self.small else {})),
        )
        return plan_study(study)

    def score(self, names: Sequence[str], networks: int, executor: Until) -> int:
        """Score networks until the time is up, and return the number of networks."""
        with ScoreStore(self.folder / "scores.sqlite") as store:
            plans = self.plans(names, networks)
            run_plans(plans, store, executor=executor, progress=Progress(), device=self.device)
        return len(executor.moments)


def inputs_here() -> str:
    """Return the dataset whose images are there, or `gaussian`."""
    try:
        image_file(find_dataset(DATASET))
    except MissingData:
        return "gaussian"
    return DATASET


def facts(run: Run) -> None:
    """Measure what the model of docs/performance.md assumes, in microseconds."""
    device = torch.device(run.device)
    found: dict[str, Any] = {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if run.device == "cuda" else platform.machine(),
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        "cores": available_cores(),
    }

    def timed(work: Callable[[], object], repeats: int) -> float | str:
        try:
            for _ in range(2):
                work()
            wait_for(device)
            begin = time.perf_counter()
            for _ in range(repeats):
                work()
            wait_for(device)
        except RuntimeError as error:
            return str(error).splitlines()[0]
        return (time.perf_counter() - begin) / repeats * 1e6

    many, few = (20, 1) if run.small else (2000, 20)
    one = torch.zeros(1, device=device)
    found["launch"] = timed(lambda: one.add_(1), many)
    found["wait"] = timed(one.item, many)
    found["upload"] = timed(lambda: torch.zeros(64).to(device), many)
    large = torch.zeros(2**16 if run.small else 2**28, device=device)
    found["copy of 1 GiB"] = timed(large.clone, few)
    del large
    samples = 2 if run.small else 128
    for dtype in (torch.float32, torch.float64):
        for layout in (torch.contiguous_format, torch.channels_last):
            for channels, side in ((16, 32), (64, 8)):
                what = f"{dtype} {layout} {channels} channels".replace("torch.", "")
                maps = torch.randn(samples, channels, side, side, device=device, dtype=dtype)
                maps = maps.contiguous(memory_format=layout)
                weight = torch.randn(channels, channels, 3, 3, device=device, dtype=dtype)
                for name, work in _OPERATIONS.items():
                    found[f"{name} {what}"] = timed(partial(work, maps, weight), few)
    for size in (16, 64):
        matrices = torch.randn(4 if run.small else 200, size, size, dtype=torch.float64)
        for place in ("cpu", run.device):
            kernel = (matrices @ matrices.mT).to(place)
            found[f"eigvalsh {size} {place}"] = timed(partial(torch.linalg.eigvalsh, kernel), 1)
            found[f"svdvals {size} {place}"] = timed(partial(torch.linalg.svdvals, kernel), 1)
    run.save("facts", found)
    run.say(f"facts: {found['device']}, launch {found['launch']}, wait {found['wait']}")


def _convolution(x: Tensor, weight: Tensor) -> object:
    return functional.conv2d(x, weight, padding=1)


def _backward(x: Tensor, weight: Tensor) -> object:
    return torch.ops.aten.convolution_backward(
        *(x, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, True, False])
    )


def _batch_norm(x: Tensor, weight: Tensor) -> object:
    gain = weight[:, 0, 0, 0].contiguous()
    return functional.batch_norm(x, None, None, gain, gain, training=True)


_OPERATIONS = {
    "convolution": _convolution,
    "backward of convolution": _backward,
    "batch norm": _batch_norm,
}


def _contract_of(name: str) -> str:
    try:
        cuda_agrees_with_the_cpu(IndicatorCase(indicators[name]))
    except Inapplicable as reason:
        return f"not applicable: {reason}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
    return "ok"


def contract(run: Run) -> None:
    """Check that each indicator has the CPU's score of the contract's network."""
    executor = Until(run.executor(min(run.most, 12)), _SECONDS["contract"])
    found: dict[str, str] = {}
    with closing(executor.run(_contract_of, list(indicators))) as results:
        for name, result in results:
            found[name] = result if isinstance(result, str) else result.reason
    run.save("contract", found)
    wrong = {name: text for name, text in found.items() if not text.startswith(("ok", "not app"))}
    checked = sum(text == "ok" for text in found.values())
    run.say(f"contract: {checked} of {len(indicators)} indicators agree, wrong: {wrong or 'none'}")


def agreement(run: Run) -> None:
    """Compare scores of real networks on the GPU with those on this machine's CPU."""
    names = [name for names, _, _ in LISTS.values() for name in names]
    if run.small:
        names = [name for name in names if name not in LISTS["costly"][0]]
    plans = run.plans(names, 1 if run.small else 3, **({} if run.small else {"batch_size": 16}))
    found: dict[Device, dict[tuple[str, str], Score]] = {}
    devices: tuple[Device, ...] = ("cpu", run.device)
    for device in devices:
        # in parts of a few indicators, so that all cores have work
        tasks = [
            part
            for plan in plans
            for task in plan.tasks(plan.keys, device=device)
            for part in _parts(task, len(names) if run.small else 6)
        ]
        executor = Until(run.executor(min(run.most, len(tasks)), device), _SECONDS["agreement"])
        with closing(executor.run(score_task, tasks)) as results:
            found[device] = {
                (score.architecture, score.indicator): score
                for _, scores in results
                if not isinstance(scores, WorkerDied)
                for score in scores
            }
    rows = []
    for key, usual in found["cpu"].items():
        other = found[run.device].get(key)
        rows.append({"architecture": key[0], "indicator": key[1], **_compared(usual, other)})
    run.save("agreement", rows)
    wrong = sorted({row["indicator"] for row in rows if not row["agrees"]})
    run.say(f"agreement: {len(rows)} scores, without agreement: {', '.join(wrong) or 'none'}")


def _parts(task: ScoreTask, size: int) -> list[ScoreTask]:
    starts = range(0, len(task.wanted), size)
    return [replace(task, wanted=task.wanted[start : start + size]) for start in starts]


def _compared(usual: Score, other: Score | None) -> dict[str, Any]:
    if other is None:
        return {"agrees": False, "reason": "not measured within the time"}
    same = other.value == usual.value
    gap = 0.0 if same else abs(other.value - usual.value) / (abs(usual.value) or 1)
    close = usual.status != "ok" or gap <= TOLERANCES.get(usual.indicator, 0.01)
    return {
        "agrees": usual.status == other.status and close,
        "gap": gap,
        "cpu": [usual.status, usual.value, usual.alone_s],
        "device": [other.status, other.value, other.alone_s, other.peak_bytes, other.reason],
    }


def scaling(run: Run) -> None:
    """Measure networks a second by the number of processes, and choose the best number."""
    rates: dict[int, float] = {}
    for workers in sorted({1, min(4, run.most), min(8, run.most), run.most}):
        executor = Until(run.executor(workers), min(_SECONDS["scaling"], run.left / 8), workers)
        run.score(LISTS["cheap"][0], 40 if run.small else 2_000, executor)
        rates[workers] = executor.rate
        run.say(f"scaling: {workers} processes, {executor.rate:.2f} networks a second")
        run.save("scaling", rates)
    run.workers = max(rates, key=rates.__getitem__)


def scores(run: Run) -> None:
    """Score networks by all lists, each for its share of the time that is left."""
    shares = sum(share for _, share, _ in LISTS.values())
    for name, (names, share, networks) in LISTS.items():
        executor = Until(run.executor(run.workers or run.most), (run.left - 5) * share / shares)
        done = run.score(names, 40 if run.small else networks, executor)
        shares -= share
        run.say(f"scores: {done} networks by the {name} list, {executor.rate:.2f} a second")
    with ScoreStore(run.folder / "scores.sqlite") as store:
        store.export(run.folder / "scores.parquet")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the stages."""
    parser = argparse.ArgumentParser("untrained.harness.gpu_run", description=__doc__)
    parser.add_argument("folder", type=Path, help="Folder of the results.")
    parser.add_argument(
        "--seconds", type=float, default=780, help="Time of the run (default: 780)."
    )
    parser.add_argument(
        "--skip", nargs="*", choices=STAGES, default=[], help="Stages of an earlier run."
    )
    parser.add_argument(
        "--workers", type=int, help="Number of processes for scores (default: the fastest)."
    )
    parser.add_argument("--dry", action="store_true", help="Rehearsal on the CPU, of small sizes.")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        device = find_device("cpu" if options.dry else "cuda")
    except UserError as error:
        parser.error(str(error))
    run = Run(options.folder, options.seconds, device, options.dry, options.workers)
    for stage in (facts, contract, agreement, scaling, scores):
        if stage.__name__ in options.skip:
            continue
        try:
            with exact_arithmetic():
                stage(run)
        except Exception as error:
            run.say(f"{stage.__name__} failed: {type(error).__name__}: {error}")
            if options.dry:
                raise
    run.say(f"written: {', '.join(sorted(os.listdir(run.folder)))}")


if __name__ == "__main__":
    main()
