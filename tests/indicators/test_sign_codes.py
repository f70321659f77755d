"""Codes of any activations: the sign of each output."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators import measure

NAMES = ["naswot_signs", "swap_signs", "regions_signs"]


def only(activation):
    """The activation of two inputs, and a classifier."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(2, 2)

        def forward(self, x):
            return self.head(activation(x))

    return Net()


# signs (+ -), (+ +), (- +): they agree in 1, 0 and 1 of two units
X = torch.tensor([[1.0, -2.0], [3.0, 0.5], [-1.0, 2.0]])
BY_HAND = {
    # det [[2, 1, 0], [1, 2, 1], [0, 1, 2]] = 2 (4 - 1) - 1 (2 - 0) = 4
    "naswot_signs": math.log(4),
    # columns (1, 1, 0) and (0, 1, 1)
    "swap_signs": 2.0,
    "regions_signs": 3.0,
}
SPELLINGS = {
    "gelu": functional.gelu,
    "gelu of tanh": nn.GELU("tanh"),
    "silu": functional.silu,
    "silu by hand": lambda x: x * torch.sigmoid(x),
    "mish": nn.Mish(),
    "mish by hand": lambda x: x * functional.softplus(x).tanh(),
    "hardswish": functional.hardswish,
    "hardswish by hand": lambda x: x * functional.relu6(x + 3) / 6,
    "relu": torch.relu,
    "leaky": nn.LeakyReLU(0.1),
    "prelu": nn.PReLU(),
    "elu": functional.elu,
    "tanh": torch.tanh,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", SPELLINGS)
def test_scores_are_those_computed_by_hand(name, way):
    found = measure(only(SPELLINGS[way]), X, None, [name])[name]
    assert found == pytest.approx(BY_HAND[name], rel=1e-12)


def test_of_relus_they_are_the_scores_of_relus():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU6())
    net = nn.Sequential(*net, nn.Flatten(), nn.Linear(96, 4))
    x = torch.randn(8, 3, 8, 8)
    found = measure(net, x, None, [*NAMES, "naswot", "swap", "linear_regions"])
    assert [found[name] for name in NAMES] == [
        found[name] for name in ("naswot", "swap", "linear_regions")
    ]


def test_where_the_sign_of_the_output_is_not_that_of_the_input():
    """tanhshrink(x) = x - tanh(x) is seen as a tanh; ELU of x - 1 changes sign at 1."""
    found = measure(only(lambda x: functional.elu(x - 1)), X, None, ["regions_signs"])
    assert found["regions_signs"] == 3.0  # (0 0), (1 0), (0 1)


@pytest.mark.parametrize(
    ("activation", "text"),
    [
        (lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5)), "computes `erf`"),
        (lambda x: x.abs(), "computes `abs`"),
        (torch.sigmoid, "no activation whose output takes both signs"),
        (lambda x: x, "no activation whose output takes both signs"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_read_is_named(name, activation, text):
    with pytest.raises(Unsupported, match=text):
        measure(only(activation), X, None, [name])


def test_the_scores_of_relus_do_not_take_smooth_activations():
    with pytest.raises(Unsupported, match="applies no ReLU; its activations are gelu"):
        measure(only(functional.gelu), X, None, ["naswot"])
