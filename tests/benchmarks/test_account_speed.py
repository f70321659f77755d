"""What the account of a forward pass costs, as a share of a measurement's time."""

import statistics
import time

import numpy as np
import pytest
import torch

from untrained.indicators import Measurement, indicators, read
from untrained.indicators.account.account import Account
from untrained.indicators.account.activation_calls import ActivationCalls
from untrained.indicators.fused.kernels import SWITCH
from untrained.spaces import spaces

NUM_NETWORKS = 4
SHARE = 0.05
"""Of a measurement of a gradient score, or of NASWOT, at its reference batch."""


def networks():
    space = spaces["nasbench201"]
    rng = np.random.default_rng(0)
    for arch in [space.sample(rng) for _ in range(NUM_NETWORKS)]:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            yield space.build(arch, num_classes=10, channels=16, cells=5)


def seconds(run):
    start = time.process_time()
    run()
    return time.process_time() - start


def added(net, watched):
    """Seconds that watching adds to a pass of two images, where it shows best."""
    x = torch.randn(2, 3, 32, 32)

    def plain():
        net(x)

    def with_it():
        mode = watched(net, x)
        with mode:
            net(x)

    pairs = [(seconds(with_it), seconds(plain)) for _ in range(7)]
    return statistics.median(a - b for a, b in pairs)


@pytest.mark.parametrize(
    ("name", "watched"),
    [("snip", Account), ("naswot", lambda net, x: ActivationCalls(lambda *_: None))],
    ids=["account", "activations"],
)
def test_the_account_is_a_small_share_of_a_measurement(benchmark, name, watched, monkeypatch):
    monkeypatch.setenv(SWITCH, "torch")  # compiled passes do without it
    size = indicators[name].protocol.batch_size
    x, y = torch.randn(size, 3, 32, 32), torch.arange(size) % 10
    shares = []

    def measure_all():
        for net in networks():
            with Measurement(net, [(x, y)]) as m:
                whole = seconds(lambda m=m: read(m, [name]))
            shares.append(added(net.train(), watched) / whole)

    benchmark.pedantic(measure_all, rounds=1)
    benchmark.extra_info["share"] = statistics.median(shares)
    assert statistics.median(shares) <= SHARE, shares
