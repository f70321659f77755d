"""Trials of a candidate in a worker: needs, time, labels, cost, memory and the contract."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial

import torch

from untrained.foundation import derive
from untrained.harness.contract import Finding, examine
from untrained.harness.contract.fixtures import ARCHITECTURE
from untrained.harness.data.inputs import Batch, batches, random_labels
from untrained.harness.execution.scoring import measurement_of, network_of, score_task
from untrained.harness.execution.watchdog import TimeLimitReached, time_limit
from untrained.harness.study.plan import ScoreTask
from untrained.harness.validation.access_audit import audit_access
from untrained.harness.validation.candidate import Candidate
from untrained.harness.validation.plain_function import Traits, find_traits
from untrained.indicators import Measurement, Reading, indicators, read
from untrained.results import Score
from untrained.spaces import spaces


def peak_allocated(work: Callable[[], object]) -> int:
    """Measure the most bytes of tensors that the work had allocated at once.

    Torch's profiler counts every allocation and release of the CPU's allocator; memory of numpy
    and Python objects is not included.

    Args:
        work: run once, about twice as slowly as without the profiler.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it would write to the user's terminal
    from torch.autograd.profiler import profile

    with profile(profile_memory=True) as profiled:
        work()
    results = profiled.kineto_results
    assert results is not None, "the profiler has been left"
    events = [event for event in results.events() if event.name() == "[memory]"]
    now = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak


_CLASSES, _BATCH = 7, 9

TRAITS_LIMIT_S = 120.0
"""For all trials on one small network, which normally take a second."""


@dataclass(frozen=True, slots=True)
class Timed:
    """Scores of one network and their time, building included."""

    seconds: float
    scores: tuple[Score, ...]


@dataclass(frozen=True, slots=True)
class LabelTrial:
    """One network's score under three kinds of labels."""

    architecture: str
    given: Reading
    """With labels: those of the protocol, or random ones where it has none."""
    permuted: Reading
    """With the same labels in another order."""
    absent: Reading
    """Without labels."""

    @property
    def needs(self) -> bool:
        """Whether there is no score without labels where there is one with them."""
        return self.given.status == "ok" and self.absent.status != "ok"

    @property
    def changes(self) -> bool:
        """Whether the score is another one under permuted labels."""
        both = self.given.status == self.permuted.status == "ok"
        return both and self.given.value != self.permuted.value


@dataclass(frozen=True, slots=True)
class CostTrial:
    """Cost of some indicators on one network, each measured by itself."""

    space: str
    architecture: str
    seconds: tuple[tuple[str, float], ...]
    """By indicator; NaN where it has no score."""
    peak_bytes: tuple[tuple[str, int], ...]
    """By indicator."""


def traits_of(candidate: Candidate) -> Traits:
    """Find what a plain function needs and costs on a small network of NAS-Bench-201."""
    function = vars(sys.modules[candidate.module_name])[candidate.function]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        # every layer of it is called once
        network = spaces["nasbench201"].build(
            ARCHITECTURE, num_classes=_CLASSES, channels=4, cells=1
        )
        inputs = torch.randn(_BATCH, 3, 8, 8)
    labels = torch.arange(_BATCH) % _CLASSES
    try:
        with time_limit(TRAITS_LIMIT_S), audit_access("scoring"), redirect_stdout(sys.stderr):
            return find_traits(function, network, inputs, labels)
    except (TimeLimitReached, SystemExit):
        return Traits()


def time_task(task: ScoreTask) -> Timed:
    """Score a task and measure its time."""
    began = time.perf_counter()
    scores = tuple(score_task(task))
    return Timed(time.perf_counter() - began, scores)


def try_labels(task: ScoreTask) -> LabelTrial:
    """Read the one wanted indicator of a task with labels, with others, and without."""
    (wanted,) = task.wanted
    protocol = wanted.protocol
    network = network_of(task, protocol)
    given = [
        (inputs, random_labels(protocol, index, len(inputs)) if labels is None else labels)
        for index, (inputs, labels) in enumerate(batches(protocol))
    ]

    def reading(variant: Sequence[Batch]) -> Reading:
        with measurement_of(task, network, protocol, variant) as measurement:
            return _read(measurement, wanted.indicator, task.timeout_s)

    return LabelTrial(
        task.architecture,
        given=reading(given),
        permuted=reading([(inputs, _reordered(labels)) for inputs, labels in given]),
        absent=reading([(inputs, None) for inputs, _ in given]),
    )


def try_costs(task: ScoreTask) -> CostTrial:
    """Read every wanted indicator of a task by itself: for its memory, then for its time.

    The first reading of a network pays for what later ones find ready, so that is not timed.
    """
    seconds: list[tuple[str, float]] = []
    peaks: list[tuple[str, int]] = []
    for wanted in task.wanted:
        protocol, name = wanted.protocol, wanted.indicator
        network = network_of(task, protocol)
        with measurement_of(task, network, protocol, batches(protocol)) as measurement:
            peaks.append((name, peak_allocated(partial(_read, measurement, name, task.timeout_s))))
        with measurement_of(task, network, protocol, batches(protocol)) as measurement:
            reading = _read(measurement, name, task.timeout_s)
        seconds.append((name, reading.alone_s if reading.status == "ok" else math.nan))
    return CostTrial(task.space, task.architecture, tuple(seconds), tuple(peaks))


def _read(measurement: Measurement, name: str, timeout_s: float | None) -> Reading:
    try:
        with time_limit(timeout_s):
            return read(measurement, [name])[name]
    except (TimeLimitReached, TimeoutError):
        return Reading(math.nan, "timeout", "not done in time")


def _reordered(labels: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(derive(0, "reordered"))
    return labels[torch.randperm(len(labels), generator=generator)]


LIMIT_S = 300.0
"""For the whole suite, which normally takes seconds."""

_OF_DECLARATIONS = frozenset(
    {
        "it_says_what_it_is",
        "labels_matter_exactly_if_they_are_needed",
        "a_second_batch_matters_exactly_if_it_is_needed",
        "the_seed_matters_exactly_if_random_numbers_are_drawn",
        "what_a_network_lacks_is_unsupported_exactly_if_it_is_needed",
        "gradients_are_taken_exactly_if_they_are_needed",
        "it_follows_the_initialisation_exactly_if_declared",
        "it_costs_the_passes_it_declares",
        "functional_twins_score_alike_exactly_if_declared",
    }
)
"""Promises that are about what the decorator says, which a plain function does not have."""


@dataclass(frozen=True, slots=True)
class Examined:
    """Findings of all promises, or the reason why there are none."""

    promises: tuple[Finding, ...]
    died: str = ""

    @property
    def broken(self) -> tuple[Finding, ...]:
        """Findings of promises that are not kept."""
        return tuple(finding for finding in self.promises if finding.kept is False)


def examine_candidate(name: str, *, plain: bool) -> Examined:
    """Examine an indicator by the contract; a plain function breaks nothing it never declared."""
    try:
        with time_limit(LIMIT_S):
            found = examine(indicators[name])
    except TimeLimitReached:
        return Examined((), f"the contract suite was not done after {LIMIT_S:g} s")
    return Examined(tuple(_forgiven(finding) for finding in found) if plain else tuple(found))


def _forgiven(one: Finding) -> Finding:
    if one.kept is not False or one.promise.partition("[")[0] not in _OF_DECLARATIONS:
        return one
    detail = f"a plain function declares nothing; as an indicator it would have to: {one.detail}"
    return replace(one, kept=None, detail=detail)
