"""Baselines against the scores of their released code, on two versions of four networks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from untrained.indicators import Measurement, indicators, measure
from untrained.indicators.account.account import Account
from untrained.indicators.quantities.first_sample_maps import smallest_eigenvalue
from untrained.indicators.quantities.layer_responses import layer_responses
from untrained.spaces import Network, spaces

FOLDER = Path(__file__).parent
INPUTS = dict(np.load(FOLDER / "inputs.npz"))
SCORES = dict(np.load(FOLDER / "scores.npz"))
WEIGHTS = dict(np.load(FOLDER / "weights_infer.npz"))
FORESIGHT = dict(np.load(FOLDER / "weights_foresight.npz"))
ARCHS = [str(text) for text in INPUTS["archs"]]

EXACT = 1e-9
"""Float64 arithmetic in another order."""
SINGLE_PRECISION = 1e-6
"""Fisher's channel values are summed in float32."""

every_architecture = pytest.mark.parametrize("place", range(len(ARCHS)))


def state_of(weights: dict[str, np.ndarray], place: int) -> dict[str, Tensor]:
    prefix = f"{place}/"
    return {
        key.removeprefix(prefix): torch.from_numpy(array).double()
        for key, array in weights.items()
        if key.startswith(prefix)
    }


def network(place: int) -> Network:
    built = spaces["nasbench201"].build(ARCHS[place], num_classes=10, channels=4, cells=1)
    missing, unexpected = built.load_state_dict(state_of(WEIGHTS, place), strict=False)
    assert not unexpected
    assert all(key.split(".")[-1].startswith(("running_", "num_batches")) for key in missing)
    return built.double()


