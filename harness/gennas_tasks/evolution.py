"""Evolution of GenNAS tasks."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from untrained.indicators.regression.sequences import SequenceTask
from untrained.indicators.regression.task_file import named
from untrained.indicators.regression.tasks import NoiseKind, Signal, Stage, Task

Kind = Literal["sin1d", "sin2d", "dot", "gdot", "resize"]
IMAGE_BASES: tuple[Kind, ...] = ("sin1d", "sin2d", "dot", "resize", "gdot")
SEQUENCE_BASES: tuple[Kind, ...] = ("sin1d", "sin2d", "dot", "gdot")
NOISES: tuple[NoiseKind, ...] = ("gaussian", "uniform")
NOISE_LEVELS = tuple(k / 10 for k in range(10))
MULTIPLIERS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
LEVELS = tuple(k / 10 for k in range(5, 30))
WIDTHS = (16, 32, 48, 64, 80, 96)
_NUM_FREQUENCIES = 10
_NYQUIST = 0.5
_ON = 0.5

AnyTask = Task | SequenceTask
Again = Callable[[], bool]
"""Tells whether the next gene is drawn anew."""


@dataclass(frozen=True, slots=True)
class TaskGenome:
    """Draws and mutates tasks of one kind, as the authors' search does.

    The genes are: kind and level of the noise; of images, the width of each of three targets; of
    sequences, the number of features; and for every stage and signal base a slot, which is empty
    with probability 1/2. A wave's ten frequencies are drawn between two ends that are drawn
    before. Signals of sequences are always local, and none is `resize`.
    """

    sequences: bool

    def draw(self, rng: np.random.Generator) -> AnyTask:
        """Draw every gene of a task."""
        return self._build(rng, None, lambda: True)

    def mutate(self, task: AnyTask, rng: np.random.Generator, rate: float) -> AnyTask:
        """Draw every gene of a task anew with a probability; it may stay the same."""
        return self._build(rng, task, lambda: bool(rng.random() < rate))

    def _build(self, rng: np.random.Generator, parent: AnyTask | None, again: Again) -> AnyTask:
        noise: NoiseKind
        if parent is None or again():
            noise = NOISES[rng.integers(len(NOISES))]
            level = NOISE_LEVELS[rng.integers(len(NOISE_LEVELS))]
        else:
            noise, level = parent.noise, parent.noise_level
        if self.sequences:
            assert parent is None or isinstance(parent, SequenceTask)
            kept = None if parent is None or again() else parent.width
            width = kept or WIDTHS[rng.integers(len(WIDTHS))]
            given = self._signals(rng, parent.given if parent else None, again)
            wanted = self._signals(rng, parent.wanted if parent else None, again)
            return named(SequenceTask("", given, wanted, width, noise, level))
        assert parent is None or isinstance(parent, Task)
        stages = [
            self._stage(rng, None if parent is None else parent.stages[i], again) for i in range(3)
        ]
        return named(Task("", (stages[0], stages[1], stages[2]), noise, level))

    def _stage(self, rng: np.random.Generator, parent: Stage | None, again: Again) -> Stage:
        if parent is None or again():
            multiplier = MULTIPLIERS[rng.integers(len(MULTIPLIERS))]
        else:
            multiplier = parent.multiplier
        return Stage(self._signals(rng, parent.signals if parent else None, again), multiplier)

    def _signals(
        self, rng: np.random.Generator, parent: tuple[Signal, ...] | None, again: Again
    ) -> tuple[Signal, ...]:
        found: list[Signal] = []
        for base in SEQUENCE_BASES if self.sequences else IMAGE_BASES:
            if parent is not None and not again():
                found += [signal for signal in parent if signal.kind == base]
            elif rng.random() < _ON:
                found.append(self._signal(base, rng))
        return tuple(found)

    def _signal(self, base: Kind, rng: np.random.Generator) -> Signal:
        level = LEVELS[rng.integers(len(LEVELS))]
        if base == "resize":
            return Signal(base, level)
        frequencies: tuple[float, ...] = ()
        share = 0.0
        if base in ("sin1d", "sin2d"):
            start, end = np.sort(rng.uniform(0, _NYQUIST, size=2))
            drawn = rng.uniform(start, end, size=_NUM_FREQUENCIES)
            frequencies = tuple(round(float(one), 4) for one in drawn)
        else:
            share = round(float(rng.random()), 4)
        local = self.sequences or bool(rng.random() < _ON)
        return Signal(base, level, frequencies, share, local)


@dataclass(frozen=True, slots=True)
class Trial:
    """One evaluated task."""

    number: int
    """From 1, in order."""
    parent: int
    """Number of its parent; 0: drawn."""
    task: AnyTask
    fitness: float
    """Larger is better; minus infinity for a missing fitness."""


def evolve(
    genome: TaskGenome,
    fitness: Callable[[AnyTask], float],
    rng: np.random.Generator,
    *,
    population: int,
    steps: int,
    tournament: int,
    rate: float,
    on_trial: Callable[[Trial], None] = lambda trial: None,
) -> list[Trial]:
    """Try tasks, first random ones and then children of good ones.

    The trials depend on the fitness and the generator alone.

    Args:
        fitness: of a task; NaN counts as the worst.
        tournament: number of tasks drawn without replacement; the best of them, the oldest of
            equal ones, becomes a parent.
        rate: probability that a gene is drawn anew in a child.
    """
    alive: deque[Trial] = deque()
    trials: list[Trial] = []
    for number in range(1, population + steps + 1):
        parent = 0
        if number <= population:
            task = genome.draw(rng)
        else:
            size = min(tournament, len(alive))
            places = np.sort(rng.choice(len(alive), size=size, replace=False))
            chosen = max((alive[int(i)] for i in places), key=lambda trial: trial.fitness)
            parent, task = chosen.number, genome.mutate(chosen.task, rng, rate)
            alive.popleft()
        value = fitness(task)
        trial = Trial(number, parent, task, -math.inf if math.isnan(value) else value)
        alive.append(trial)
        trials.append(trial)
        on_trial(trial)
    return trials


def best_of(trials: list[Trial]) -> Trial:
    """Find the fittest trial, the first of equal ones."""
    return max(trials, key=lambda trial: trial.fitness)
