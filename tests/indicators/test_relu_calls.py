"""Every way to apply a ReLU is seen, once."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, measure
from untrained.indicators.quantities.relu_calls import ReluCalls
from untrained.indicators.quantities.relu_kernels import relu_kernels


class Applies(nn.Module):
    """A linear layer, a function, a linear layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.first = nn.Linear(6, 9)
        self.last = nn.Linear(9, 3)

    def forward(self, x):
        return self.last(self.function(self.first(x)))


WAYS = {
    "module": nn.ReLU(),
    "module in place": nn.ReLU(inplace=True),
    "relu6 module": nn.ReLU6(),
    "functional": functional.relu,
    "functional in place": lambda x: functional.relu(x, inplace=True),
    "functional by keyword": lambda x: functional.relu(input=x),
    "functional relu6": functional.relu6,
    "torch": torch.relu,
    "torch in place": torch.relu_,
    "method": lambda x: x.relu(),
    "method in place": lambda x: x.relu_(),
    "clipped by hardtanh": lambda x: functional.hardtanh(x, 0.0, 2.0),
}


@pytest.mark.parametrize("way", WAYS)
def test_relu_is_seen_before_it_changes_its_input(way):
    net = Applies(WAYS[way])
    x = torch.randn(4, 6)
    with torch.no_grad():
        expected = (net.first(x) > 0).numpy()
    seen = []
    with torch.no_grad(), ReluCalls(lambda t: seen.append((t > 0).numpy().copy())):
        net(x)
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0], expected)
    assert 0 < expected.sum() < expected.size


@pytest.mark.parametrize(
    "function",
    [nn.GELU(), nn.Tanh(), nn.LeakyReLU(), nn.Hardtanh(), nn.Identity(), nn.SiLU()],
    ids=lambda module: type(module).__name__,
)
def test_what_is_no_relu_is_not_seen(function):
    seen = []
    with ReluCalls(seen.append):
        Applies(function)(torch.randn(4, 6))
    assert seen == []
    with pytest.raises(Unsupported, match="applies no ReLU"):
        measure(Applies(function), torch.randn(4, 6), None, ["naswot"])


@pytest.mark.parametrize("way", WAYS)
def test_output_is_handed_on(way):
    net = Applies(WAYS[way])
    outputs = []
    with torch.no_grad(), ReluCalls(lambda t: None, outputs.append):
        logits = net(torch.randn(4, 6))
        torch.testing.assert_close(net.last(outputs[0]), logits)


def test_a_shared_module_is_seen_at_each_application():
    relu = nn.ReLU()
    net = nn.Sequential(nn.Linear(6, 5), relu, nn.Linear(5, 4), relu, nn.Linear(4, 3), relu)
    with Measurement(net, [(torch.randn(4, 6), None)]) as m:
        assert [k.num_units for k in relu_kernels(m)] == [5, 4, 3]


def test_a_tensor_that_two_relus_read_counts_for_both():
    class Fork(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(6, 5), nn.Linear(5, 3)

        def forward(self, x):
            h = self.first(x)
            return self.last(functional.relu(h) + torch.relu(h))

    with Measurement(Fork(), [(torch.randn(4, 6), None)]) as m:
        first, second = relu_kernels(m)
    assert torch.equal(first.agreeing, second.agreeing)
    assert first.num_units == second.num_units == 5


def test_a_tensor_written_to_between_two_relus_is_looked_at_again():
    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(6, 5), nn.Linear(5, 3)

        def forward(self, x):
            h = self.first(x)
            a = torch.relu(h)
            h.neg_()
            return self.last(a + torch.relu(h)[:, torch.tensor([1, 0, 2, 3, 4])])

    net, x = Written(), torch.randn(4, 6)
    with torch.no_grad():
        codes = [(sign * net.first(x) > 0).numpy() for sign in (1, -1)]
    with Measurement(net, [(x, None)]) as m:
        kernels = relu_kernels(m)
    for kernel, code in zip(kernels, codes, strict=True):
        expected = [[int((a == b).sum()) for b in code] for a in code]
        np.testing.assert_array_equal(kernel.agreeing.numpy(), expected)


def test_a_relu_over_another_axis_than_the_batch_is_unsupported():
    class Transposed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(6, 5)

        def forward(self, x):
            return torch.relu(self.first(x).t()).t()

    with pytest.raises(Unsupported, match="first axis is not the batch of 4"):
        measure(Transposed(), torch.randn(4, 6), None, ["naswot"])
