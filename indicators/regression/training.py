"""The loss of a task after so many steps, from one training for all numbers of steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from untrained.indicators import Diverged, Family, Indicator, Measurement, Need, indicator
from untrained.indicators.regression.learner import Learner, Snapshot
from untrained.indicators.regression.sequences import SequenceTask, sequence_learner
from untrained.indicators.regression.stages import stage_learner
from untrained.indicators.regression.tasks import Task


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The quantity of a task: its learner before the first step, and a snapshot of that.

    Quantities of a measurement are told apart by equality, so equal tasks share one.
    """

    task: Task | SequenceTask

    def __call__(self, m: Measurement) -> tuple[Learner, Snapshot]:
        if isinstance(self.task, SequenceTask):
            learner = sequence_learner(m, self.task)
        else:
            learner = stage_learner(m, self.task)
        return learner, learner.snapshot()


@dataclass(frozen=True, slots=True)
class _Trained:
    """The quantity of a task and a number of steps, which go on from the milestone before."""

    task: Task | SequenceTask
    steps: int

    def __call__(self, m: Measurement) -> Snapshot:
        learner: Learner
        learner, start = m.quantity(_Prepared(self.task))
        done = max((n for n in self.task.milestones if n < self.steps), default=0)
        learner.restore(m.quantity(_Trained(self.task, done)) if done else start)
        learner.train(self.steps - done)
        return learner.snapshot()


def regression_loss(m: Measurement, task: Task | SequenceTask, *, steps: int) -> float:
    """The loss of a copy of the network after some steps on a task.

    More steps go on from the task's last milestone before them, so one training serves them all;
    what was looked at on the way changes no bit of what follows. Of images the first batch is
    learned. Batch norms use batch statistics; lower is better.

    Raises:
        Unsupported: the network has no stages for images, or is not recurrent for sequences.
        Diverged: the loss is not finite.
    """
    trained: Snapshot = m.quantity(_Trained(task, steps))
    learner, _ = m.quantity(_Prepared(task))
    learner.restore(trained)
    loss: float = learner.evaluate()
    if not math.isfinite(loss):
        raise Diverged(f"the regression's loss is {loss} after {steps} steps")
    return loss


def register_loss(
    name: str, task: Task | SequenceTask, *, steps: int, doc: str, module: str, **declared: Any
) -> Indicator:
    """Register the loss of a task after some steps as an indicator.

    Args:
        doc: its docstring.
        module: that declares it.
        declared: what differs between tasks; see `untrained.indicators.indicator`.
    """

    def loss(m: Measurement) -> float:
        return regression_loss(m, task, steps=steps)

    loss.__name__, loss.__doc__, loss.__module__ = name, doc, module
    reads = Need.STAGES if isinstance(task, Task) else Need.SEQUENCES
    return indicator(
        needs={reads, Need.GRADIENTS, Need.RANDOMNESS},
        higher_is_better=False,
        cost=f"{steps + 2} forward, {steps} backward",  # one for widths, one evaluates
        family=Family.GENNAS,
        **declared,
    )(loss)
