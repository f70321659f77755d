"""Networks of a caller's own: entrance, modes, wrappers, and what a pass leaves behind."""

import copy
import importlib

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from untrained.foundation import MalformedInput, Unsupported
from untrained.indicators import Measurement, measure, read

OF_LABELS = ["snip", "fisher", "epe_nas", "ntk_trace_label", "gradsign"]


def net(norm=nn.BatchNorm2d):
    torch.manual_seed(1)
    layers = [nn.Conv2d(3, 8, 3, padding=1), norm(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 4)).double()


def score(network, x, y, name):
    return measure(network, x, y, [name])[name]


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int16])
def test_labels_of_any_whole_type_mean_the_same(x, y, name, dtype):
    assert score(net(), x, y.to(dtype), name) == score(net(), x, y, name)


@pytest.mark.parametrize(
    "labels",
    [torch.tensor([0, 1]), torch.zeros(6, 1, dtype=torch.int64), torch.zeros(6)],
    ids=["too few", "a column", "no whole numbers"],
)
@pytest.mark.parametrize("name", OF_LABELS)
def test_labels_that_do_not_fit_are_refused(x, labels, name):
    with pytest.raises(Unsupported, match="cannot use `labels`"):
        score(net(), x, labels, name)


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.parametrize("wrong", [4, -100])
def test_labels_that_are_no_class_are_refused(x, y, name, wrong):
    with pytest.raises(Unsupported, match="the network has 4 classes"):
        score(net(), x, y * 0 + wrong, name)


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (torch.zeros(6, 3, 8, 8, dtype=torch.uint8), "`inputs`: they are bytes"),
        (np.zeros((6, 3, 8, 8)), r"`inputs`: they are a ndarray.*torch\.from_numpy"),
        ((torch.zeros(6, 3, 8, 8),), "`inputs`: they are a tuple"),
        (torch.zeros(0, 3, 8, 8), "`inputs`: their shape"),
    ],
)
def test_inputs_that_cannot_be_measured_are_named(inputs, text):
    with pytest.raises(MalformedInput, match=text):
        measure(net(), inputs, None, ["params"])


def test_a_text_is_no_list_of_indicators(x):
    with pytest.raises(MalformedInput, match=r"`ids` 'naswot'.*\['naswot'\]"):
        measure(net(), x, None, "naswot")


def test_networks_whose_parameters_cannot_be_used_are_refused(x):
    with torch.inference_mode():
        made = net()
    with pytest.raises(MalformedInput, match=r"'0\.weight' was made in inference mode"):
        measure(made, x, None, ["params"])
    with pytest.raises(MalformedInput, match=r"'0\.weight' is lazy"):
        measure(nn.Sequential(nn.LazyConv2d(8, 3)), x, None, ["params"])
    with pytest.raises(MalformedInput, match="`network`: it is a function"):
        measure(lambda x: x, x, None, ["params"])


class NormsKept(nn.Sequential):
    def train(self, mode=True):
        super().train(mode)
        self[1].training = False
        return self


@pytest.mark.parametrize("name", ["snip", "naswot", "ntk_condition_frozen"])
def test_an_overridden_train_does_not_keep_the_mode_from_the_layers(x, y, name):
    assert score(NormsKept(*net()), x, y, name) == score(net(), x, y, name)


def test_a_module_that_does_not_take_the_mode_is_refused(x, y):
    class Stubborn(nn.Flatten):
        training = property(lambda self: False, lambda self, value: None)

    with pytest.raises(Unsupported, match=r"'1' \(Stubborn\) cannot be put into training mode"):
        measure(nn.Sequential(nn.Identity(), Stubborn(), nn.Linear(192, 4)), x, y, ["snip"])


class TwoPaths(nn.Module):
    """A path that exists in training only."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.a, self.b, self.head = (
            nn.Conv2d(3, 8, 3, padding=1),
            nn.Conv2d(3, 8, 1),
            nn.Linear(8, 4),
        )

    def forward(self, x):
        total = self.a(x) + self.b(x) if self.training else self.a(x)
        return self.head(functional.relu(total).mean((2, 3)))


@pytest.mark.parametrize(
    "network",
    [
        lambda: net(lambda n: nn.InstanceNorm2d(n, track_running_stats=True)),
        lambda: TwoPaths().double(),
    ],
    ids=["instance norm", "two paths"],
)
def test_nothing_is_frozen_where_there_is_no_batch_norm(x, y, network):
    expected = score(network(), x, y, "ntk_condition")
    assert score(network(), x, y, "ntk_condition_frozen") == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "name", ["snip", "naswot", "synflow", "grasp", "flops", "ntk_condition_frozen", "vkdnw"]
)
def test_data_parallel_is_seen_through(x, y, name, monkeypatch):
    # a machine without devices, also where another test has registered a pretended one
    module = importlib.import_module("torch.nn.parallel.data_parallel")
    monkeypatch.setattr(module, "_get_available_device_type", lambda: None)
    assert score(nn.DataParallel(net()), x, y, name) == score(net(), x, y, name)


class Grid(nn.Module):
    """Keeps tensors of its first call: as an attribute, in a dictionary, in a list."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.layer, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 4)
        self.grid, self.grids, self.calls = None, {}, []

    def forward(self, x):
        t = functional.relu(self.layer(x))
        if self.grid is None:
            self.grid = torch.linspace(0, 1, t.shape[-1], dtype=t.dtype)
        again = self.grids.setdefault(t.shape[-1], self.grid * 2)
        self.calls.append(len(x))
        return self.head((t * self.grid * again).mean((2, 3)))


