"""The tangent-kernel scores of the published reference codes on four tiny networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from untrained.indicators import Measurement, indicators
from untrained.spaces import spaces

GOLDEN = Path(__file__).parent
INPUTS = np.load(GOLDEN / "inputs.npz")
WEIGHTS = np.load(GOLDEN / "weights_infer.npz")
SCORES = np.load(GOLDEN / "scores.npz")
NUM_NETWORKS = len(INPUTS["archs"])
# a condition number of 1e4 magnifies the rounding of the smallest eigenvalue
CONDITION = 1e-7


def network(index: int) -> nn.Module:
    net = spaces["nasbench201"].build(
        str(INPUTS["archs"][index]), num_classes=10, channels=4, cells=1
    )
    state = {
        key.split("/", 1)[1]: torch.from_numpy(WEIGHTS[key])
        for key in WEIGHTS.files
        if key.startswith(f"{index}/")
    }
    missing = net.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys
    return net.double()


def batches() -> list[tuple[Tensor, Tensor | None]]:
    return [
        (torch.from_numpy(INPUTS[x]).double(), torch.from_numpy(INPUTS[y]))
        for x, y in (("x", "y"), ("x2", "y2"))
    ]


def score(index: int, name: str, batch_norm: str = "train") -> float:
    with Measurement(network(index), batches(), batch_norm=batch_norm) as m:  # type: ignore[arg-type]
        return indicators[name](m)


@pytest.mark.parametrize("index", range(NUM_NETWORKS))
@pytest.mark.parametrize(
    ("name", "batch_norm", "key"),
    [
        ("ntk_condition", "train", "tenas_ntk_cond"),
        ("ntk_condition", "eval", "tenas_ntk_cond_eval"),
        ("ntk_condition", "train", "tegnas_ntk_cond"),
        ("ntk_generalization", "train", "tegnas_mse"),
    ],
)
def test_the_reference_value_is_met(name: str, batch_norm: str, key: str, index: int) -> None:
    assert score(index, name, batch_norm) == pytest.approx(
        SCORES[f"{key}.f8"][index], rel=CONDITION
    )
