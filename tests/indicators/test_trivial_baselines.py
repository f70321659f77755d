"""Parameters, FLOPs, depth and chance on networks that can be counted by hand."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from untrained.indicators import Measurement, measure, read
from untrained.spaces import spaces

DRAWS = 1000


def score(name, net, x):
    return measure(net, x, None, [name])[name]


def chain():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),  # 3*4*9 weights, 4 biases, 8*8 pixels
        nn.BatchNorm2d(4),  # 4 gains, 4 shifts
        nn.ReLU(),
        nn.Conv2d(4, 8, 1, stride=2, bias=False),  # 32 weights, 4*4 pixels
        nn.Flatten(),
        nn.Linear(128, 5),  # 640 weights, 5 biases
    )


def test_parameters_of_a_chain(x):
    assert score("params", chain(), x) == 108 + 4 + 8 + 32 + 640 + 5


def test_a_shared_parameter_counts_once(x):
    layer = nn.Linear(192, 192)
    assert score("params", nn.Sequential(nn.Flatten(), layer, layer), x) == 192 * 193


def test_a_frozen_parameter_counts(x):
    net = chain().requires_grad_(False)
    assert score("params", net, x) == 797


@pytest.mark.parametrize("batch", [1, 6])
def test_flops_are_the_multiply_accumulates_of_one_input(x, batch):
    assert score("flops", chain(), x[:batch]) == 108 * 64 + 32 * 16 + 640


def test_flops_of_grouped_convolutions_and_repeated_layers(x):
    layer = nn.Conv2d(6, 6, 3, padding=1, groups=3, bias=False)  # 6 maps x 2 channels x 9
    net = nn.Sequential(nn.Conv2d(3, 6, 1, bias=False), layer, layer, nn.Flatten())
    assert score("flops", net, x) == 64 * (18 + 2 * 108)


class Constant(nn.Module):
    """Returns a view of a parameter, whatever it is given."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(6, 4))
        self.layer = nn.Conv2d(3, 2, 1)

    def forward(self, x):
        self.layer(x)
        return self.weight[: len(x)]


def test_flops_of_a_network_that_returns_a_view_of_a_parameter(x):
    assert score("flops", Constant(), x) == 3 * 2 * 64


def test_flops_of_nasbench201_are_those_of_its_layers(x):
    text = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"
    net = spaces["nasbench201"].build(text, num_classes=10, channels=4, cells=1)
    cells = sum((9 + 1) * c * c * (8 // s) ** 2 for c, s in ((4, 1), (8, 2), (16, 4)))
    reductions = sum(
        (9 * c * d + 9 * d * d + c * d) * pixels for c, d, pixels in ((4, 8, 16), (8, 16, 4))
    )
    assert score("flops", net, x) == 27 * 4 * 64 + cells + reductions + 160


def test_depth_of_a_chain(x):
    assert score("depth", chain(), x) == 3


class Graph(nn.Module):
    """Two branches of one and of three layers, a layer applied twice, a layer never applied."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 3, 3, padding=1)
        self.short = nn.Conv2d(3, 3, 1)
        self.long = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True), nn.Conv2d(3, 3, 1))
        self.twice = nn.Conv2d(3, 3, 1)
        self.unused = nn.Linear(7, 7)
        self.head = nn.Linear(3, 4)

    def forward(self, x):
        x = self.stem(x)
        x = self.short(x) + self.twice(self.twice(self.long(x))) + x
        return self.head(x.mean((2, 3)))


def test_depth_is_the_longest_path_and_counts_applications(x):
    assert score("depth", Graph(), x) == 6


def test_depth_of_what_has_no_layer_is_zero(x):
    assert score("depth", nn.Flatten(), x) == 0
    assert score("depth", nn.Sequential(nn.BatchNorm2d(3), nn.Flatten()), x) == 0


def test_depth_of_a_long_chain_needs_no_recursion():
    net = nn.Sequential(*(nn.Linear(1, 1) for _ in range(1500)))
    assert score("depth", net, torch.ones(2, 1)) == 1500


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("|skip_connect~0|+|none~0|none~1|+|none~0|none~1|avg_pool_3x3~2|", 0),
        ("|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|nor_conv_3x3~2|", 3),
        ("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|nor_conv_3x3~2|", 2),
    ],
)
def test_depth_of_nasbench201_is_stem_cells_reductions_and_classifier(text, layers, x):
    net = spaces["nasbench201"].build(text, num_classes=10, channels=4, cells=2)
    assert score("depth", net, x) == 1 + 6 * layers + 2 * 2 + 1


def test_chance_is_uniform_and_follows_the_seed(x):
    net = nn.Flatten()

    def draw(seed):
        with Measurement(net, [(x, None)], seed=seed) as m:
            return read(m, ["random"])["random"].value

    values = np.array([draw(seed) for seed in range(DRAWS)])
    assert len(set(values)) == DRAWS
    assert draw(5) == values[5]
    assert stats.kstest(values, "uniform").pvalue > 1e-3
