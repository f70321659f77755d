"""The linear-region counts of the published reference code on four thin networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from untrained.indicators import Measurement, indicators
from untrained.spaces import spaces

GOLDEN = Path(__file__).parent
INPUTS = np.load(GOLDEN / "inputs.npz")
WEIGHTS = np.load(GOLDEN / "weights_thin.npz")
SCORES = np.load(GOLDEN / "scores.npz")
# the reference adds up rounded reciprocals of multiplicities, so its counts are near whole numbers
HALF_PRECISION = 0.5
REFERENCE_OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


def thin_network(index: int) -> nn.Module:
    net = spaces["nasbench201"].build_thin(str(INPUTS["archs"][index]), num_classes=10)
    edges = [f"{to}<-{source}" for to in (1, 2, 3) for source in range(to)]
    state = {}
    for key in WEIGHTS.files:
        number, _, name = key.partition("/")
        if int(number) != index:
            continue
        if name.startswith("cells.0.edges."):
            edge, _, rest = name.removeprefix("cells.0.edges.").partition(".")
            name = f"cells.0.layers.{edges.index(edge)}.{rest.partition('.')[2]}"
        state[name] = torch.from_numpy(WEIGHTS[key])
    missing = net.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys
    assert all("running" in key or "num_batches" in key for key in missing.missing_keys)
    return net


@pytest.mark.parametrize("index", range(len(INPUTS["archs"])))
def test_the_reference_count_is_met(index: int) -> None:
    batches = [(torch.from_numpy(patches), None) for patches in INPUTS["thin_patches"]]
    with Measurement(thin_network(index), batches) as m:
        count = indicators["linear_regions"](m)
    assert abs(count - SCORES["tenas_thin_linear_regions.f4"][index]) < HALF_PRECISION
    assert count == int(count)
