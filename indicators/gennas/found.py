"""GenNAS with tasks from files: one indicator for each task, named after its content.

The environment variable UNTRAINED_TASKS names the files (or folders of them), separated as in
PATH. A variable, because worker processes have to know the same indicators.
"""

from __future__ import annotations

import os
from pathlib import Path

from untrained.foundation import UserError
from untrained.indicators import Indicator
from untrained.indicators.gennas.cnn import DEVIATIONS, PROTOCOL, REFERENCE
from untrained.indicators.gennas.nlp import DEVIATIONS as NLP_DEVIATIONS
from untrained.indicators.gennas.nlp import PROTOCOL as NLP_PROTOCOL
from untrained.indicators.regression.task_file import STEPS, TaskFile, read_task
from untrained.indicators.regression.tasks import Task
from untrained.indicators.regression.training import register_loss

VARIABLE = "UNTRAINED_TASKS"
_PREFIX = "gennas_task_"
_FOUND = "Uses accuracies: the task was chosen by those of some labelled networks. "
_registered: set[str] = set()


def use_task(path: Path) -> list[str]:
    """Make a file's task known here and in worker processes that are started from now on.

    Returns:
        Ids of its indicators: after 100 steps, and after as many as it was found with.

    Raises:
        MissingData: there is no such file.
        MalformedInput: it is no task.
    """
    ids = _register_file(path)
    named = [one for one in os.environ.get(VARIABLE, "").split(os.pathsep) if one]
    if str(path.resolve()) not in named:
        os.environ[VARIABLE] = os.pathsep.join([*named, str(path.resolve())])
    return ids


def indicator_ids(found: TaskFile) -> list[str]:
    """Ids of the indicators of a task."""
    base = f"{_PREFIX}{found.id}"
    return [base] if found.steps == STEPS else [base, f"{base}_{found.steps}"]


def _register_file(path: Path) -> list[str]:
    found = read_task(path)
    ids = indicator_ids(found)
    for name, steps in zip(ids, (STEPS, found.steps), strict=False):
        if name not in _registered:
            _registered.add(name)
            _register(name, found, steps)
    return ids


def _register(name: str, found: TaskFile, steps: int) -> Indicator:
    task = found.task
    images = isinstance(task, Task)
    usual = steps == STEPS
    return register_loss(
        name,
        task,
        steps=steps,
        doc=f"Final loss of a copy of the network on the task {task.name!r}, after {steps} steps.",
        module=__name__,
        title=f"GenNAS, found task {found.id}" + ("" if usual else f", {steps} steps"),
        formula=f"sum_l w_l MSE(read-out of stage l, T_l) after {steps} SGD steps, w = 1/4, 1/2, 1"
        if images
        else f"MSE(decoder(network(encoder(x))), T) after {steps} steps of Adam",
        reference=REFERENCE if usual else f"a variant of {REFERENCE}, of this project",
        protocol=PROTOCOL if images else NLP_PROTOCOL,
        uses_accuracy=True,
        deviations=("" if usual else "Not the paper's score: another number of steps. ")
        + _FOUND
        + (DEVIATIONS if images else NLP_DEVIATIONS),
    )


def _from_environment() -> None:
    for named in os.environ.get(VARIABLE, "").split(os.pathsep):
        if not named:
            continue
        place = Path(named)
        for path in sorted(place.glob("*.toml")) if place.is_dir() else [place]:
            try:
                _register_file(path)
            except UserError as error:
                raise type(error)(f"{error} (named by the variable {VARIABLE})") from error


_from_environment()
