"""A search for a regression task, from labelled networks to the best task and its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.foundation import Unsupported, derive
from untrained.harness.execution.executors import Executor
from untrained.harness.execution.scoring import build_network
from untrained.harness.gennas_tasks.evolution import AnyTask, TaskGenome, Trial, best_of, evolve
from untrained.harness.gennas_tasks.losses import (
    Journal,
    LabelledNetworks,
    LossConditions,
    LossMeter,
)
from untrained.harness.study.conditions import resolve
from untrained.harness.study.study import Conditions
from untrained.indicators import Protocol
from untrained.indicators.gennas.cnn import PROTOCOL
from untrained.indicators.gennas.nlp import PROTOCOL as NLP_PROTOCOL
from untrained.indicators.regression.sequences import NLP_COMBO, embedding_size_of
from untrained.indicators.regression.task_file import TaskFile, digest
from untrained.indicators.regression.tasks import COMBO, Signal, Task
from untrained.results.searches.table import Rival, TaskSearchTable, TriedTask
from untrained.results.statistics.correlation import CorrelationRow, correlate
from untrained.results.statistics.rank_correlation import kendall_tau_b, spearman_rho
from untrained.spaces import Benchmark, Target, spaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Evolution:
    """Settings of the evolution; the defaults are the paper's."""

    population: int = 50
    steps: int = 400
    tournament: int = 10
    rate: float = 0.2
    """Probability that a gene is drawn anew in a child."""


@dataclass(frozen=True, slots=True)
class TaskSearchResult:
    """The best task, and all tasks that were tried."""

    task: AnyTask
    best: TriedTask
    tried: tuple[TriedTask, ...]
    rivals: tuple[Rival, ...]
    """The found task, the hand-made one and the number of parameters."""


def search_task(
    conditions: LossConditions,
    labelled: LabelledNetworks,
    held_out: LabelledNetworks,
    *,
    evolution: Evolution,
    sequences: bool,
    journal: Journal,
    executor: Executor,
    seed: int = 0,
    on_task: Callable[[TriedTask, TriedTask], None] = lambda tried, best: None,
) -> TaskSearchResult:
    """Evolve tasks by how well their losses rank the labelled networks.

    The fitness of a task is Spearman's rho of minus the final loss and the accuracy: a task that
    ranks the wrong way round is a bad one, whereas the authors take the absolute value. The task
    that is found is then evaluated on networks that had no part in it.

    Args:
        held_out: networks of the final check; may be empty.
        on_task: receives every task and the best so far.

    Raises:
        UserError: a network cannot be trained, or the journal cannot be written.
    """
    meter = LossMeter(conditions, journal, executor)
    accuracies = np.array(labelled.accuracies)
    tried: list[TriedTask] = []

    def fitness(task: AnyTask) -> float:
        return spearman_rho(-meter.losses(task, labelled.architectures), accuracies)

    def record(trial: Trial) -> None:
        losses = meter.losses(trial.task, labelled.architectures)
        tried.append(
            TriedTask(
                number=trial.number,
                parent=trial.parent,
                id=digest(trial.task),
                rho=spearman_rho(-losses, accuracies),
                tau=kendall_tau_b(-losses, accuracies),
                seconds=meter.seconds(trial.task, labelled.architectures),
                content=describe(trial.task),
            )
        )
        on_task(tried[-1], max(tried, key=lambda one: -np.inf if np.isnan(one.rho) else one.rho))

    trials = evolve(
        TaskGenome(sequences=sequences),
        fitness,
        np.random.default_rng(derive(seed, "task search")),
        population=evolution.population,
        steps=evolution.steps,
        tournament=evolution.tournament,
        rate=evolution.rate,
        on_trial=record,
    )
    best = best_of(trials)
    combined: AnyTask = NLP_COMBO if sequences else COMBO
    lots = []
    for lot in (labelled, held_out):
        losses = {
            "found task": meter.losses(best.task, lot.architectures),
            "combined task, made by hand": meter.losses(combined, lot.architectures),
        }
        lots.append(_rows(losses, lot, _parameters(conditions, lot.architectures)))
    rivals = tuple(
        Rival(inside.indicator, inside, outside) for inside, outside in zip(*lots, strict=True)
    )
    return TaskSearchResult(best.task, tried[best.number - 1], tuple(tried), rivals)


