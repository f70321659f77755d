"""Scores of cells without their zeros are those of the whole cells, bit for bit."""

import numpy as np
import pytest
import torch

from untrained.indicators import Measurement, indicators, measure, read
from untrained.indicators.quantities.forward import live_cells
from untrained.spaces import spaces
from untrained.spaces.nasbench201.network import FourNodes, ReLUConvBN

INVARIANT = [name for name, item in indicators.items() if item.class_invariant]
SLOW = {"ntk_condition_full", "ntk_condition", "ntk_generalization", "ntk_trace_sumlogit"}
CELL_SPACES = ["nasbench201", "natsbench_sss", "transnasbench101_micro", "nasbench101", "darts"]


def built(space, architecture):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return spaces[space].build(architecture, num_classes=3, channels=4, cells=1)


def scores(network, names, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    batches = [
        (torch.randn(6, 3, 8, 8, generator=generator).to(dtype), torch.arange(6) % 3)
        for _ in range(2)
    ]
    with Measurement(network, batches) as m:
        return {name: reading.value for name, reading in read(m, names).items()}


def whole(monkeypatch, network, names):
    with monkeypatch.context() as patch:
        patch.setattr(FourNodes, "has_live_form", lambda self: False)
        return scores(network, names)


@pytest.mark.parametrize("space", CELL_SPACES)
def test_class_invariant_scores_are_the_same_on_every_space(space, monkeypatch):
    network = built(space, spaces[space].sample(np.random.default_rng(3)))
    names = [name for name in INVARIANT if name != "ntk_condition_full"]
    np.testing.assert_equal(scores(network, names), whole(monkeypatch, network, names))


CELLS = [
    "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|nor_conv_3x3~0|nor_conv_3x3~1|avg_pool_3x3~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|",
    "|none~0|+|none~0|avg_pool_3x3~1|+|nor_conv_3x3~0|avg_pool_3x3~1|nor_conv_1x1~2|",
    "|none~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|none~0|skip_connect~1|nor_conv_1x1~2|",
    "|skip_connect~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|nor_conv_1x1~1|nor_conv_1x1~2|",
    "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|none~1|nor_conv_1x1~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
    "|none~0|+|none~0|nor_conv_3x3~1|+|none~0|skip_connect~1|skip_connect~2|",
]


@pytest.mark.parametrize("cell", CELLS)
def test_scores_of_cells_with_zeros_are_the_same(cell, monkeypatch):
    names = [name for name in INVARIANT if name not in SLOW]
    network = built("nasbench201", cell)
    np.testing.assert_equal(scores(network, names), whole(monkeypatch, network, names))


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_of_every_parameter_is_the_same(cell, monkeypatch):
    network = built("nasbench201", cell)
    expected = whole(monkeypatch, network, ["nasi"])
    assert scores(network, ["nasi"]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", [24, *range(20)])
def test_gradients_of_random_cells_are_the_same(seed, monkeypatch):
    space = spaces["nasbench201"]
    network = built("nasbench201", space.sample(np.random.default_rng(seed)))
    names = ["snip", "jacov", "fisher"]
    np.testing.assert_equal(scores(network, names), whole(monkeypatch, network, names))


def test_what_is_left_out_is_not_computed():
    network, called = built("nasbench201", CELLS[3]), []
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda module, *_: called.append(module))
    x = torch.randn(6, 3, 16, 16)
    with Measurement(network, [(x, None)]) as m:
        network(x)
        everything = len(called)
        called.clear()
        with live_cells(m):
            network(x)
        assert 0 < len(called) < everything
        called.clear()
        network(x)
        assert len(called) == everything
    assert not any("live" in vars(module) for module in network.modules())


def test_shifts_that_are_not_zero_keep_the_whole_cell(monkeypatch):
    network = built("nasbench201", CELLS[2])
    names = ["grad_norm", "nasi", "snip"]
    for module in network.modules():
        if isinstance(module, ReLUConvBN):
            torch.nn.init.constant_(module.op[2].bias, 0.3)
    np.testing.assert_equal(scores(network, names), whole(monkeypatch, network, names))
    assert measure(network, torch.randn(4, 3, 8, 8), torch.arange(4) % 3, names)["nasi"] > 0


@pytest.mark.parametrize(
    "replacement", [torch.nn.Identity(), torch.nn.BatchNorm2d(4, affine=False)]
)
def test_cells_with_another_normalisation_keep_what_they_compute(replacement, monkeypatch):
    network = built("nasbench201", CELLS[2])
    for edge in network.cells[0].layers:
        if isinstance(edge, ReLUConvBN):
            edge.op[2] = replacement
    names = ["grad_norm", "snip"]
    np.testing.assert_equal(scores(network, names), whole(monkeypatch, network, names))
