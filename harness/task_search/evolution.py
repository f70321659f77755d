"""Aging evolution of tasks: the oldest goes, whoever is best of a few has a child."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from untrained.harness.task_search.genome import AnyTask, TaskGenome


@dataclass(frozen=True, slots=True)
class Trial:
    """One task that was tried."""

    number: int
    """From 1, in order."""
    parent: int
    """Number of the task that it was mutated from; 0: drawn."""
    task: AnyTask
    fitness: float
    """Larger is better; minus infinity where there is none."""


def evolve(
    genome: TaskGenome,
    fitness: Callable[[AnyTask], float],
    rng: np.random.Generator,
    *,
    population: int,
    steps: int,
    tournament: int,
    rate: float,
    told: Callable[[Trial], None] = lambda trial: None,
) -> list[Trial]:
    """Try tasks, first random ones and then children of good ones.

    Nothing but the fitness and the generator decides what is tried, so the same of both give the
    same trials.

    Args:
        genome: draws and mutates.
        fitness: of a task; NaN counts as the worst.
        rng: draws tasks, tournaments and mutations.
        population: tasks alive at once.
        steps: children; each replaces the oldest task.
        tournament: tasks drawn without replacement, of which the best, of equals the oldest,
            becomes a parent.
        rate: probability that a gene is drawn anew in a child.
        told: hears of every trial.

    Returns:
        All trials in order.
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
        told(trial)
    return trials


def best_of(trials: list[Trial]) -> Trial:
    """The fittest of all that were tried; of equals the first."""
    return max(trials, key=lambda trial: trial.fitness)
