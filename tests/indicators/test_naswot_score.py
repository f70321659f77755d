"""NASWOT against pairwise Hamming distances, and on paper."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from untrained.indicators import Measurement, measure, read
from untrained.indicators.quantities.relu_kernels import agreement, relu_kernels
from untrained.spaces import spaces

ROUNDING = 1e-12
"""Float64 determinants of one and the same integer matrix."""


def score(net, x, name="naswot"):
    return measure(net, x, None, [name])[name]


def hamming_kernel(codes):
    c = np.concatenate(codes, axis=1)
    size = len(c)
    kernel = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            distance = sum(int(a != b) for a, b in zip(c[i], c[j], strict=True))
            kernel[i, j] = c.shape[1] - distance
    return kernel


class Plain(nn.Module):
    """`Residual` of the fixtures as it would be with one ReLU module for each application."""

    def __init__(self, shared):
        super().__init__()
        self.shared = shared
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(4))

    def forward(self, x):
        s = self.shared
        x = self.relus[0](s.stem(x))
        for relu in self.relus[1:3]:
            x = relu(x + s.norm(s.again(x)))
        return s.head(self.relus[3](x - 0.1).mean((2, 3)))


def test_score_is_the_log_determinant_of_pairwise_hamming_agreements(
    network, x, relu_codes_by_hooks
):
    watched = Plain(network) if hasattr(network, "stem") else network
    expected = hamming_kernel(relu_codes_by_hooks(watched, x))
    with Measurement(network, [(x, None)]) as m:
        kernels = relu_kernels(m)
        np.testing.assert_array_equal(sum(k.agreeing for k in kernels).numpy(), expected)
        assert sum(k.num_units for k in kernels) == expected[0, 0]
        reading = read(m, ["naswot"])["naswot"]
    assert reading.value == pytest.approx(np.linalg.slogdet(expected)[1], rel=ROUNDING)


def test_two_samples_have_the_closed_form(network, x, relu_codes_by_hooks):
    watched = Plain(network) if hasattr(network, "stem") else network
    codes = np.concatenate(relu_codes_by_hooks(watched, x[:2]), axis=1)
    units, distance = codes.shape[1], int((codes[0] != codes[1]).sum())
    assert 0 < distance <= units
    expected = math.log(units**2 - (units - distance) ** 2)
    assert score(network, x[:2]) == pytest.approx(expected, rel=ROUNDING)


def test_score_is_at_most_that_of_orthogonal_codes(network, x):
    with Measurement(network, [(x, None)]) as m:
        units = sum(k.num_units for k in relu_kernels(m))
        assert read(m, ["naswot"])["naswot"].value <= len(x) * math.log(units)


def test_a_kernel_of_one_sample_is_its_number_of_units():
    net = nn.Sequential(nn.Flatten(), nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 2))
    assert score(net, torch.randn(1, 5)) == pytest.approx(math.log(7))


def test_an_image_twice_in_the_batch_ranks_last(network, x):
    twice = torch.cat([x, x[2:3]])
    assert score(network, twice) == -math.inf


def test_fewer_codes_than_samples_rank_last():
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 2), nn.ReLU(), nn.Linear(2, 2)).double()
    assert score(net, torch.randn(40, 3, 8, 8)) == -math.inf


def test_order_of_the_batch_does_not_matter(network, x):
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    assert score(network, x[order]) == pytest.approx(score(network, x), rel=ROUNDING)


@pytest.mark.parametrize("num_convolutions", [0, 1, 3, 6])
def test_number_of_units_of_a_nasbench201_network_has_the_closed_form(num_convolutions):
    ops = ["nor_conv_1x1"] * num_convolutions + ["skip_connect"] * (6 - num_convolutions)
    text = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|".format(*ops)
    net = spaces["nasbench201"].build(text, num_classes=10, channels=16, cells=5)
    with Measurement(net, [(torch.randn(2, 3, 32, 32), None)]) as m:
        units = sum(k.num_units for k in relu_kernels(m))
    assert units == 143_360 * num_convolutions + 40_960


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (5, 1), (4, 0), (7, 64), (3, 1001)])
def test_agreement_counts_equal_places(shape):
    codes = np.random.default_rng(0).integers(0, 2, shape)
    expected = [[int((a == b).sum()) for b in codes] for a in codes]
    given = torch.from_numpy(codes.astype(np.int8))
    np.testing.assert_array_equal(agreement(given).numpy(), expected)


def test_zero_counts_as_inactive():
    net = nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(2, 2)).double()
    x = torch.tensor([[0.0, 1.0], [-1.0, 1.0]])
    assert score(net, x) == -math.inf
    assert score(net, torch.tensor([[1.0, 1.0], [-1.0, 1.0]])) == pytest.approx(math.log(3))


def test_layout_in_memory_does_not_matter(x, network):
    expected = score(network, x)
    network = network.to(memory_format=torch.channels_last)
    other = x.contiguous(memory_format=torch.channels_last)
    assert score(network, other) == pytest.approx(expected, rel=ROUNDING)
