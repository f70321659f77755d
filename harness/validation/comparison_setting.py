"""Where a candidate is compared, with which networks and baselines."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from untrained.foundation import MissingData, UserError
from untrained.harness.study.conditions import resolve
from untrained.harness.study.plan import ScoreTask, Wanted
from untrained.harness.study.population import Selection
from untrained.harness.study.study import Conditions, Truth
from untrained.harness.study.truth import ChosenTruth, choose_truth
from untrained.harness.validation.stored_baselines import StoredBaselines, stored_baselines
from untrained.indicators import Indicator, Protocol

_FEW = 4


class _Convolutions(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts convolutions called forward and backward."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.forward = 0
        self.backward = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.forward += func is torch.ops.aten.convolution.default
        self.backward += func is torch.ops.aten.convolution_backward.default
        return func(*args, **(kwargs or {}))


def counted_passes(
    function: Callable[[nn.Module, Tensor, Tensor | None], float],
    network: nn.Module,
    inputs: Tensor,
    labels: Tensor,
) -> str:
    """The passes of one call, in the words that an indicator declares its cost in.

    A number that equals that of the samples or classes is taken for it; pass numbers of these that
    nothing else can be mistaken for.

    Args:
        network: with convolutions, every one of which a pass calls once.
        labels: of it; K is the number of the network's logits.
    """
    with torch.no_grad(), _Convolutions() as once:
        logits = copy.deepcopy(network).train()(inputs)
    if not once.forward:
        return "none"
    with torch.enable_grad(), _Convolutions() as counted:
        function(copy.deepcopy(network).train(), inputs.clone(), labels.clone())
    symbols = {inputs.shape[0]: "B", logits.shape[1]: "K"}
    symbols[inputs.shape[0] * logits.shape[1]] = "B K"
    parts = []
    for kind, calls in (("forward", counted.forward), ("backward", counted.backward)):
        passes = -(-calls // once.forward)  # a pass that stops early counts as a whole
        if passes:
            count = str(passes) if passes <= _FEW else symbols.get(passes, str(passes))
            parts.append(f"{count} {kind}")
    return ", ".join(parts) or "none"


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """One search space where a candidate can be compared."""

    baselines: StoredBaselines
    truths: tuple[ChosenTruth, ...]
    """The study's own target first."""
    conditions: Conditions
    """Those of the baselines; on noise where their images are not at hand."""
    notes: tuple[str, ...] = field(default=())

    @property
    def space(self) -> str:
        """Its name."""
        return self.baselines.space

    def protocol(self, item: Indicator, *, other_batch: int = 0) -> Protocol:
        """What an indicator is measured under here.

        Args:
            other_batch: 0 for the batch that the baselines saw, other numbers for others.
        """
        seed = self.conditions.seed + other_batch
        return resolve(
            item.protocol,
            self.conditions.model_copy(update={"seed": seed}),
            follows_initialisation=item.follows_initialisation,
        )

    def task(
        self, architecture: str, items: Sequence[Indicator], *, timeout_s: float | None = None
    ) -> ScoreTask:
        """One network with the weights that the baselines saw."""
        return ScoreTask(
            space=self.space,
            architecture=architecture,
            wanted=tuple(
                Wanted(one.id, one.version, self.protocol(one), (architecture,)) for one in items
            ),
            seed=self.baselines.network_seed,
            timeout_s=timeout_s,
        )

    def selection(self, n: int) -> Selection:
        """The first n networks."""
        chosen = self.baselines.order[:n]
        return Selection(chosen, f"{len(chosen):,} of {len(self.baselines.order):,} with baselines")


def find_grounds(names: Sequence[str], candidate: Indicator) -> tuple[list[Ground], dict[str, str]]:
    """The spaces whose accuracies are at hand, and why the others are left out.

    Returns:
        The grounds, and a sentence for each space that has none.

    Raises:
        UnknownName: no scores of such a space come with the project.
        UserError: there are accuracies of none of them.
    """
    grounds: list[Ground] = []
    absent: dict[str, str] = {}
    for name in dict.fromkeys(names):
        baselines = stored_baselines(name, without=candidate.id)
        try:
            truths = _truths(baselines)
        except MissingData as error:
            absent[name] = str(error)
            continue
        conditions, notes = _conditions(baselines, candidate)
        grounds.append(Ground(baselines, truths, conditions, notes))
    if not grounds:
        reasons = "; ".join(f"{name}: {text}" for name, text in absent.items())
        raise UserError(f"the indicator can be compared on none of the spaces asked for; {reasons}")
    return grounds, absent


def _truths(baselines: StoredBaselines) -> tuple[ChosenTruth, ...]:
    """The study's target, and the same metric on every other dataset of its benchmark.

    Without the tables of the study's benchmark another one of the space does: the accuracies
    inside `analog-nasbench`, for NAS-Bench-201.
    """
    space = baselines.space
    try:
        main = choose_truth(space, baselines.study.truth)
    except MissingData:
        main = choose_truth(space, Truth())
    wanted = main.target
    there = {
        t.dataset
        for t in main.benchmark.targets()
        if t.metric == wanted.metric and t.epochs == wanted.epochs and t.seed == wanted.seed
    }
    others = [
        replace(main, target=replace(wanted, dataset=name))
        for name in sorted(there - {wanted.dataset})
    ]
    return (main, *others)


def _conditions(
    baselines: StoredBaselines, candidate: Indicator
) -> tuple[Conditions, tuple[str, ...]]:
    conditions = baselines.conditions
    try:
        resolve(candidate.protocol, conditions)
    except MissingData as error:
        note = (
            f"{baselines.space}: measured on Gaussian inputs with random labels, while the "
            f"baselines saw images; {error}"
        )
        dataset = conditions.find_dataset().name
        return conditions.model_copy(update={"inputs": "gaussian", "dataset": dataset}), (note,)
    return conditions, ()
