"""Running plans: missing keys become tasks, and tasks become stored scores."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from untrained.foundation import Interrupted, StorageError
from untrained.harness.data.inputs import batches
from untrained.harness.execution.executors import (
    Device,
    Executor,
    WorkerDied,
    device_name,
    gpu_names,
    numeric_settings,
)
from untrained.harness.execution.failures import FAILURES, FailureGroup, group_failures
from untrained.harness.execution.progress import Progress
from untrained.harness.execution.scoring import score_task
from untrained.harness.study.plan import Plan, ScoreTask
from untrained.indicators import indicators
from untrained.results import Environment, Score, ScoreKey, ScoreStore, current_environment
from untrained.results.store.disk import FileExchanged
from untrained.results.store.score import machine


def check_sharing(plan: Plan, store: ScoreStore) -> None:
    """Refuse to complete a store that was filled with the other choice of class sharing.

    A shared score is that of the representative's own random weights, so it differs from the one
    the member would have got; whether a score is shared is not part of its key.

    Raises:
        StorageError: the store holds wanted scores that were obtained the other way.
    """
    invariant = [name for name in plan.protocols if indicators[name].class_invariant]
    if not invariant:
        return
    frame = plan.scores_in(store)
    frame = frame[frame["indicator"].isin(invariant)]
    if frame.empty:
        return
    shared = frame["representative"].notna()
    if not plan.share_classes:
        conflicts, stored = int(shared.sum()), "with"
    else:
        elsewhere = frame["architecture"].map(plan.representatives) != frame["architecture"]
        conflicts, stored = int((elsewhere & ~shared).sum()), "without"
    if conflicts:
        raise StorageError(
            f"{store.path} already contains {conflicts} of the requested scores, computed {stored} "
            "class sharing (share_classes). Use the same setting, or another store."
        )


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Counts of a run."""

    wanted: int
    """Scores the plans ask for."""
    stored_before: int
    scored: int
    """Scores this run added."""
    statuses: tuple[tuple[str, int], ...]
    """Number of wanted scores of each status, sorted by status."""
    failures: tuple[FailureGroup, ...] = ()
    """What went wrong, the most frequent reason first."""

    @property
    def num_failures(self) -> int:
        """Wanted scores that are missing because something went wrong."""
        return sum(n for status, n in self.statuses if status in FAILURES)


def run_plans(
    plans: Sequence[Plan],
    store: ScoreStore,
    *,
    executor: Executor,
    progress: Progress,
    device: Device = "cpu",
    retry_failed: bool = False,
    rescore: bool = False,
) -> RunSummary:
    """Score what the store lacks. Each network's scores are stored together as soon as they come.

    If a worker dies or hangs, the network's indicators are measured one by one.

    Args:
        retry_failed: score again what is stored with another status than `ok`.
        rescore: score everything again; a score that is `ok` is replaced by another one that is.

    Raises:
        StorageError: the store cannot be written, or holds scores that do not go with the plans.
        MissingData: images that are not there.
        MalformedInput: images that cannot be read.
    """
    for plan in plans:
        check_sharing(plan, store)
        for protocol in plan.protocols.values():
            batches(protocol)  # a mistake in the images is the user's, not that of 1,000 networks
            store.put_protocol(protocol.digest, protocol.canonical)
    missing: list[list[ScoreKey]] = []
    asked: set[ScoreKey] = set()
    for plan in plans:  # what several plans want is one score
        keys = [key for key in plan.keys if key not in asked]
        asked.update(keys)
        missing.append(keys if rescore else store.missing(keys, retry_failed=retry_failed))
    wanted = len(asked)
    left = sum(map(len, missing))
    environment = current_environment(
        device=device_name(device, executor), threads=1, numerics=numeric_settings()
    )
    if left:
        _warn_of_other_devices(plans, store, environment.device, progress)
    tasks = (
        task
        for plan, keys in zip(plans, missing, strict=True)
        for task in plan.tasks(keys, device=device)
    )
    try:
        with (
            progress.running(total=left, done_before=wanted - left),
            closing(_run_tasks(executor, tasks)) as results,
        ):
            scored = _store_all(results, store, environment, progress, replace_ok=rescore)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; everything that was finished is in {store.path}: run the same command "
            "again and it goes on from there"
        ) from None
    statuses: dict[ScoreKey, str] = {}
    frames = [plan.scores_in(store) for plan in plans]
    for frame in frames:
        keyed = zip(*(frame[name] for name in ScoreKey._fields), strict=True)
        statuses.update(zip(map(ScoreKey._make, keyed), frame["status"], strict=True))
    return RunSummary(
        wanted,
        wanted - left,
        scored,
        tuple(sorted(Counter(statuses.values()).items())),
        group_failures(frames),
    )


