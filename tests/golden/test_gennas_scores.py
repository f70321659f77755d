"""The regression losses of the published reference code on four tiny networks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from untrained.indicators.regression.learner import Learner, Lesson
from untrained.indicators.regression.stages import STAGE_WEIGHTS, StageRegressor, sgd
from untrained.spaces import spaces
from untrained.spaces.nasbench201.network import Cell, ReLUConvBN

GOLDEN = Path(__file__).parent
INPUTS = np.load(GOLDEN / "inputs.npz")
WEIGHTS = np.load(GOLDEN / "weights_gennas.npz")
SCORES = np.load(GOLDEN / "scores.npz")
NUM_OPERATIONS = 5
# ten steps carry the rounding of float64 further, by orders of magnitude in these networks
TRAJECTORY = 1e-9


def model(index: int) -> nn.Module:
    """The network of the reference: in cells, convolutions with bias and batch norm without affine.

    Its batch norms in the cells keep no running statistics either.
    """
    net = spaces["nasbench201"].build(
        str(INPUTS["archs"][index]), num_classes=10, channels=4, cells=1
    )
    for cell in net.modules():
        if not isinstance(cell, Cell):
            continue
        for edge in cell.layers:
            if isinstance(edge, ReLUConvBN):
                old = edge.op[1]
                assert isinstance(old, nn.Conv2d)
                edge.op[1] = nn.Conv2d(
                    old.in_channels,
                    old.out_channels,
                    kernel_size=old.kernel_size[0],
                    padding=old.kernel_size[0] // 2,
                )
                edge.op[2] = nn.BatchNorm2d(
                    old.out_channels, affine=False, track_running_stats=False
                )
    channels = [len(INPUTS[f"gennas_target{stage}"][0]) for stage in range(3)]
    heads = [
        nn.Sequential(nn.BatchNorm2d(4 * 2**stage), nn.Conv2d(4 * 2**stage, width, 1))
        for stage, width in enumerate(channels)
    ]
    whole = StageRegressor(net, heads)
    state = {
        _renamed(key.partition("/")[2]): torch.from_numpy(WEIGHTS[key])
        for key in WEIGHTS.files
        if key.startswith(f"{index}/")
    }
    missing = whole.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys
    unused = ("network.lastact", "network.classifier")
    assert all(
        "running" in key or "num_batches" in key or key.startswith(unused)
        for key in missing.missing_keys
    )
    return whole.double()


def _renamed(name: str) -> str:
    name = re.sub(r"^out(\d)\.", r"heads.\1.", name)
    name = name.replace("model.stem.net.", "network.stem.")
    name = re.sub(r"^model\.reduction(\d)\.residual\.", r"network.cells.R\1.downsample.", name)
    name = re.sub(r"^model\.reduction(\d)\.", r"network.cells.R\1.", name)
    name = re.sub(
        r"^model\.stack_cell(\d)\.0\.options\.(\d+)\.",
        lambda found: (
            f"network.cells.{2 * int(found[1]) - 2}.layers.{int(found[2]) // NUM_OPERATIONS}."
        ),
        name,
    )
    return name.replace("cells.R1", "cells.1").replace("cells.R2", "cells.3")


@pytest.mark.parametrize("index", range(len(INPUTS["archs"])))
def test_the_reference_trajectory_is_met(index: int) -> None:
    targets = [torch.from_numpy(INPUTS[f"gennas_target{stage}"]).double() for stage in range(3)]
    whole = model(index)
    lesson = Lesson(torch.from_numpy(INPUTS["x"]).double(), tuple(targets), STAGE_WEIGHTS)
    learner = Learner(whole, sgd(whole), lesson, torch.Generator())
    losses = []
    for _ in range(5):
        learner.train(2)
        whole.eval()  # the reference reads the loss with running statistics where there are any
        with torch.no_grad():
            losses.append(float(lesson.loss(whole)))
    assert losses == pytest.approx(SCORES["gennas_losses.f8"][index].tolist(), rel=TRAJECTORY)
