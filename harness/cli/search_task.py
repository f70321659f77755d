"""`untrained search-task`: search a regression task of GenNAS by a few labelled networks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from untrained.harness.cli.options import DeviceOption, Workers, model_options
from untrained.harness.study.study import Conditions

if TYPE_CHECKING:
    from collections.abc import Callable

    from untrained.results.searches.table import TriedTask

JOURNAL_NAME = "journal.jsonl"
TASK_NAME = "task.toml"


@model_options(
    "measuring", Conditions, without=("dataset", "protocol", "labels", "timeout_s", "split")
)
def search_task(
    *,
    space: Annotated[str, typer.Option(help="Search space.")],
    output: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER",
            help="Folder for the journal, from which a killed search resumes, the task, the "
            "report and the list of tasks.",
        ),
    ],
    networks: Annotated[
        int, typer.Option(min=3, help="Number of labelled networks that rate a task.")
    ] = 20,
    held_out: Annotated[
        int, typer.Option(min=3, help="Number of other networks that the found task is checked on.")
    ] = 20,
    population: Annotated[int, typer.Option(min=1, help="Number of tasks in the population.")] = 50,
    steps: Annotated[
        int, typer.Option(min=0, help="Number of children after the first population.")
    ] = 400,
    tournament: Annotated[
        int, typer.Option(min=1, help="Number of tasks of which the best becomes a parent.")
    ] = 10,
    rate: Annotated[
        float, typer.Option(min=0, max=1, help="Probability that a gene is drawn anew in a child.")
    ] = 0.2,
    training_steps: Annotated[
        int, typer.Option(min=1, help="Training steps of every network on every task.")
    ] = 100,
    measuring: dict[str, Any],
    benchmark: Annotated[
        str | None,
        typer.Option(help="Benchmark of the labels (default: the first whose data is present)."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Dataset of the labels (default: the benchmark's).")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="Metric of the labels (default: the validation accuracy). Keep the test accuracy "
            "for later: data that chose a task cannot rate it."
        ),
    ] = None,
    workers: Workers = None,
    device: DeviceOption = "auto",
) -> None:
    """Search a regression task whose losses rank networks like their accuracies (GenNAS).

    Tasks are evolved: noise, widths and signals of the targets. A task is as good as Spearman's rho
    of minus the loss and the accuracy over a few labelled networks, and the best one is checked on
    others. The defaults are the paper's: 450 tasks on 20 networks, hours on a GPU. At a size for a
    CPU:

    [dim]untrained search-task --space nasbench201 --input cifar10 --population 8 --steps 16
    --networks 10 --training-steps 20 --channels 4 --cells 1 --batch-size 8 --output found[/dim]

    The same command goes on after a kill, and with larger --steps from where it was. The task is
    then an indicator, for instance of a search:

    [dim]untrained search --searcher gennas --task found/task.toml --space nasbench201
    --store scores.sqlite --runs 1[/dim]
    """
    from importlib.metadata import version

    from untrained.foundation import Interrupted
    from untrained.harness.cli.output import print_rows, typed_command
    from untrained.harness.execution.executors import find_device, make_executor
    from untrained.harness.gennas_tasks.losses import (
        Journal,
        LossConditions,
        draw_labelled,
        label_column,
    )
    from untrained.harness.gennas_tasks.task_search import (
        Evolution,
        origin_comment,
        protocol_of,
        task_search_table,
    )
    from untrained.harness.gennas_tasks.task_search import search_task as run_search
    from untrained.harness.study.study_file import checked
    from untrained.indicators.gennas.found import indicator_ids, use_task
    from untrained.indicators.regression.task_file import TaskFile, task_text
    from untrained.reports.formats.formats import write_files, write_report
    from untrained.reports.pages.search import rivals_grid, task_search_report
    from untrained.results.searches.table import trials_frame
    from untrained.results.store.export import write_frame
    from untrained.spaces import find_benchmark

    run_conditions = checked(Conditions, measuring)
    seed = run_conditions.seed
    truth = find_benchmark(space, benchmark)
    target = label_column(truth, dataset, metric)
    labelled, others = draw_labelled(truth, target, count=networks, held_out=held_out, seed=seed)
    protocol, sequences = protocol_of(space, labelled.architectures[0], run_conditions)
    chosen = find_device(device)
    conditions = LossConditions(space, protocol, training_steps, seed, chosen)
    evolution = Evolution(population=population, steps=steps, tournament=tournament, rate=rate)
    settings = {
        "space": space,
        "protocol": protocol.canonical,
        "training_steps": training_steps,
        "seed": seed,
        "device": chosen,
        "version": version("untrained"),
    }
    print(
        f"{population + steps} tasks on {networks} networks of {space}, {training_steps} steps "
        "of training each",
        file=sys.stderr,
    )
    try:
        with Journal(output / JOURNAL_NAME, settings) as journal:
            if len(journal):
                print(f"{len(journal)} losses are in the journal already", file=sys.stderr)
            found = run_search(
                conditions,
                labelled,
                others,
                evolution=evolution,
                sequences=sequences,
                journal=journal,
                executor=make_executor(chosen, workers),
                seed=seed,
                on_task=_counter(population + steps),
            )
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; every loss that was measured is in {output / JOURNAL_NAME}: run the "
            "same command again and it goes on from there"
        ) from None
    file = TaskFile(found.task, training_steps)
    table = task_search_table(
        found,
        file,
        truth=truth,
        target=target,
        conditions=conditions,
        evolution=evolution,
        lots=(labelled, others),
        command=typed_command("--output", "--workers"),
    )
    report = task_search_report(table, version=version("untrained"))
    text = task_text(file, comment=origin_comment(table))
    written = write_files({TASK_NAME: text}, output) + write_report(report, output, ["markdown"])
    written.append(write_frame(trials_frame(found.tried), output / "tasks.csv", metadata={}))
    use_task(output / TASK_NAME)  # what was written is read back before it is announced
    print(f"written: {', '.join(map(str, written))}", file=sys.stderr)
    print(f"found task {file.id}: {found.best.content}")
    print_rows(rivals_grid(table).texts(), unbroken=("ranking by",))
    print("\n".join(table.notes))
    print(f"indicators: {', '.join(indicator_ids(file))} (--task {output / TASK_NAME})")


def _counter(total: int) -> Callable[[TriedTask, TriedTask], None]:
    """Print every task and the time left."""
    import time

    from untrained.harness.execution.progress import duration

    began = time.monotonic()

    def told(tried: TriedTask, best: TriedTask) -> None:
        spent = time.monotonic() - began
        left = duration(spent / tried.number * (total - tried.number))
        print(
            f"task {tried.number} of {total}: rho {tried.rho:.3f}, best {best.rho:.3f} (task "
            f"{best.number}), {left} left",
            file=sys.stderr,
            flush=True,
        )

    return told
