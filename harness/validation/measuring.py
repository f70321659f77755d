"""Measuring a candidate within a budget of time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from untrained.foundation import StorageError, UserError
from untrained.harness.execution.executors import WorkerDied
from untrained.harness.execution.progress import Progress
from untrained.harness.execution.runner import RunSummary, run_plans
from untrained.harness.study.plan import Plan, ScoreTask, score_version
from untrained.harness.validation.access_audit import AccessEvent
from untrained.harness.validation.candidate import Candidate, CandidateExecutor
from untrained.harness.validation.comparison_setting import ComparisonSetting
from untrained.harness.validation.trials import (
    CostTrial,
    Examined,
    LabelTrial,
    Timed,
    examine_candidate,
    time_task,
    try_costs,
    try_labels,
)
from untrained.indicators import Indicator, Protocol, indicators
from untrained.results import ScoreStore

if TYPE_CHECKING:
    from untrained.harness.execution.executors import Executor


LEAST = 20
"""Networks of a space below which intervals say next to nothing."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Time and networks that one search space can use."""

    seconds: float
    """For one network."""
    available: int
    """Networks that have baselines."""
    weight: float = 1.0
    """Share of the time, relative to the others'."""


def split_budget(seconds: float, demands: Mapping[str, Demand]) -> dict[str, int]:
    """Choose the number of networks of each space, so that time is shared by weight.

    A space whose networks are all affordable gives what it does not need to the others. Where time
    does not even suffice for `LEAST` networks of a space, it gets these all the same (as far as
    there are so many): the caller says so.
    """
    left = dict(demands)
    chosen: dict[str, int] = {}
    time = max(0.0, seconds)
    while left:
        total = sum(demand.weight for demand in left.values())
        full = [
            name
            for name, one in left.items()
            if one.available * one.seconds <= time * one.weight / total
        ]
        if not full:
            for name, one in left.items():
                fitting = int(time * one.weight / total / one.seconds)
                chosen[name] = min(one.available, max(fitting, LEAST))
            break
        for name in full:
            one = left.pop(name)
            chosen[name] = one.available
            time -= one.available * one.seconds
    return {name: chosen[name] for name in demands}


AGAIN = 0.2
"""Share of the networks that are scored under another initialisation, and another batch."""


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonPlans:
    """The scores planned for one space."""

    comparison: ComparisonSetting
    main: Plan
    other_seed: Plan
    """Some of the networks, initialised anew."""
    other_batch: Plan | None
    """The same ones as they were, shown another batch; None where no batch is looked at."""

    @property
    def all(self) -> list[Plan]:
        """Every plan."""
        return [self.main, self.other_seed, *([self.other_batch] if self.other_batch else [])]


def plan_comparison(
    comparison: ComparisonSetting,
    candidate: Indicator,
    n: int,
    *,
    seed: int,
    timeout_s: float | None,
) -> ComparisonPlans:
    """Plan the scores of a space; the seed chooses the second initialisation and batch."""
    again = min(n, max(LEAST, round(AGAIN * n)))
    first = comparison.baselines.network_seed

    def plan(networks: int, protocol: Protocol, network_seed: int) -> Plan:
        return Plan(
            space=comparison.space,
            selection=comparison.selection(networks),
            protocols={candidate.id: protocol},
            versions={candidate.id: score_version(candidate.version, comparison.space)},
            seeds=(network_seed,),
            timeout_s=timeout_s,
        )

    own = comparison.protocol(candidate)
    other = comparison.protocol(candidate, other_batch=1 + seed)
    return ComparisonPlans(
        comparison,
        main=plan(n, own, first),
        other_seed=plan(again, own, first + 1 + seed),
        other_batch=plan(again, other, first) if other != own else None,
    )