def relu_conv_bn(
    width_in: int, width_out: int, kernel: int, stride: int = 1, *, search: bool
) -> Any:
    """Search cells have a bias in the convolution and none in the batch norm."""
    return nn.ModuleDict(
        {
            "op": nn.Sequential(
                nn.ReLU(),
                nn.Conv2d(width_in, width_out, kernel, stride, kernel // 2, bias=search),
                nn.BatchNorm2d(width_out, affine=not search, track_running_stats=not search),
            )
        }
    )


KERNELS = {"nor_conv_3x3": 3, "nor_conv_1x1": 1}


class ForesightCell(nn.Module):
    """One search cell; only the chosen of the five options on each edge exists."""

    NAMES = ("none", "avg_pool_3x3", "nor_conv_3x3", "nor_conv_1x1", "skip_connect")

    def __init__(self, operations: Sequence[str], width: int) -> None:
        super().__init__()
        self.operations = operations
        self.places = [5 * edge + self.NAMES.index(name) for edge, name in enumerate(operations)]
        self.options: Any = nn.ModuleDict(
            {
                str(place): relu_conv_bn(width, width, KERNELS[name], search=True)
                for place, name in zip(self.places, operations, strict=True)
                if name in KERNELS
            }
        )

        self.skip = nn.Identity()
        self.pooling = nn.AvgPool2d(3, 1, 1, count_include_pad=False)

    def edge(self, number: int, x: Tensor) -> Tensor:
        name = self.operations[number]
        if name == "none":
            return x * 0
        if name == "skip_connect":
            same: Tensor = self.skip(x)
            return same
        if name == "avg_pool_3x3":
            pooled: Tensor = self.pooling(x)
            return pooled
        out: Tensor = self.options[str(self.places[number])]["op"](x)
        return out

    def forward(self, x: Tensor) -> Tensor:
        one = self.edge(0, x)
        two = self.edge(1, x) + self.edge(2, one)
        return self.edge(3, x) + self.edge(4, one) + self.edge(5, two)


class Reduction(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_a = relu_conv_bn(width, 2 * width, 3, 2, search=False)
        self.conv_a["op"][1].bias = None
        self.conv_b = relu_conv_bn(2 * width, 2 * width, 3, search=False)
        self.conv_b["op"][1].bias = None
        self.residual = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(width, 2 * width, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv_b["op"](self.conv_a["op"](x)) + self.residual(x)
        return out


class ForesightNetwork(nn.Module):
    """The network as zero-cost-nas builds it."""

    def __init__(self, place: int) -> None:
        super().__init__()
        operations = spaces["nasbench201"].operations(ARCHS[place])  # type: ignore[attr-defined]
        self.stem: Any = nn.ModuleDict(
            {"net": nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4))}
        )
        self.stack_cell1 = nn.ModuleList([ForesightCell(operations, 4)])
        self.reduction1 = Reduction(4)
        self.stack_cell2 = nn.ModuleList([ForesightCell(operations, 8)])
        self.reduction2 = Reduction(8)
        self.stack_cell3 = nn.ModuleList([ForesightCell(operations, 16)])
        self.top: Any = nn.ModuleDict(
            {
                "lastact": nn.Sequential(nn.BatchNorm2d(16), nn.ReLU()),
                "classifier": nn.Linear(16, 10),
            }
        )
        missing, unexpected = self.load_state_dict(state_of(FORESIGHT, place), strict=False)
        assert not unexpected
        assert all(key.split(".")[-1].startswith(("running_", "num_batches")) for key in missing)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem["net"](x)
        x = self.reduction1(self.stack_cell1[0](x))
        x = self.reduction2(self.stack_cell2[0](x))
        x = self.top["lastact"](self.stack_cell3[0](x))
        out: Tensor = self.top["classifier"](x.mean((2, 3)))
        return out


def data() -> tuple[Tensor, Tensor]:
    return torch.from_numpy(INPUTS["x"]).double(), torch.from_numpy(INPUTS["y"])


SAME_DEFINITION = {
    "l2_norm": ("l2_norm", EXACT),
    "plain": ("plain", EXACT),
    "grasp": ("grasp", EXACT),
    "fisher": ("fisher", EXACT),
}
ON_FORESIGHT = {name: SAME_DEFINITION[name] for name in ("plain", "grasp", "fisher")} | {
    "grad_norm": ("grad_norm", EXACT),
    "snip": ("snip", EXACT),
    "jacov": ("jacob_cov", EXACT),
}


@every_architecture
@pytest.mark.parametrize("name", SAME_DEFINITION)
def test_baseline_in_float64_is_the_originals(name: str, place: int) -> None:
    key, tolerance = SAME_DEFINITION[name]
    score = measure(network(place), *data(), [name])[name]
    assert score == pytest.approx(SCORES[f"dxy_{key}.f8"][place], rel=tolerance)


@every_architecture
@pytest.mark.parametrize("name", ON_FORESIGHT)
def test_baseline_of_the_other_networks_is_the_originals(name: str, place: int) -> None:
    key, tolerance = ON_FORESIGHT[name]
    score = measure(ForesightNetwork(place), *data(), [name])[name]
    assert score == pytest.approx(SCORES[f"fs_{key}.f8"][place], rel=tolerance)


@every_architecture
def test_synflow_is_the_originals_once_the_norms_of_its_reductions_stay(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "check_norms", lambda account: None)  # which refuses this
    net = ForesightNetwork(place)
    for parameter in net.parameters():
        parameter.data = parameter.data.abs()
    for reduction in (net.reduction1, net.reduction2):
        for block in (reduction.conv_a, reduction.conv_b):
            norm = block["op"][2]
            block["op"][2] = _Division(norm)
    score = measure(net, *data(), ["synflow"])["synflow"]
    assert score == pytest.approx(SCORES["fs_synflow.f8"][place], rel=EXACT)


class _Division(nn.Module):
    """Batch normalisation by its formula, which a bypass of batch normalisation does not see."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((0, 2, 3), keepdim=True)
        variance = x.var((0, 2, 3), correction=0, keepdim=True)
        scaled = (x - mean) / (variance + self.eps).sqrt()
        return scaled * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


@every_architecture
def test_fisher_is_the_originals_also_before_single_precision(place: int) -> None:
    with Measurement(network(place), [data()]) as m:
        total = sum(
            float(r.channels.square().mean(0).sum()) / 2 * r.weight[0].numel()
            for r in layer_responses(m)
        )
        assert indicators["fisher"](m) == pytest.approx(total, rel=SINGLE_PRECISION)
    assert total == pytest.approx(SCORES["dxy_fisher.f8"][place], rel=SINGLE_PRECISION)


@every_architecture
def test_meco_is_the_originals_once_its_containers_count_again(place: int) -> None:
    net = ForesightNetwork(place)
    image = torch.from_numpy(INPUTS["meco_input"]).double()
    again: list[float] = []

    def count(times: int) -> Any:
        return lambda module, args, out: again.extend(
            [smallest_eigenvalue(out[0].flatten(1))] * times
        )

    for module in net.modules():
        if isinstance(module, ForesightCell):
            module.register_forward_hook(count(2))  # the cell, and the sequence around it
            module.pooling.register_forward_hook(count(1))  # a wrapper
        if isinstance(module, Reduction):
            module.register_forward_hook(count(1))
            module.residual.register_forward_hook(count(1))
        if isinstance(module, nn.ModuleDict) and "op" in module:
            module["op"].register_forward_hook(count(2))  # the sequence, and its wrapper
    net.stem["net"].register_forward_hook(count(2))
    net.top["lastact"].register_forward_hook(count(1))
    score = measure(net, image, None, ["meco"])["meco"]
    assert score + sum(again) == pytest.approx(SCORES["fs_meco.f8"][place], rel=EXACT)
