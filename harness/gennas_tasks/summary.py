"""What a report of a task search has to say besides its numbers."""

from __future__ import annotations

from untrained.harness.gennas_tasks.losses import Conditions, Labelled
from untrained.harness.gennas_tasks.task_search import Evolution, Found
from untrained.indicators.regression.task_file import TaskFile
from untrained.results.searches.task_search import TaskSearchTable
from untrained.spaces import Benchmark, Target


def task_search_table(
    found: Found,
    file: TaskFile,
    *,
    truth: Benchmark,
    target: Target,
    conditions: Conditions,
    evolution: Evolution,
    lots: tuple[Labelled, Labelled],
    command: str,
) -> TaskSearchTable:
    """Everything that a report says.

    Args:
        lots: the labelled networks and those that were held out.
    """
    return TaskSearchTable(
        title=f"A task of GenNAS for {truth.space}",
        facts=_facts(truth, target, conditions, evolution, command),
        tried=found.tried,
        best=found.best,
        num_drawn=evolution.population,
        rivals=found.rivals,
        notes=_notes(file, *lots),
    )


def where_it_is_from(table: TaskSearchTable) -> str:
    """A comment for the file of a task."""
    rival = table.rivals[0]
    return (
        f"{table.title}, found by untrained search-task: Spearman's rho "
        f"{rival.labelled.rho:.3f} on {rival.labelled.n} labelled networks, "
        f"{rival.held_out.rho:.3f} on {rival.held_out.n} others"
    )


def _facts(
    benchmark: Benchmark,
    target: Target,
    conditions: Conditions,
    evolution: Evolution,
    command: str,
) -> tuple[str, ...]:
    return (
        f"Search space: {conditions.space}",
        f"Labels: {target.label}",
        f"Truth: {benchmark.provenance.describe()}",
        f"Networks: {conditions.protocol.describe()}, {conditions.steps} steps of training, on "
        f"{conditions.device}",
        f"Evolution: {evolution.population} tasks drawn, {evolution.steps} children, tournaments "
        f"of {evolution.tournament}, every gene drawn anew with probability {evolution.rate:g} "
        "(paper: 50, 400, 10, 0.2)",
        f"Seed: {conditions.seed}",
        f"Repeat: {command} --output FOLDER",
    )


def _notes(found: TaskFile, labelled: Labelled, held_out: Labelled) -> tuple[str, ...]:
    n, m = len(labelled.architectures), len(held_out.architectures)
    return (
        f"the task was chosen for its rho on {n} labelled networks, so that this rho is too high "
        f"as an estimate; the one on the {m} networks held out is not, and its interval "
        "(percentile bootstrap over them, 1,000 resamples) says how little so few networks tell",
        "no two of all these networks compute the same function",
        f"losses after {found.steps} steps are those of the indicators gennas_task_{found.id}"
        + ("" if found.steps == 100 else f"_{found.steps} (and gennas_task_{found.id} after 100)"),
    )
