"""Which ReLUs are live, and that only those count."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from untrained.indicators import Measurement, measure, read
from untrained.indicators.quantities.relu_calls import live_relus
from untrained.indicators.quantities.relu_kernels import relu_kernels

ROUNDING = 1e-12
"""Float64 determinants of one and the same integer matrix."""


class Branches(nn.Module):
    """A live branch; one multiplied by zero; one fed by zeros; all with their ReLUs."""

    def __init__(self, *, dead: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        branch = (nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4))
        self.live = nn.Sequential(*branch)
        self.zeroed = nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 1), nn.ReLU()) if dead else None
        self.starved = (
            nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4))
            if dead
            else None
        )
        self.last = nn.ReLU()
        self.head = nn.Linear(4, 4)

    def forward(self, x):
        x = self.stem(x)
        out = self.live(x)
        if self.zeroed is not None and self.starved is not None:
            out = out + self.zeroed(x) * 0 + self.starved(x * 0)
        return self.head(self.last(out).mean((2, 3)))


def pair():
    dead = Branches(dead=True).double()
    pruned = Branches(dead=False).double()
    pruned.load_state_dict(dead.state_dict(), strict=False)
    return dead, pruned


def test_score_is_naswot_of_the_network_without_its_dead_relus(x):
    dead, pruned = pair()
    live = measure(dead, x, None, ["naswot_live", "naswot"])
    assert live["naswot_live"] == measure(pruned, x, None, ["naswot"])["naswot"]
    assert live["naswot_live"] != live["naswot"]


def test_dead_relus_are_those_of_the_dead_branches(x):
    dead, _ = pair()
    with Measurement(dead, [(x, None)]) as m:
        assert live_relus(m) == [True, False, False, False, True]


def test_without_dead_relus_it_is_naswot(network, x):
    scores = measure(network, x, None, ["naswot", "naswot_live"])
    assert scores["naswot_live"] == scores["naswot"]


def test_score_is_that_of_the_live_kernels(x):
    dead, _ = pair()
    with Measurement(dead, [(x, None)]) as m:
        kernels = [k.agreeing.numpy() for k in relu_kernels(m)]
        value = read(m, ["naswot_live"])["naswot_live"].value
    assert value == pytest.approx(np.linalg.slogdet(kernels[0] + kernels[-1])[1], rel=ROUNDING)


def test_a_relu_whose_output_is_zeroed_in_place_is_dead(x):
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(192, 6), nn.Linear(192, 6), nn.Linear(6, 3)

        def forward(self, x):
            u, v = torch.relu(self.a(x.flatten(1))), torch.relu(self.b(x.flatten(1)))
            u.mul_(0)
            v.mul_(2)
            return self.c(u + v)

    with Measurement(InPlace().double(), [(x, None)]) as m:
        assert live_relus(m) == [False, True]


def test_a_last_batch_norm_does_not_hide_the_relus_before_it(x):
    # a plain sum over the batch has no gradient through it
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(192, 9), nn.ReLU(), nn.Linear(9, 4), nn.BatchNorm1d(4)
    ).double()
    with Measurement(net, [(x, None)]) as m:
        assert live_relus(m) == [True]


def test_no_live_relu_ranks_last(x):
    class Zeroed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(192, 30), nn.Linear(30, 4)

        def forward(self, x):
            return self.last(torch.relu(self.first(x.flatten(1))) * 0)

    scores = measure(Zeroed().double(), x, None, ["naswot", "naswot_live"])
    assert scores["naswot_live"] == -math.inf
    assert math.isfinite(scores["naswot"])
