"""A few steps of training a copy of a network to regress given maps at its stages."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.dropout import _DropoutNd

from untrained.foundation import Unsupported, derive
from untrained.indicators.measurement import Measurement
from untrained.indicators.reading import Diverged
from untrained.indicators.regression.signals import SIDE, target
from untrained.indicators.regression.tasks import Task

STAGE_WEIGHTS = (0.25, 0.5, 1.0)
_LEARNING_RATE, _MOMENTUM, _WEIGHT_DECAY = 0.1, 0.9, 4e-5
_TASK_SEED = 0


class StageRegressor(nn.Module):
    """A network's stages, each with a read-out: batch norm and a 1x1 convolution at 8x8."""

    def __init__(self, network: nn.Module, heads: Sequence[nn.Module]) -> None:
        """Take the network and the read-outs over: training changes both."""
        super().__init__()
        self.network = network
        self.heads = nn.ModuleList(heads)

    def forward(self, x: Tensor) -> list[Tensor]:
        """One map (B, channels, 8, 8) a stage; other sizes are resized to the nearest pixel."""
        return [
            head(
                tap if tap.shape[2:] == (SIDE, SIDE) else functional.interpolate(tap, (SIDE, SIDE))
            )
            for head, tap in zip(self.heads, stages_of(self.network, x), strict=True)
        ]


def stages_of(network: nn.Module, x: Tensor) -> list[Tensor]:
    """The network's three stage maps, checked.

    Args:
        network: the network.
        x: a batch of images.

    Returns:
        Three maps (B, channels, H, W).

    Raises:
        Unsupported: it does not have that.
    """
    stages: Any = getattr(network, "stages", None)
    if not callable(stages):
        raise Unsupported(
            "the network has no method stages(x) that returns the maps at its three depths"
        )
    maps: list[Tensor] = stages(x)
    if len(maps) != len(STAGE_WEIGHTS) or any(tap.dim() != 4 for tap in maps):
        raise Unsupported(
            f"the regression needs {len(STAGE_WEIGHTS)} stages of maps (B, C, H, W); the network "
            f"has {len(maps)} of {sorted({tap.dim() for tap in maps})} dimensions"
        )
    return maps


def weighted_loss(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """L = sum over stages of w * MSE, w = 1/4, 1/2, 1; the MSE a mean over all elements.

    Args:
        outputs: a map (B, channels, 8, 8) a stage.
        targets: of the same shapes.

    Returns:
        A scalar.
    """
    terms = zip(STAGE_WEIGHTS, outputs, targets, strict=True)
    return torch.stack([w * functional.mse_loss(out, goal) for w, out, goal in terms]).sum()


def train(
    model: nn.Module,
    inputs: Tensor,
    targets: Sequence[Tensor],
    *,
    steps: int,
    noise: Callable[[], Tensor] | None = None,
    evaluation_noise: Tensor | None = None,
    evaluate_after: Collection[int] = (),
) -> list[float]:
    """Losses of a model, in evaluation mode, along a training by SGD that changes it.

    Learning rate 0.1, momentum 0.9, weight decay 4e-5 on weights of more than one dimension.

    Args:
        model: gives a list of maps; trained in place.
        inputs: the one batch, (B, C, H, W).
        targets: one a stage, without noise.
        steps: number of updates.
        noise: draws what is added to the inputs of a step.
        evaluation_noise: what is added to the inputs of every evaluation.
        evaluate_after: numbers of updates after which to evaluate.

    Returns:
        The weighted loss after each of these numbers, in order.
    """
    decayed: list[Tensor] = []
    others: list[Tensor] = []
    for name, parameter in model.named_parameters():
        (decayed if "weight" in name and parameter.dim() > 1 else others).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": _WEIGHT_DECAY},
        {"params": others},
    ]
    optimiser = torch.optim.SGD(groups, lr=_LEARNING_RATE, momentum=_MOMENTUM)
    losses: list[float] = []
    for step in range(1, steps + 1):
        _set_mode(model, training=True)
        optimiser.zero_grad()
        loss = weighted_loss(model(inputs + noise() if noise else inputs), targets)
        torch.autograd.backward(loss)
        optimiser.step()
        if step in evaluate_after:
            _set_mode(model, training=False)
            with torch.no_grad():
                seen = inputs if evaluation_noise is None else inputs + evaluation_noise
                losses.append(float(weighted_loss(model(seen), targets)))
    return losses


def _set_mode(model: nn.Module, *, training: bool) -> None:
    model.train(training)
    for module in model.modules():
        if isinstance(module, _DropoutNd):
            module.training = False


def regression_loss(m: Measurement, task: Task, *, steps: int) -> float:
    """The weighted loss of a copy of the network after some steps on a task.

    The targets and the noise of the evaluation are the same for all networks and seeds: networks
    can only be compared on the same task. Read-outs and the noise of the steps are the
    measurement's own.

    Args:
        m: the measurement; its first batch is the one that is learned.
        task: what to regress.
        steps: number of updates.

    Returns:
        The loss in evaluation mode after the last step; lower is better.

    Raises:
        Diverged: the loss is not finite.
    """
    own = m.generator(f"regression {task.name}")
    shared = torch.Generator().manual_seed(derive(_TASK_SEED, "regression", task.name))
    targets = [
        target(stage, m.inputs, shared).to(device=m.device, dtype=m.dtype) for stage in task.stages
    ]
    with torch.no_grad():
        widths = [tap.shape[1] for tap in stages_of(m.network, m.inputs.clone())]
    heads = [
        _head(width, stage.num_channels, own).to(device=m.device, dtype=m.dtype)
        for width, stage in zip(widths, task.stages, strict=True)
    ]
    model = StageRegressor(copy.deepcopy(m.network), heads)
    (loss,) = train(
        model,
        m.inputs,
        targets,
        steps=steps,
        noise=(lambda: _noise(task, m.inputs, own)) if task.noise_level else None,
        evaluation_noise=_noise(task, m.inputs, shared) if task.noise_level else None,
        evaluate_after=(steps,),
    )
    if not math.isfinite(loss):
        raise Diverged(f"the regression's loss is {loss} after {steps} steps")
    return loss


def _head(width: int, num_channels: int, generator: torch.Generator) -> nn.Module:
    """Batch norm and a 1x1 convolution with bias, drawn as the layer's constructor would."""
    convolution = nn.Conv2d(width, num_channels, 1, dtype=torch.float64)
    bound = 1 / math.sqrt(width)
    for parameter in (convolution.weight, convolution.bias):
        assert parameter is not None
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return nn.Sequential(nn.BatchNorm2d(width), convolution)


def _noise(task: Task, inputs: Tensor, generator: torch.Generator) -> Tensor:
    shape = inputs.shape
    if task.noise == "gaussian":
        drawn = torch.randn(shape, generator=generator, dtype=torch.float64)
    else:
        drawn = 2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1
    return (task.noise_level * drawn).to(inputs)
