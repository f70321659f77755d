"""What task searches draw and mutate, and the evolution around it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from untrained.harness.gennas_tasks.evolution import (
    IMAGE_BASES,
    LEVELS,
    MULTIPLIERS,
    NOISE_LEVELS,
    SEQUENCE_BASES,
    WIDTHS,
    TaskGenome,
    best_of,
    evolve,
)
from untrained.indicators.regression.sequences import SequenceTask
from untrained.indicators.regression.task_file import digest
from untrained.indicators.regression.tasks import Task

NUM_GENES = 1 + 3 * (1 + len(IMAGE_BASES))


def draw(count: int, *, sequences: bool = False) -> list:
    rng = np.random.default_rng(0)
    return [TaskGenome(sequences=sequences).draw(rng) for _ in range(count)]


def signals_of(task) -> list:
    if isinstance(task, Task):
        return [signal for stage in task.stages for signal in stage.signals]
    return [*task.given, *task.wanted]


@pytest.mark.parametrize("sequences", [False, True])
def test_drawn_tasks_stay_in_the_published_ranges(sequences):
    for task in draw(200, sequences=sequences):
        assert isinstance(task, SequenceTask if sequences else Task)
        assert task.noise_level in NOISE_LEVELS
        for signal in signals_of(task):
            assert 0.5 <= signal.level <= 2.9
            assert round(signal.level, 1) == signal.level
            if signal.kind in ("sin1d", "sin2d"):
                assert len(signal.frequencies) == 10
                assert all(0 <= one <= 0.5 for one in signal.frequencies)
            if signal.kind in ("dot", "gdot"):
                assert 0 <= signal.share <= 1
            if sequences:
                assert signal.local
                assert signal.kind in SEQUENCE_BASES
    assert len(LEVELS) == 25


def test_every_choice_is_drawn_about_equally_often():
    tasks = draw(2000)
    stages = [stage for task in tasks for stage in task.stages]
    for seen, choices in (
        (Counter(task.noise for task in tasks), ("uniform", "gaussian")),
        (Counter(task.noise_level for task in tasks), NOISE_LEVELS),
        (Counter(stage.multiplier for stage in stages), MULTIPLIERS),
    ):
        assert set(seen) == set(choices)
        expected = seen.total() / len(choices)
        assert all(abs(n - expected) < 5 * np.sqrt(expected) for n in seen.values())
    widths = Counter(task.width for task in draw(600, sequences=True))
    assert set(widths) == set(WIDTHS)
    # a slot is empty half of the time
    slots = len(stages) * len(IMAGE_BASES)
    filled = sum(len(stage.signals) for stage in stages)
    assert abs(filled - slots / 2) < 5 * np.sqrt(slots / 4)


def genes(task) -> list:
    """The values of all genes, in order; an empty slot is None."""
    found = [(task.noise, task.noise_level)]
    for stage in task.stages:
        by_kind = {signal.kind: signal for signal in stage.signals}
        found += [stage.multiplier, *(by_kind.get(base) for base in IMAGE_BASES)]
    return found


def test_mutation_redraws_each_gene_with_the_given_probability():
    genome, rng = TaskGenome(sequences=False), np.random.default_rng(1)
    parent = genome.draw(rng)
    assert genome.mutate(parent, rng, 0.0) == parent
    full = [base is not None for base in genes(parent)]
    changed = np.zeros(NUM_GENES)
    repeats = 3000
    for _ in range(repeats):
        child = genome.mutate(parent, rng, 0.2)
        changed += [a != b for a, b in zip(genes(parent), genes(child), strict=True)]
    for place, count in enumerate(changed / repeats):
        if place == 0:
            expected = 0.2 * (1 - 1 / (2 * len(NOISE_LEVELS)))
        elif (place - 1) % 6 == 0:
            expected = 0.2 * (1 - 1 / len(MULTIPLIERS))
        elif IMAGE_BASES[(place - 1) % 6 - 1] == "resize" and full[place]:
            expected = 0.2 * (1 - 0.5 / len(LEVELS))
        else:  # an empty slot stays empty half of the time; a full one always changes
            expected = 0.2 if full[place] else 0.1
        assert count == pytest.approx(expected, abs=0.035)


def test_a_name_depends_on_the_content_alone():
    first, again = draw(2)[1], draw(2)[1]
    assert first == again
    assert first.name == f"found {digest(first)}"
    assert len({task.name for task in draw(50)}) == 50


def test_aging_evolution_climbs_and_the_oldest_dies():
    genome = TaskGenome(sequences=False)
    asked = []

    def fitness(task) -> float:
        asked.append(task)
        return float(len(signals_of(task)))  # full slots are good

    trials = evolve(
        genome,
        fitness,
        np.random.default_rng(0),
        population=10,
        steps=90,
        tournament=5,
        rate=0.2,
    )
    assert [trial.task for trial in trials] == asked
    assert [trial.number for trial in trials] == list(range(1, 101))
    assert all(trial.parent == 0 for trial in trials[:10])
    # a parent is one of the ten tasks before its child
    assert all(trial.number - 10 <= trial.parent < trial.number for trial in trials[10:])
    late = np.mean([trial.fitness for trial in trials[-20:]])
    assert late > np.mean([trial.fitness for trial in trials[:10]]) + 2
    best = best_of(trials)
    assert best.fitness == max(trial.fitness for trial in trials)


def test_a_longer_evolution_begins_like_a_shorter_one_and_nan_is_the_worst():
    def run(steps: int):
        return evolve(
            TaskGenome(sequences=True),
            lambda task: float("nan") if task.width < 48 else float(task.width),
            np.random.default_rng(3),
            population=4,
            steps=steps,
            tournament=2,
            rate=0.5,
        )

    assert run(12)[:9] == run(5)
    assert {trial.fitness for trial in run(12)} >= {-np.inf}
    assert best_of(run(12)).fitness > 0
