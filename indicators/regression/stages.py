"""A copy of a network with a read-out at each of its last three stages, ready to learn a task."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators import Measurement
from untrained.indicators.regression.learner import Learner, Lesson
from untrained.indicators.regression.signals import SIDE, noise_like, target
from untrained.indicators.regression.tasks import Task

STAGE_WEIGHTS = (0.25, 0.5, 1.0)
_LEARNING_RATE, _MOMENTUM, _WEIGHT_DECAY = 0.1, 0.9, 4e-5


class StageRegressor(nn.Module):
    """A network's last three stages with read-outs: batch norm and a 1x1 convolution at 8x8."""

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
    """The last three of the network's stage maps, (B, channels, H, W), checked.

    Raises:
        Unsupported: it does not have that.
    """
    stages: Any = getattr(network, "stages", None)
    if not callable(stages):
        raise Unsupported("the network has no method stages(x) that returns the maps at its depths")
    maps: list[Tensor] = stages(x)
    if len(maps) < len(STAGE_WEIGHTS) or any(tap.dim() != 4 for tap in maps):
        raise Unsupported(
            "the regression needs three stages of maps (B, C, H, W), or more; the network has "
            f"{len(maps)} of {sorted({tap.dim() for tap in maps})} dimensions"
        )
    return maps[-len(STAGE_WEIGHTS) :]


def sgd(model: nn.Module) -> torch.optim.SGD:
    """Learning rate 0.1, momentum 0.9, weight decay 4e-5 on weights of more than one dimension."""
    decayed: list[Tensor] = []
    others: list[Tensor] = []
    for name, parameter in model.named_parameters():
        (decayed if "weight" in name and parameter.dim() > 1 else others).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": _WEIGHT_DECAY},
        {"params": others},
    ]
    return torch.optim.SGD(groups, lr=_LEARNING_RATE, momentum=_MOMENTUM)


def stage_learner(m: Measurement, task: Task) -> Learner:
    """A copy of the measured network that is to learn a task on the first batch of images.

    Targets and the noise of evaluations depend on the measurement's data seed alone, so they are
    the same for all networks and seeds of a run: networks can only be compared on the same task.
    Read-outs and the noise of the steps are the measurement's own.

    Raises:
        Unsupported: the network has fewer than three stages, or the inputs are no images.
    """
    shared, own = (draw(f"regression {task.name}") for draw in (m.data_generator, m.generator))
    targets = tuple(target(stage, m.inputs, shared).to(m.inputs) for stage in task.stages)
    network = copy.deepcopy(m.network)
    with torch.no_grad():
        network.eval()  # in training mode one image can be too few for a batch norm
        widths = [tap.shape[1] for tap in stages_of(network, m.inputs[:1].clone())]
    heads = [
        _head(width, stage.num_channels, own).to(m.inputs)
        for width, stage in zip(widths, task.stages, strict=True)
    ]
    noise = noise_like(m.inputs, task.noise, task.noise_level)
    lesson = Lesson(
        m.inputs, targets, STAGE_WEIGHTS, noise, evaluation_noise=noise(shared) if noise else None
    )
    model = StageRegressor(network, heads)
    return Learner(model, sgd(model), lesson, own)


def _head(width: int, num_channels: int, generator: torch.Generator) -> nn.Module:
    """Batch norm and a 1x1 convolution with bias, drawn as the layer's constructor would."""
    convolution = nn.Conv2d(width, num_channels, 1, dtype=torch.float64)
    bound = 1 / math.sqrt(width)
    for parameter in (convolution.weight, convolution.bias):
        assert parameter is not None
        nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return nn.Sequential(nn.BatchNorm2d(width), convolution)
