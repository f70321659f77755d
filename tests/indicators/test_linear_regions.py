"""Linear regions against pairwise comparison, closed forms and degenerate networks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from untrained.indicators import Measurement, measure, read
from untrained.spaces import spaces

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"


def patches(seed: int, size: int, channels: int = 3, side: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, channels, side, side, generator=generator, dtype=torch.float64)


def count(net: nn.Module, *batches: Tensor) -> float:
    with Measurement(net, [(x, None) for x in batches]) as m:
        return read(m, ["linear_regions"])["linear_regions"].value


def test_the_count_is_that_of_pairwise_comparison() -> None:
    torch.manual_seed(0)
    net = spaces["nasbench201"].build(CELL, num_classes=5, channels=1, cells=1).double()
    batches = [patches(1, 40), patches(2, 30)]
    rows = []
    for x in batches:
        signs: list[Tensor] = []
        handles = [
            module.register_forward_hook(
                lambda m, a, out, signs=signs: signs.append(out.flatten(1) > 0)
            )
            for module in net.modules()
            if isinstance(module, nn.ReLU)
        ]
        with torch.no_grad():
            net.train()(x)
        for handle in handles:
            handle.remove()
        rows.append(torch.cat(signs, 1).double())
    codes = torch.cat(rows)
    differing = codes @ (1 - codes).T + (1 - codes) @ codes.T
    expected = float((1 / (differing == 0).sum(1)).sum())
    # a sum of reciprocals
    assert count(net, *batches) == pytest.approx(expected, abs=1e-9)


class Thresholds(nn.Module):
    """ReLUs of x - t for some thresholds t of a single pixel: at most len(t) + 1 patterns."""

    def __init__(self, thresholds: list[float]) -> None:
        super().__init__()
        self.thresholds = nn.Parameter(torch.tensor(thresholds, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        maps = functional.relu(x - self.thresholds[:, None, None])
        return maps.mean((2, 3))


def test_thresholds_on_a_line_cut_it_into_one_more_region() -> None:
    line = torch.linspace(-1, 1, 101, dtype=torch.float64).reshape(101, 1, 1, 1)
    assert count(Thresholds([-0.505, 0.005, 0.505]), line) == 4


def test_the_same_pattern_in_two_batches_counts_once() -> None:
    net = Thresholds([-0.505, 0.005, 0.505])
    line = torch.linspace(-1, 1, 101, dtype=torch.float64).reshape(101, 1, 1, 1)
    assert count(net, line, line) == count(net, line)
    assert count(net, line[:50], line[50:]) == 4


def test_a_zero_pre_activation_is_inactive() -> None:
    points = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64).reshape(3, 1, 1, 1)
    assert count(Thresholds([0.0]), points) == 2


def test_the_memory_order_of_a_batch_does_not_matter() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ).double()
    x = patches(3, 60)
    one = count(net, x, x)
    assert one == count(net, x, x.contiguous(memory_format=torch.channels_last))
    assert one <= 60


def test_a_single_sample_lies_in_one_region() -> None:
    assert count(Thresholds([0.0, 1.0]), patches(0, 1, 1, 1)) == 1


def test_only_relus_of_maps_count() -> None:
    flat = nn.Sequential(nn.Flatten(), nn.Linear(48, 9), nn.ReLU(), nn.Linear(9, 3)).double()
    with Measurement(flat, [(patches(0, 8), None)]) as m:
        outcome = read(m, ["linear_regions"])["linear_regions"]
    assert outcome.status == "unsupported"
    assert "no ReLU" in outcome.reason


def test_two_batches_are_counted_by_the_public_call() -> None:
    net = Thresholds([0.0])
    points = torch.tensor([-1.0, 1.0], dtype=torch.float64).reshape(2, 1, 1, 1)
    scores = measure(net, points[:1], None, ["linear_regions"], second_batch=(points[1:], None))
    assert scores["linear_regions"] == 2