def protocol_of(space: str, architecture: str, conditions: Conditions) -> tuple[Protocol, bool]:
    """Resolve the protocol of a space's networks, and tell by building one if they read sequences.

    Raises:
        UserError: the conditions cannot be met.
    """
    least_cells = spaces[space].least_cells
    protocol = resolve(PROTOCOL, conditions, least_cells=least_cells)
    network = build_network(space, architecture, protocol, seed=0, device="cpu")
    try:
        embedding_size_of(network)
    except Unsupported:
        return protocol, False
    return resolve(NLP_PROTOCOL, conditions, least_cells=least_cells), True


def describe(task: AnyTask) -> str:
    """Describe a task in a line: noise, then width and signals with levels of every stage.

    >>> describe(COMBO)[:66]
    'no noise; 1: sin1d 1 local + sin2d 1 local + dot 1 local; 1: sin1d'
    """
    noise = f"{task.noise} noise {task.noise_level:g}" if task.noise_level else "no noise"
    if isinstance(task, Task):
        parts = [f"{stage.multiplier:g}: {_signals(stage.signals)}" for stage in task.stages]
    else:
        given, wanted = _signals(task.given), _signals(task.wanted)
        parts = [f"{task.width} features", f"given {given}", f"wanted {wanted}"]
    return "; ".join([noise, *parts])


def _signals(signals: Sequence[Signal]) -> str:
    texts = [
        f"{one.kind} {one.level:g}" + (" local" if one.local and one.kind != "resize" else "")
        for one in signals
    ]
    return " + ".join(texts) or "nothing"


def _parameters(conditions: LossConditions, architectures: Sequence[str]) -> NDArray[np.float64]:
    space, how = spaces[conditions.space], conditions.protocol
    return np.array(
        [
            space.num_parameters(
                text, num_classes=how.num_classes, channels=how.channels, cells=how.cells
            )
            for text in architectures
        ],
        dtype=np.float64,
    )


def _rows(
    losses: dict[str, NDArray[np.float64]], lot: LabelledNetworks, parameters: NDArray[np.float64]
) -> list[CorrelationRow]:
    frame = pd.DataFrame({**losses, "parameters": parameters}, index=list(lot.architectures))
    return correlate(
        frame,
        pd.Series(lot.accuracies, index=list(lot.architectures), dtype=np.float64),
        higher_is_better={**dict.fromkeys(losses, False), "parameters": True},
        baseline="parameters",
    )


def task_search_table(
    found: TaskSearchResult,
    file: TaskFile,
    *,
    truth: Benchmark,
    target: Target,
    conditions: LossConditions,
    evolution: Evolution,
    lots: tuple[LabelledNetworks, LabelledNetworks],
    command: str,
) -> TaskSearchTable:
    """Make the report; `lots` are the labelled and the held-out networks."""
    n, m = (len(lot.architectures) for lot in lots)
    return TaskSearchTable(
        title=f"A task of GenNAS for {truth.space}",
        facts=(
            f"Search space: {conditions.space}",
            f"Labels: {target.label}",
            f"Truth: {truth.provenance.describe()}",
            f"Networks: {conditions.protocol.describe()}, {conditions.steps} steps of training, "
            f"on {conditions.device}",
            f"Evolution: {evolution.population} tasks drawn, {evolution.steps} children, "
            f"tournaments of {evolution.tournament}, every gene drawn anew with probability "
            f"{evolution.rate:g} (paper: 50, 400, 10, 0.2)",
            f"Seed: {conditions.seed}",
            f"Repeat: {command} --output FOLDER",
        ),
        tried=found.tried,
        best=found.best,
        num_drawn=evolution.population,
        rivals=found.rivals,
        notes=(
            f"the task was chosen for its rho on {n} labelled networks, so that this rho is too "
            f"high as an estimate; the one on the {m} networks held out is not, and its interval "
            "(percentile bootstrap over them, 1,000 resamples) says how little so few networks "
            "tell",
            "no two of all these networks compute the same function",
            f"losses after {file.steps} steps are those of the indicators gennas_task_{file.id}"
            + ("" if file.steps == 100 else f"_{file.steps} (and gennas_task_{file.id} after 100)"),
        ),
    )


def origin_comment(table: TaskSearchTable) -> str:
    """Write the comment of a task file: the origin of the task."""
    rival = table.rivals[0]
    return (
        f"{table.title}, found by untrained search-task: Spearman's rho "
        f"{rival.labelled.rho:.3f} on {rival.labelled.n} labelled networks, "
        f"{rival.held_out.rho:.3f} on {rival.held_out.n} others"
    )