def _warn_of_other_devices(
    plans: Sequence[Plan], store: ScoreStore, device: str | None, progress: Progress
) -> None:
    """Warn if wanted scores were computed on another kind of device: it is not part of the key."""
    others = {
        digest: environment.device
        for digest, environment in store.environments().items()
        if environment.device and (environment.device == "cpu") != (device == "cpu")
    }
    if not others:
        return
    used = {digest for plan in plans for digest in plan.scores_in(store)["environment"].unique()}
    names = sorted({name for digest, name in others.items() if digest in used})
    if names:
        progress.warn(
            f"{store.path} contains wanted scores that were computed on {' and '.join(names)}, and "
            f"the missing ones are computed on {device}. They differ by rounding, which some "
            "indicators enlarge (grasp to 10 %). Use one kind of device for scores that are "
            "ranked together: another --device, or another store."
        )


Place = tuple[tuple[str, Any], ...]
"""Fields of an environment that depend on the machine, with their values."""


_machine = cache(machine)


def _place(device: str) -> Place:
    """Describe the machine of this process."""
    place = _machine() | numeric_settings()
    return tuple(place.items() if device == "cpu" else {**place, "device": gpu_names()}.items())


def score_here(task: ScoreTask) -> tuple[list[Score], Place]:
    """All scores of a task, and the machine on which they were computed."""
    return score_task(task), _place(task.device)


def _run_tasks(
    executor: Executor, tasks: Iterable[ScoreTask]
) -> Generator[tuple[ScoreTask, tuple[list[Score], Place] | WorkerDied]]:
    """Run tasks; one whose worker died is run again in parts of one indicator each.

    Only the scores of the indicator at fault are then lost. The parts come next, before other
    tasks: their successes show the executor that workers can live.
    """
    parts: deque[ScoreTask] = deque()

    def waiting(others: Iterable[ScoreTask]) -> Iterator[ScoreTask]:
        for task in others:
            while parts:
                yield parts.popleft()
            yield task
        while parts:
            yield parts.popleft()

    left = tasks
    while True:
        with closing(executor.run(score_here, waiting(left))) as results:
            for task, result in results:
                if isinstance(result, WorkerDied) and not result.whole and len(task.wanted) > 1:
                    parts.extend(replace(task, wanted=(one,)) for one in task.wanted)
                else:
                    yield task, result
        if not parts:
            return
        left = ()


def _store_all(
    results: Iterable[tuple[ScoreTask, tuple[list[Score], Place] | WorkerDied]],
    store: ScoreStore,
    environment: Environment,
    progress: Progress,
    *,
    replace_ok: bool,
) -> int:
    """Store each network's scores in one transaction; how many there were."""
    scored = 0
    environments: dict[Place, Environment] = {}
    for task, result in results:
        scores, place = (
            (task.failed(result.reason, result.status), ())
            if isinstance(result, WorkerDied)
            else result
        )
        if place not in environments:
            environments[place] = replace(environment, **dict(place))
        try:
            store.put(scores, environments[place], replace_ok=replace_ok)
        except FileExchanged:  # what was stored is not in the file that is there now
            raise
        except StorageError as error:
            raise StorageError(
                f"{error}; {scored} scores of this run are stored and none of them is lost: "
                "run the same command again, it goes on from there"
            ) from error
        scored += len(scores)
        progress.record(scores, getattr(scores, "worker", "died"))
        progress.advance(len(scores), sum(score.status in FAILURES for score in scores))
    return scored
