"""Running plans: missing keys become tasks, and tasks become stored scores."""

from __future__ import annotations

import math
import os
import re
import socket
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

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
from untrained.harness.execution.progress import Progress
from untrained.harness.execution.scoring import score_task
from untrained.harness.study.plan import Plan, ScoreTask
from untrained.indicators import indicators
from untrained.results import Environment, Score, ScoreKey, ScoreStore, current_environment
from untrained.results.store.disk import FileExchanged
from untrained.results.store.score import machine

FAILURES = frozenset({"error", "timeout", "out_of_memory"})
"""Statuses that say something went wrong in the run; `unsupported` and `diverged` are findings."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed scores whose reasons differ in numbers and quoted names at most."""

    status: str
    reason: str
    """That of the first one."""
    count: int
    indicators: tuple[str, ...]
    architecture: str
    """That of the first one."""


class Failure(NamedTuple):
    """A failed score."""

    architecture: str
    indicator: str
    status: str
    reason: str


def group_failures(failures: Iterable[Failure]) -> tuple[FailureGroup, ...]:
    """Group failed scores, the most frequent reason first."""
    groups: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for architecture, indicator, status, reason in failures:
        key = status, re.sub(r"'[^']*'|\d+(\.\d+)?", "#", reason)
        groups.setdefault(key, []).append((reason, indicator, architecture))
    found = [
        FailureGroup(
            status,
            members[0][0],
            len(members),
            tuple(sorted({indicator for _, indicator, _ in members})),
            members[0][2],
        )
        for (status, _), members in groups.items()
    ]
    return tuple(sorted(found, key=lambda group: (-group.count, group.status, group.reason)))


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
    conflicts: Counter[str] = Counter()
    for key, row in plan.rows_in(store, invariant):
        if key.indicator not in plan.shared:
            conflicts["with"] += row.representative is not None
        elif row.representative is None:
            conflicts["without"] += plan.representatives[key.architecture] != key.architecture
    for stored, count in conflicts.items():
        if count:
            raise StorageError(
                f"{store.path} already contains {count} of the requested scores, computed {stored} "
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
            store.put_protocol(protocol.digest, protocol.canonical)
    missing: list[list[ScoreKey]] = []
    wanted, asked = 0, set[ScoreKey]()
    for plan in plans:
        keys = list(dict.fromkeys(plan.keys))
        if len(plans) > 1:  # what several plans want is one score
            keys = [key for key in keys if key not in asked]
            asked.update(keys)
        wanted += len(keys)
        missing.append(keys if rescore else store.missing(keys, retry_failed=retry_failed))
        for name in sorted({key.indicator for key in missing[-1]}):
            # a mistake in the images is the user's, not that of 1,000 networks
            batches(plan.protocols[name])
    del asked
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
            _Writer(store, environment, progress, replace_ok=rescore) as writer,
        ):
            for task, result in results:
                if isinstance(result, WorkerDied):
                    writer.add(Scored(task.failed(result.reason, result.status)))
                else:
                    writer.add(result)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; everything that was finished is in {store.path}: run the same command "
            "again and it goes on from there"
        ) from None
    statuses, failures = _outcome(plans, store)
    return RunSummary(
        wanted,
        wanted - left,
        writer.stored,
        tuple(sorted(statuses.items())),
        group_failures(failures),
    )


def _outcome(plans: Sequence[Plan], store: ScoreStore) -> tuple[Counter[str], list[Failure]]:
    """Count the wanted scores of each status, and list those that failed."""
    statuses: Counter[str] = Counter()
    failures: list[Failure] = []
    seen: set[ScoreKey] = set()
    for plan in plans:
        for key, row in plan.rows_in(store):
            if len(plans) > 1:
                if key in seen:
                    continue
                seen.add(key)
            statuses[row.status] += 1
            if row.status in FAILURES:
                failures.append(Failure(key.architecture, key.indicator, row.status, row.reason))
    return statuses, sorted(failures)


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
    used = {row.environment for plan in plans for _, row in plan.rows_in(store)}
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


class Scored(NamedTuple):
    """All scores of a network, and where they were computed."""

    scores: list[Score]
    place: Place = ()
    worker: str = "died"
    """Machine and process; the default is for a worker of which nothing came back."""


_machine = cache(machine)


def score_here(task: ScoreTask) -> Scored:
    """All scores of a task, with the machine and the process of this call."""
    place = _machine() | numeric_settings()
    if task.device != "cpu":
        place["device"] = gpu_names()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    return Scored(score_task(task), tuple(place.items()), worker)


def _run_tasks(
    executor: Executor, tasks: Iterable[ScoreTask]
) -> Generator[tuple[ScoreTask, Scored | WorkerDied]]:
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


STORE_S = 0.2
"""Seconds of results that are stored together; of results that come slower, each is by itself."""


class _Writer:
    """Stores the scores of whole networks, those of a moment in one transaction."""

    def __init__(
        self, store: ScoreStore, environment: Environment, progress: Progress, *, replace_ok: bool
    ) -> None:
        self.stored = 0
        self._store, self._progress, self._replace_ok = store, progress, replace_ok
        self._environment = environment
        self._environments: dict[Place, Environment] = {}
        self._waiting: dict[Place, list[Scored]] = {}
        self._wrote = -math.inf

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *error: object) -> None:
        self._write()

    def add(self, network: Scored) -> None:
        """Store the scores of a network, now or with the next ones."""
        self._waiting.setdefault(network.place, []).append(network)
        if time.monotonic() - self._wrote >= STORE_S:
            self._write()
            self._wrote = time.monotonic()

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for place, networks in waiting.items():
            if place not in self._environments:
                self._environments[place] = replace(self._environment, **dict(place))
            try:
                self._store.put(
                    [score for network in networks for score in network.scores],
                    self._environments[place],
                    replace_ok=self._replace_ok,
                )
            except FileExchanged:  # what was stored is not in the file that is there now
                raise
            except StorageError as error:
                raise StorageError(
                    f"{error}; {self.stored} scores of this run are stored and none of them is "
                    "lost: run the same command again, it goes on from there"
                ) from error
            for scores, _, worker in networks:
                self.stored += len(scores)
                self._progress.record(scores, worker)
                failed = sum(score.status in FAILURES for score in scores)
                self._progress.advance(len(scores), failed)