def test_what_a_network_keeps_of_a_pass_is_not_left_behind(x, y):
    ids = ["synflow", "snip", "ntk_condition_frozen", "grasp", "vkdnw"]
    network, x = Grid(), x.float()
    together = measure(network, x, y, ids)
    assert together == {name: score(Grid(), x, y, name) for name in ids}
    assert network.grid is None
    assert network.grids == {}
    assert network.calls == []
    network(x)
    kept = copy.deepcopy(network.grid)
    measure(network, x, y, ids)
    assert torch.equal(network.grid, kept)
    assert network.calls == [6]


class Fourier(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 8, 5, dtype=torch.cdouble))
        self.head = nn.Linear(3, 4).double()

    def forward(self, x):
        return self.head(torch.fft.irfft2(torch.fft.rfft2(x) * self.weight).relu().mean((2, 3)))


def test_a_complex_parameter_counts_as_its_two_parts(x, y):
    network = Fourier()
    loss = functional.cross_entropy(network(x), y)
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    expected = sum(float(g.abs().square().sum()) for g in gradients)
    assert score(network, x, y, "nasi") == pytest.approx(expected, rel=1e-9)
    rows = [
        torch.autograd.grad(f, list(network.parameters()), retain_graph=True)
        for f in network(x).flatten()
    ]
    trace = sum(float(g.abs().square().sum()) for row in rows for g in row) / len(x)
    assert score(network, x, y, "ntk_trace") == pytest.approx(trace, rel=1e-9)
    assert score(network, x, y, "params") == 2 * 120 + 16


class Features(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


class FeaturesOfAMethod(nn.Module):
    def __init__(self):
        super().__init__()
        other = Features()
        self.body, self.head = other.features, other.head

    def features(self, x):
        return self.body(x)


def test_features_may_be_a_module(x):
    assert score(Features(), x, None, "zen") == score(FeaturesOfAMethod(), x, None, "zen")


class Registers(nn.Sequential):
    """Fills an empty buffer and adds another one in each pass."""

    def __init__(self, *layers):
        super().__init__(*layers)
        self.register_buffer("mean", None)

    def forward(self, x):
        first = self.mean is None
        self.mean = x.mean()
        self.register_buffer("late", x.mean())
        return super().forward(x if first else 2 * x)


def test_buffers_that_a_pass_fills_or_adds_are_empty_again(x, y):
    network = Registers(*net())
    expected = [score(net(), x, y, name) for name in ("snip", "jacov")]
    assert list(measure(network, x, y, ["snip", "jacov"]).values()) == expected
    assert network.mean is None
    assert not hasattr(network, "late")


def test_a_compiled_layer_is_seen_through(x, y):
    network = net()
    expected = measure(network, x, y, ["meco", "ntk_condition_frozen"])
    network[0] = torch.compile(network[0], backend="eager")
    network.compile(backend="eager")
    assert measure(network, x, y, ["meco", "ntk_condition_frozen"]) == expected


def test_a_trace_of_another_mode_is_refused(x, y):
    network = nn.Sequential(torch.jit.trace(net().eval(), x), nn.Identity())
    with pytest.raises(Unsupported, match="'0' was traced in evaluation mode and normalises"):
        measure(network, x, y, ["naswot"])
    of_training = torch.jit.trace(net(), x, check_trace=False)
    assert score(of_training, x, y, "naswot") == score(net(), x, y, "naswot")


def test_what_is_refused_at_the_beginning_is_left_as_found(x, y):
    network = nn.Sequential(torch.jit.trace(net().eval(), x), nn.ReLU()).eval()
    network.requires_grad_(False)
    with pytest.raises(Unsupported) as kept:  # its frames hold the measurement
        measure(network, x, y, ["naswot"])
    assert "traced" in str(kept.value)
    assert not any(module.training for module in network.modules())
    assert not any(p.requires_grad for p in network.parameters())


def test_a_scripted_relu_without_a_place_in_the_graph_is_not_called_dead(x, y):
    scripted, right = torch.jit.script(net()), score(net(), x, y, "naswot_live")
    for _ in range(4):  # it is compiled on the way
        with Measurement(scripted, [(x, y)]) as m:
            found = read(m, ["naswot_live"])["naswot_live"]
        assert found.value == right or "may have no place in the graph" in found.reason


def test_an_operation_without_a_gradient_is_unsupported(x, y):
    class Step(nn.Module):
        def forward(self, x):
            return x * torch.heaviside(x, torch.zeros((), dtype=x.dtype))

    network = net()
    network[2] = Step()
    with pytest.raises(Unsupported, match=r"no gradient of an operation of the network.*heaviside"):
        score(network, x, y, "snip")


def test_a_network_without_values_is_refused(x):
    with pytest.raises(MalformedInput, match="is on the meta device"):
        measure(net().to("meta"), x, None, ["naswot"])
