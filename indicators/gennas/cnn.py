"""GenNAS: the loss after a short regression of synthetic maps, one indicator a task and length."""

from __future__ import annotations

from untrained.indicators import Indicator, Protocol
from untrained.indicators.regression.tasks import COMBO, DARTS, NASBENCH101, RESNET, SINGLES, Task
from untrained.indicators.regression.training import register_loss

REFERENCE = "Li et al., Generic Neural Architecture Search via Regression, NeurIPS 2021"
PROTOCOL = Protocol(batch_size=16, labels="none")
STEPS = 100
REDUCED_BATCH, REDUCED_STEPS = 8, 50

DEVIATIONS = (
    "The loss itself, so that lower is better; the authors negate it. A loss that is not finite "
    "has no score; theirs becomes 1000 and a random number. Stage weights 1/4, 1/2, 1 also in "
    "training, as in the authors' last release (first: 1, 1, 1). The network is as its space "
    "builds it: theirs has biases and batch norms without gain, shift or running statistics in "
    "NAS-Bench-201's cells. The loss is read with batch statistics in every batch norm; theirs "
    "uses running ones where there are any, which lag far behind the weights after few steps. "
    "Images are not flipped. Of a network of more than three stages the last three are read, a "
    "choice of this project: the authors' networks have three. Targets and evaluation noise are "
    "one draw a task and data seed for all networks and seeds."
)
SEARCHED = "Uses accuracies: the authors searched the task on 20 labelled networks of {}. {remark}"
MADE_ALIKE = (
    "The task is made after the authors' single-base tasks for sequences; those for images are "
    "not released. "
)

TASKS: dict[str, tuple[Task, str, str]] = {
    "combo": (COMBO, "combined task", ""),
    "search_nasbench101": (
        NASBENCH101,
        "task of NAS-Bench-101",
        SEARCHED.format("NAS-Bench-101", remark="They use it for NAS-Bench-201 too. "),
    ),
    "search_darts": (
        DARTS,
        "task of DARTS",
        SEARCHED.format("DARTS", remark="They use it for all cell spaces of NDS. "),
    ),
    "search_resnet": (
        RESNET,
        "task of ResNet",
        SEARCHED.format("ResNet", remark="By its name it is for the ResNeXt spaces too. "),
    ),
    **{f"single_{base}": (task, task.name, MADE_ALIKE) for base, task in SINGLES.items()},
}
"""By the middle of the indicator's id: the task, what a table calls it, and where it is from."""


def _register(name: str, *, batch_size: int, steps: int, suffix: str = "") -> Indicator:
    task, title, remark = TASKS[name]
    usual = batch_size == PROTOCOL.batch_size and steps == STEPS
    size = f"{steps} steps" if batch_size == PROTOCOL.batch_size else "reduced"
    return register_loss(
        f"gennas_{name}{suffix}",
        task,
        steps=steps,
        doc=f"Final loss of a copy of the network on the task {task.name!r}, after {steps} steps."
        "\n\nThe shift of a batch norm fed by zeros is trained too, so architectures of one "
        "function may differ.",
        module=__name__,
        title=f"GenNAS, {title}" + ("" if usual else f", {size}"),
        formula=f"sum_l w_l MSE(read-out of stage l, T_l) after {steps} SGD steps on {batch_size} "
        "images, w = 1/4, 1/2, 1",
        reference=REFERENCE if usual else f"a variant of {REFERENCE}, of this project",
        protocol=PROTOCOL.replace(batch_size=batch_size),
        uses_accuracy=name.startswith("search_"),
        version=3,
        deviations=("" if usual else "Not the paper's score: fewer steps or images. ")
        + remark
        + DEVIATIONS,
    )


for _name in TASKS:
    _register(_name, batch_size=PROTOCOL.batch_size, steps=STEPS)
    _register(_name, batch_size=REDUCED_BATCH, steps=REDUCED_STEPS, suffix="_reduced")

# how soon the ranking is there: all of these are read off one training
for _steps in NASBENCH101.milestones:
    _register(
        "search_nasbench101", batch_size=PROTOCOL.batch_size, steps=_steps, suffix=f"_{_steps}"
    )