BESIDE = ("params", "flops", "synflow", "naswot", "grad_norm", "snip", "jacov", "nasi")
"""Built-in indicators whose cost is measured beside the candidate's."""
_FOR_THE_REST = 0.12
"""Share of the time that statistics and the page take."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The amount of measuring."""

    minutes: float = 15.0
    """Wall time of the whole run, about."""
    networks: int | None = None
    """At most so many a space, whatever the time allows."""
    workers: int = 2
    seed: int = 0
    timeout_s: float = 60.0
    """For one network."""
    trials: int = 4
    """Networks of a space on which seconds are found out, one more for labels, half for costs."""
    beside: tuple[str, ...] = BESIDE
    """Indicators whose cost is measured on the same networks."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The measurements of a candidate."""

    plans: tuple[ComparisonPlans, ...]
    seconds: Mapping[str, float]
    """One network takes, by space, building included."""
    absent: Mapping[str, str]
    """Spaces that are left out, and why."""
    findings: Examined
    labels: tuple[LabelTrial, ...]
    costs: tuple[CostTrial, ...]
    summary: RunSummary
    access_events: tuple[AccessEvent, ...]
    short: tuple[str, ...]
    """Spaces that got the least number of networks although time did not allow for it."""


def measure_candidate(
    candidate: Candidate,
    item: Indicator,
    comparisons: Sequence[ComparisonSetting],
    store: ScoreStore,
    *,
    settings: Settings,
    absent: Mapping[str, str],
    progress: Progress,
    on_progress: Callable[[str], None],
    chosen: Path,
    inner: Executor,
) -> Measured:
    """Measure a candidate; it is registered in this process.

    Args:
        store: keeps the scores; those that are there are not measured again.
        chosen: a file that keeps how many networks were chosen, so that a run that goes on after
            an interruption chooses as many.

    Raises:
        UserError: the candidate gives no score of any network that was tried.
    """
    began = time.monotonic()
    executor = CandidateExecutor(inner, candidate)
    on_progress("trying a few networks of each space")
    seconds, left_out = _try(executor, comparisons, item, settings)
    comparisons = [comparison for comparison in comparisons if comparison.space in seconds]
    on_progress("contract, labels, cost and memory")
    findings, labels, costs = _conduct(executor, candidate, item, comparisons, settings)
    key = f"{item.id} {item.version} {settings}"
    counts = _kept(chosen, key, comparisons)
    if counts is None:
        counts = _choose(comparisons, seconds, settings, spent_s=time.monotonic() - began)
        _keep(chosen, key, counts)
    plans = [
        plan_comparison(
            comparison,
            item,
            counts[comparison.space],
            seed=settings.seed,
            timeout_s=settings.timeout_s,
        )
        for comparison in comparisons
    ]
    summary = run_plans(
        [plan for space_plans in plans for plan in space_plans.all],
        store,
        executor=executor,
        progress=progress,
    )
    wall = settings.minutes * 60 * settings.workers
    return Measured(
        plans=tuple(plans),
        seconds=seconds,
        absent={**absent, **left_out},
        findings=findings,
        labels=labels,
        costs=costs,
        summary=summary,
        access_events=executor.access_events,
        short=tuple(
            space
            for space, n in counts.items()
            if n <= LEAST and settings.networks is None and n * seconds[space] > wall / len(counts)
        ),
    )


def _together(executor: CandidateExecutor, jobs: Sequence[Callable[[], object]]) -> list[object]:
    """Run jobs that share the start of the processes; return results in their order."""
    done = {place: result for (place, _), result in executor.run(_perform, list(enumerate(jobs)))}
    return [done[place] for place in range(len(jobs))]


def _perform(job: tuple[int, Callable[[], object]]) -> object:
    return job[1]()


