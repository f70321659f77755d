"""Jacobian covariance against finite differences, numpy, and on paper."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, measure, read
from untrained.indicators.quantities.input_jacobian import input_jacobian

AMPLIFIED = 1e-6
"""1/(v + 1e-5) turns a rounding error of 1e-15 in the smallest eigenvalue into up to 1e-5."""
K = 1e-5


def score(net, x):
    return measure(net, x, None, ["jacov"])["jacov"]


def plain(net, x):
    x = x.clone().requires_grad_()
    net.train()(x.clone()).sum().backward()
    rows = x.grad.flatten(1).numpy()
    values = np.linalg.eig(np.corrcoef(rows))[0].real
    return float(-np.sum(np.log(values + K) + 1 / (values + K)))


def smooth():
    """A network whose Jacobian differs in every entry from sample to sample."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.Tanh(),
        nn.Conv2d(4, 4, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(144, 4),
    ).double()


def test_score_is_that_of_numpys_correlations_and_general_eigenvalues(x):
    net = smooth()
    assert score(net, x) == pytest.approx(plain(net, x), rel=AMPLIFIED)


def test_score_on_every_kind_of_network(network, x):
    # some of these have eigenvalues near zero, where the amplification is largest
    assert score(network, x) == pytest.approx(plain(network, x), rel=1e-4)


def test_jacobian_is_that_of_finite_differences(x):
    net, step = smooth(), 1e-5
    with Measurement(net, [(x, None)]) as m:
        given = input_jacobian(m).numpy()
    rng = np.random.default_rng(0)
    for b, i in zip(rng.integers(len(x), size=20), rng.integers(192, size=20), strict=True):
        sums = []
        for shift in (step, -step):
            moved = x.clone()
            moved.view(len(x), -1)[b, i] += shift
            with torch.no_grad():
                sums.append(float(net.train()(moved).sum()))
        assert given[b, i] == pytest.approx((sums[0] - sums[1]) / (2 * step), abs=1e-7)


class Quadratic(nn.Module):
    """sum of x^2 / 2 over the pixels: the Jacobian's rows are the images."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, x):
        return self.scale * (x.flatten(1) ** 2).sum(1, keepdim=True) / 2


def test_two_samples_of_known_correlation_have_the_closed_form():
    # rows (1, -1, 0) and (1, 0, -1): correlation 1/2, eigenvalues 1/2 and 3/2
    x = torch.tensor([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0]], dtype=torch.float64)
    expected = -sum(math.log(v + K) + 1 / (v + K) for v in (0.5, 1.5))
    assert score(Quadratic(), x) == pytest.approx(expected, rel=1e-12)


def test_uncorrelated_rows_give_the_maximum_of_about_minus_the_batch():
    x = torch.tensor([[1.0, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]], dtype=torch.float64)
    best = -3 * (math.log(1 + K) + 1 / (1 + K))
    assert score(Quadratic(), x) == pytest.approx(best, rel=1e-12)
    noise = torch.randn(3, 4, dtype=torch.float64)
    assert score(Quadratic(), x + 0.3 * noise) < best


def test_samples_of_one_jacobian_are_penalised(x):
    # a linear network has the same row for every sample: one eigenvalue B, the others zero
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).double()
    expected = -(math.log(len(x) + K) + 1 / (len(x) + K) + (len(x) - 1) * (math.log(K) + 1 / K))
    assert score(net, x) == pytest.approx(expected, rel=1e-6)


class Blind(nn.Module):
    """Logits that the input does not reach."""

    def __init__(self, times_zero):
        super().__init__()
        self.times_zero = times_zero
        self.bias = nn.Parameter(torch.ones(4, dtype=torch.float64))

    def forward(self, x):
        seen = x.flatten(1).sum(1, keepdim=True) * 0 if self.times_zero else torch.zeros(len(x), 1)
        return seen + self.bias


@pytest.mark.parametrize("times_zero", [True, False])
def test_dead_network_diverges(x, times_zero):
    with Measurement(Blind(times_zero), [(x, None)]) as m:
        reading = read(m, ["jacov"])["jacov"]
    assert reading.status == "diverged"
    assert "constant" in reading.reason


def test_one_sample_is_unsupported(x):
    with pytest.raises(Unsupported, match="needs two"):
        score(smooth(), x[:1])
