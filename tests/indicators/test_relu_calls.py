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

    class OneByOne(nn.Module):
        def forward(self, x):
            return torch.cat([torch.relu(one[None]) for one in x]).flatten(1)

    with pytest.raises(Unsupported, match="first axis is not the batch of 4"):
        measure(OneByOne(), torch.randn(4, 1, 2, 2), None, ["linear_regions"])


class Clamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        return gradient * (ctx.saved_tensors[0] > 0)


@torch.jit.script
def scripted(x):
    return torch.relu(x)


def written_to(x):
    x = x.clone()
    x[x < 0] = 0
    return x


SPELLINGS = {
    **WAYS,
    "clamp": lambda x: x.clamp(min=0),
    "clip in place": lambda x: x.clip_(0.0),
    "clamp with a tensor": lambda x: torch.clamp(x, min=torch.zeros(())),
    "maximum": lambda x: torch.maximum(torch.zeros_like(x), x),
    "max": lambda x: torch.max(x, x.new_zeros(1)),
    "fmax": lambda x: torch.fmax(x, torch.zeros_like(x)),
    "threshold": nn.Threshold(0, 0),
    "product": lambda x: x * (x > 0),
    "product in place": lambda x: x.mul_((x > 0).float()),
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "where, turned": lambda x: torch.where(x <= 0, torch.zeros_like(x), x),
    "masked fill": lambda x: x.masked_fill(~(x > 0), 0.0),
    "written to": written_to,
    "leaky of 0": nn.LeakyReLU(0.0),
    "prelu of 0": lambda x: functional.prelu(x, torch.zeros(1)),
    "scripted": scripted,
    "scripted module": torch.jit.script(nn.ReLU()),
}


@pytest.mark.parametrize("way", SPELLINGS)
@pytest.mark.parametrize("name", ["naswot", "naswot_live", "swap", "linear_regions"])
def test_scores_do_not_depend_on_the_spelling(way, name):
    """The right value is that of functional.relu, which other tests compute by hand."""

    def score(function):
        torch.manual_seed(2)
        between = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.between, self.function, self.head = between, function, nn.Linear(8, 3)

            def forward(self, x):
                return self.head(self.function(self.between(x)).mean((2, 3)))

        return measure(Net(), torch.randn(8, 3, 8, 8), None, [name])[name]

    if way in ("relu6 module", "functional relu6", "clipped by hardtanh"):
        assert score(SPELLINGS[way]) == score(SPELLINGS["functional relu6"])
    else:
        assert score(SPELLINGS[way]) == score(functional.relu)


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (lambda x: (x + x.abs()) / 2, "abs"),
        (lambda x: -torch.minimum(-x, torch.zeros(())), "minimum"),
        (lambda x: torch.maximum(x, 0.1 * x), "maximum"),
        (lambda x: x - x.clamp(max=0), "clamp"),
        (lambda x: x * (x > 0.1), "mul by a comparison"),
        (lambda x: torch.where(x > 0, x, 0.1 * x), "where"),
    ],
)
def test_what_may_be_a_relu_and_cannot_be_read_is_named(function, operation):
    net = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), Applies(function))
    for name in ("naswot", "naswot_live", "swap"):
        with pytest.raises(Unsupported, match=f"computes `{operation}`"):
            measure(net, torch.randn(4, 6), None, [name])
    maps = nn.Sequential(nn.Conv2d(1, 6, 1), Applies(function), nn.Flatten())
    with pytest.raises(Unsupported, match=f"computes `{operation}`"):
        measure(maps, torch.randn(1, 1, 3, 6), None, ["meco"])


def test_a_module_of_its_own_returns_a_map_whatever_it_computes():
    class Own(nn.Module):
        def forward(self, x):
            return (x + x.abs()) / 2

    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Conv2d(1, 6, 1), nn.ReLU(), nn.Flatten()), torch.randn(1, 1, 3, 6)
    expected = measure(net, x, None, ["meco"])["meco"]
    net[1] = Own()
    assert measure(net, x, None, ["meco"])["meco"] == pytest.approx(expected)


def test_a_relu_in_a_function_with_a_gradient_of_its_own_has_a_code_but_no_place():
    x = torch.randn(4, 6)
    net = Applies(Clamp.apply)
    plain = Applies(functional.relu)
    plain.load_state_dict(net.state_dict())
    assert measure(net, x, None, ["naswot"]) == measure(plain, x, None, ["naswot"])
    with pytest.raises(Unsupported, match="custom autograd function"):
        measure(net, x, None, ["naswot_live"])


@pytest.mark.parametrize(
    "gate", [torch.sigmoid, lambda x: functional.relu6(x + 3) / 6, functional.hardsigmoid]
)
def test_a_gate_is_no_relu(gate):
    x = torch.randn(4, 6)
    with Measurement(Applies(lambda h: torch.relu(h) * gate(h.mean(1, True))), [(x, None)]) as m:
        assert [kernel.num_units for kernel in relu_kernels(m)] == [9]
