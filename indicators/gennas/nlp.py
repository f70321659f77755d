"""GenNAS for recurrent networks: the loss after a short regression of synthetic sequences."""

from __future__ import annotations

from untrained.indicators import Indicator, Protocol
from untrained.indicators.gennas.cnn import REFERENCE, STEPS
from untrained.indicators.regression.sequences import NLP, NLP_COMBO, NLP_SINGLES, SequenceTask
from untrained.indicators.regression.training import register_loss

PROTOCOL = Protocol(inputs="none", batch_size=1, labels="none")

DEVIATIONS = (
    "The loss itself, so that lower is better; the authors negate it. A loss that is not finite "
    "has no score; theirs becomes 1000 and a random number. Learning rate 1e-3 as in the authors' "
    "first release (last: 0.1 unless set). No dropout, of whatever kind. Sequences and evaluation "
    "noise are one draw a task and data seed for all networks and seeds."
)
_SEARCHED = (
    "Uses perplexities: the authors searched the task on 20 labelled networks of NAS-Bench-NLP. "
)

TASKS: dict[str, tuple[SequenceTask, str]] = {
    "search_nlp": (NLP, _SEARCHED),
    "combo_nlp": (NLP_COMBO, ""),
    **{f"single_{base}_nlp": (task, "") for base, task in NLP_SINGLES.items()},
}
"""By the rest of the indicator's id: the task, and where it is from."""


def _register(name: str) -> Indicator:
    task, remark = TASKS[name]
    return register_loss(
        f"gennas_{name}",
        task,
        steps=STEPS,
        doc=f"Final loss of a copy of the recurrent network on the task {task.name!r}: 16 "
        "sequences of 8 time steps.",
        module=__name__,
        title=f"GenNAS, {task.name}",
        formula=f"MSE(decoder(network(encoder(x))), T) after {STEPS} steps of Adam",
        reference=REFERENCE,
        protocol=PROTOCOL,
        uses_accuracy=name.startswith("search_"),
        deviations=remark + DEVIATIONS,
    )


for _name in TASKS:
    _register(_name)