def _try(
    executor: CandidateExecutor,
    comparisons: Sequence[ComparisonSetting],
    item: Indicator,
    settings: Settings,
) -> tuple[dict[str, float], dict[str, str]]:
    """Measure seconds per network of each space; explain spaces whose networks have no score.

    Raises:
        UserError: no network of any space has one.
    """
    jobs = [
        partial(time_task, comparison.task(text, [item], timeout_s=settings.timeout_s))
        for comparison in comparisons
        for text in comparison.baselines.order[: settings.trials]
    ]
    results = iter(_together(executor, jobs))
    seconds: dict[str, float] = {}
    wrong: dict[str, str] = {}
    for comparison in comparisons:
        own = [next(results) for _ in comparison.baselines.order[: settings.trials]]
        timed = [result for result in own if isinstance(result, Timed)]
        scores = [score for timing in timed for score in timing.scores]
        if any(score.status == "ok" for score in scores):
            # the first networks of a process pay for its start
            warm = sorted(timing.seconds for timing in timed)[
                : max(1, len(timed) - executor.workers)
            ]
            seconds[comparison.space] = max(1e-3, sum(warm) / len(warm))
            continue
        reasons = [f"{score.status}: {score.reason}" for score in scores]
        reasons += [result.reason for result in own if isinstance(result, WorkerDied)]
        text = "; ".join(list(dict.fromkeys(reasons))[:3])
        wrong[comparison.space] = f"no score of any of {len(own)} networks ({text})"
    if not seconds:
        detail = "; ".join(f"{space}: {text}" for space, text in wrong.items())
        raise UserError(
            f"{item.id} gives no score: {detail}; correct that and run again (a network maps "
            "inputs (B, 3, H, W) to logits (B, classes), and a score is one number)"
        )
    return seconds, wrong


def _conduct(
    executor: CandidateExecutor,
    candidate: Candidate,
    item: Indicator,
    comparisons: Sequence[ComparisonSetting],
    settings: Settings,
) -> tuple[Examined, tuple[LabelTrial, ...], tuple[CostTrial, ...]]:
    """Run the contract, trials with other labels, and trials of cost beside other indicators."""
    first = comparisons[0]
    jobs: list[Callable[[], object]] = [
        partial(examine_candidate, item.id, plain=candidate.plain),
        *(
            partial(try_labels, first.task(text, [item], timeout_s=settings.timeout_s))
            for text in first.baselines.order[: settings.trials + 1]
        ),
        *(partial(try_costs, task) for task in _cost_tasks(comparisons, item, settings)),
    ]
    examined, *trials = _together(executor, jobs)
    if not isinstance(examined, Examined):
        assert isinstance(examined, WorkerDied)
        examined = Examined((), examined.reason)
    return (
        examined,
        tuple(trial for trial in trials if isinstance(trial, LabelTrial)),
        tuple(trial for trial in trials if isinstance(trial, CostTrial)),
    )


def _cost_tasks(
    comparisons: Sequence[ComparisonSetting], item: Indicator, settings: Settings
) -> list[ScoreTask]:
    beside = [indicators[name] for name in settings.beside if name != item.id]
    return [
        comparison.task(
            text, [item, *(one for one in beside if one.id in comparison.baselines.scores)]
        )
        for comparison in comparisons
        for text in comparison.baselines.order[: max(1, settings.trials // 2)]
    ]


def _choose(
    comparisons: Sequence[ComparisonSetting],
    seconds: Mapping[str, float],
    settings: Settings,
    *,
    spent_s: float,
) -> dict[str, int]:
    left = settings.minutes * 60 * (1 - _FOR_THE_REST) - spent_s
    demands = {
        comparison.space: Demand(
            seconds[comparison.space] * (1 + 2 * AGAIN),
            len(comparison.baselines.order[: settings.networks]),
            # networks with accuracies on several datasets tell more
            weight=(1 + len(comparison.truths)) / 2,
        )
        for comparison in comparisons
    }
    return split_budget(left * settings.workers, demands)


def _kept(file: Path, key: str, comparisons: Sequence[ComparisonSetting]) -> dict[str, int] | None:
    """Read the choice of an interrupted run of the same file and settings."""
    if not file.is_file():
        return None
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        networks = {str(name): int(n) for name, n in kept["networks"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    same = kept.get("key") == key and set(networks) == {
        comparison.space for comparison in comparisons
    }
    return networks if same else None


def _keep(file: Path, key: str, counts: Mapping[str, int]) -> None:
    text = json.dumps({"key": key, "networks": counts}, indent=1)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"cannot write to {str(file.parent)!r}: {error.strerror or error}; name a folder you "
            "can write to (--output FOLDER)"
        ) from error
