"""A search for a regression task, from the labelled networks to what it found."""

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
from untrained.harness.gennas_tasks.journal import Journal
from untrained.harness.gennas_tasks.losses import Conditions, Labelled, LossMeter
from untrained.harness.study.conditions import resolve
from untrained.harness.study.study import Conditions as RunConditions
from untrained.indicators import Protocol
from untrained.indicators.gennas import PROTOCOL
from untrained.indicators.gennas_nlp import PROTOCOL as NLP_PROTOCOL
from untrained.indicators.regression.sequences import NLP_COMBO, embedding_size_of
from untrained.indicators.regression.task_file import digest
from untrained.indicators.regression.tasks import COMBO, Signal, Task
from untrained.results.searches.task_search import Rival, TriedTask
from untrained.results.statistics.correlation import CorrelationRow, correlate
from untrained.results.statistics.rank_correlation import kendall_tau_b, spearman_rho
from untrained.spaces import spaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Evolution:
    """How tasks are evolved; the defaults are the paper's."""

    population: int = 50
    steps: int = 400
    tournament: int = 10
    rate: float = 0.2
    """Probability that a gene is drawn anew in a child."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to."""

    task: AnyTask
    best: TriedTask
    tried: tuple[TriedTask, ...]
    rivals: tuple[Rival, ...]
    """The found task, the hand-made one and the number of parameters."""


def search_task(
    conditions: Conditions,
    labelled: Labelled,
    held_out: Labelled,
    *,
    evolution: Evolution,
    sequences: bool,
    journal: Journal,
    executor: Executor,
    seed: int = 0,
    told: Callable[[TriedTask, TriedTask], None] = lambda tried, best: None,
) -> Found:
    """Evolve tasks by how well their losses rank the labelled networks.

    The fitness of a task is Spearman's rho of minus the final loss and the accuracy: a task that
    ranks the wrong way round is a bad one, whereas the authors take the absolute value. The task
    that is found is then read on networks that had no part in it.

    Args:
        held_out: check; may be empty.
        told: hears of every task and of the best so far.

    Returns:
        The best task of all that were tried, and how it and others rank both lots.

    Raises:
        UserError: a network cannot be trained, or the journal not be written.
    """
    meter = LossMeter(conditions, journal, executor)
    accuracies = np.array(labelled.accuracies)
    tried: list[TriedTask] = []

    def fitness(task: AnyTask) -> float:
        return spearman_rho(-meter.losses(task, labelled.architectures), accuracies)

    def heard(trial: Trial) -> None:
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
        told(tried[-1], max(tried, key=lambda one: -np.inf if np.isnan(one.rho) else one.rho))

    trials = evolve(
        TaskGenome(sequences=sequences),
        fitness,
        np.random.default_rng(derive(seed, "task search")),
        population=evolution.population,
        steps=evolution.steps,
        tournament=evolution.tournament,
        rate=evolution.rate,
        told=heard,
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
    return Found(best.task, tried[best.number - 1], tuple(tried), rivals)


def protocol_of(space: str, architecture: str, conditions: RunConditions) -> tuple[Protocol, bool]:
    """The protocol of a space's networks, and whether they read sequences.

    Args:
        architecture: one of it, which is built to see what it is.

    Raises:
        UserError: the conditions cannot be met.
    """
    protocol = resolve(PROTOCOL, conditions)
    network = build_network(space, architecture, protocol, seed=0, device="cpu")
    try:
        embedding_size_of(network)
    except Unsupported:
        return protocol, False
    return resolve(NLP_PROTOCOL, conditions), True


def describe(task: AnyTask) -> str:
    """A task in a line: noise, then of every stage its width and its signals with their levels.

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


def _parameters(conditions: Conditions, architectures: Sequence[str]) -> NDArray[np.float64]:
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
    losses: dict[str, NDArray[np.float64]], lot: Labelled, parameters: NDArray[np.float64]
) -> list[CorrelationRow]:
    frame = pd.DataFrame({**losses, "parameters": parameters}, index=list(lot.architectures))
    return correlate(
        frame,
        pd.Series(lot.accuracies, index=list(lot.architectures), dtype=np.float64),
        higher_is_better={**dict.fromkeys(losses, False), "parameters": True},
        baseline="parameters",
    )
