"""The compiled reverse passes against autograd, one backward pass a sample."""

import ctypes
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from untrained.indicators import Measurement, measure, read
from untrained.indicators.fused.kernels import SWITCH, Kernels, kernels, library_path
from untrained.indicators.fused.sample_gradients import sample_gradients
from untrained.indicators.quantities.logit_gradients import rows_of
from untrained.spaces import spaces
from untrained.spaces.framework.supernet_layout import OperationMask

pytestmark = pytest.mark.skipif(kernels() is None, reason="the passes are not compiled here")


def levels():
    if not library_path().exists():
        return []
    library = ctypes.CDLL(str(library_path()))
    return [Kernels(library, level) for level in range(1, library.level() + 1)]


every_level = pytest.mark.parametrize("passes", levels(), ids=lambda passes: passes.name)
maps = st.tuples(
    *(st.integers(1, most) for most in (3, 5, 3, 9)), st.sampled_from([1, 2, 7, 8, 16, 32, 33])
)
seeds = st.integers(0, 99)


def draw(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def vjp(function, tensors, cotangent):
    """Gradients in float64."""
    exact = [tensor.double().requires_grad_() for tensor in tensors]
    return torch.autograd.grad(function(*exact), exact, cotangent.double())


@every_level
@settings(max_examples=30)
@given(shape=maps, seed=seeds)
def test_norm_backward_is_that_of_batch_norm(passes, shape, seed):
    number, channels, *rest = shape
    x, gain = draw((channels, *rest), seed) + 0.5, draw((channels,), seed + 1)
    cotangents = draw(shape, seed + 2)
    flat = x.flatten(1).double()
    deviation = (flat.var(1, correction=0) + 1e-5).sqrt()
    normalised = ((flat - flat.mean(1, keepdim=True)) / deviation[:, None]).float().view_as(x)
    out, gains = passes.norm_backward(cotangents, normalised, (gain / deviation).float())

    def norm(x, gain):
        return functional.batch_norm(x.transpose(0, 1), None, None, gain, training=True)

    if math.prod(rest) == 1:  # torch refuses one number a channel; its gradient is zero
        assert not out.any()
        return
    for i in range(number):
        expected = vjp(norm, [x, gain], cotangents[i].transpose(0, 1))
        torch.testing.assert_close(out[i].double(), expected[0], rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(gains[i].double(), expected[1], rtol=1e-4, atol=1e-3)


@every_level
@settings(max_examples=30)
@given(shape=maps, before=st.integers(1, 5), seed=seeds)
def test_neighbours_backward_is_that_of_a_convolution(passes, shape, before, seed):
    _, channels, batch, height, width = shape
    x, weight = draw((before, batch, height, width), seed), draw((channels, before, 3, 3), seed + 1)
    cotangents = draw(shape, seed + 2)
    back = passes.correlate3(cotangents, weight.flip(2, 3).transpose(0, 1).contiguous())
    of_weight = passes.weights3(cotangents, functional.pad(x, (1, 1, 1, 1)))

    def convolution(x, weight):
        return functional.conv2d(x.transpose(0, 1), weight, padding=1)

    for i, cotangent in enumerate(cotangents):
        expected = vjp(convolution, [x, weight], cotangent.transpose(0, 1))
        torch.testing.assert_close(back[i].double(), expected[0], rtol=1e-5, atol=1e-4)
        torch.testing.assert_close(of_weight[i].double(), expected[1], rtol=1e-5, atol=1e-3)


@every_level
@settings(max_examples=30)
@given(shape=maps, seed=seeds)
def test_averages_backward_is_that_of_the_pooling(passes, shape, seed):
    cotangents = draw(shape, seed)

    def pooling(x):
        return functional.avg_pool2d(x.flatten(0, 1), 3, 1, 1, count_include_pad=False)

    [expected] = vjp(pooling, [draw(shape, seed + 1)], cotangents.flatten(0, 1))
    found = passes.average3_backward(cotangents).double()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def weights(network):
    return {name: p for name, p in network.named_parameters() if "weight" in name}


def rows_in_float64(network, x):
    exact = network.double()
    rows = rows_of(exact(x.double()).sum(1), weights(exact))
    network.float()
    return rows


def check_rows(network, x, *, rel=1e-5):
    found = sample_gradients(network, x, weights(network))
    assert found is not None
    for name, expected in rows_in_float64(network, x).items():
        assert found[name].shape == expected.shape
        # a sign of a ReLU may differ from that in float64
        error = float((found[name] - expected).norm())
        assert error <= rel * float(expected.norm()), name


@pytest.mark.parametrize("space", ["nasbench201", "nasbenchmacro", "transnasbench101_micro"])
@pytest.mark.parametrize("seed", range(3))
def test_rows_are_gradients_of_each_samples_logits(space, seed):
    architecture = spaces[space].sample(np.random.default_rng(seed))
    torch.manual_seed(seed)
    network = spaces[space].build(architecture, num_classes=4, channels=4, cells=1).train()
    x = draw((6, 3, 16, 16), seed)
    if sample_gradients(network, x, weights(network)) is None:
        assert space != "nasbench201"  # depthwise or wide convolutions: torch's own passes
    else:
        check_rows(network, x, rel=2e-3)


def test_rows_of_a_supernet_are_those_of_its_weighted_operations():
    torch.manual_seed(0)
    supernet = spaces["nasbench201"].supernet(num_classes=10, channels=3, cells=1)
    network = supernet.masked(OperationMask.full(supernet.layout, without=("none",))).train()
    check_rows(network, draw((8, 3, 16, 16), 1), rel=2e-3)


class Ways(nn.Module):
    """A network that ends in what `way` does with its maps."""

    def __init__(self, way):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 4, 3, 2, 1, bias=True), nn.BatchNorm2d(4)
        self.second, self.last = nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4, 3)
        self.way = way

    def forward(self, x):
        return self.way(self, torch.relu(self.norm(self.first(x))))


def without_gradients(net, x):
    with torch.no_grad():
        x = net.second(x)
    return net.last(x.mean((2, 3)))


def detached(net, x):
    return net.last(net.second(x).detach().mean((2, 3)))


def of_computed_weights(net, x):
    weight = net.second.weight - net.second.weight.mean()
    return net.last(functional.conv2d(x, weight, padding=1).mean((2, 3)))


def of_a_view_of_zeros(net, x):
    zeros = x * 0
    view = zeros.view(zeros.shape)
    view += x
    return net.last(zeros.mean((2, 3)))


def asking_for_a_gradient(net, x):
    if x.requires_grad:
        x.register_hook(lambda gradient: gradient * 2)
    return net.last(x.mean((2, 3)))


def in_half_precision(net, x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = net.second(x)
    return net.last(x.float().mean((2, 3)))


def writing_to_a_relu(net, x):
    x += net.second(x)
    return net.last(x.mean((2, 3)))


DONE = {
    "mean": lambda net, x: net.last(net.second(x).mean((2, 3))),
    "kept mean": lambda net, x: net.last(net.second(x).mean((-1, -2), keepdim=True).flatten(1)),
    "pooled": lambda net, x: net.last(functional.adaptive_avg_pool2d(x, 1).view(len(x), -1)),
    "twice": lambda net, x: net.last((net.second(net.second(x)) + x + x).mean((2, 3))),
    "halves": lambda net, x: net.last(functional.avg_pool2d(net.second(x) * 0.5, 2).mean((2, 3))),
    "capped": lambda net, x: net.last(functional.relu6(net.second(x)).mean((2, 3))),
    "averaged": lambda net, x: net.last(
        functional.avg_pool2d(net.second(x), 3, 1, 1, count_include_pad=False).mean((2, 3))
    ),
    "by zero": lambda net, x: net.last((net.second(x) * 0 + net.norm(x)).mean((2, 3))),
}
LEFT = {
    "without gradients": without_gradients,
    "detached": detached,
    "computed weights": of_computed_weights,
    "a view of zeros": of_a_view_of_zeros,
    "a gradient asked for": asking_for_a_gradient,
    "half precision": in_half_precision,
    "a write to a ReLU": writing_to_a_relu,
    "two shapes": lambda net, x: net.last((x * 0 + x.mean((2, 3), keepdim=True)).mean((2, 3))),
    "other means": lambda net, x: net.last(x.mean(2).mean(2)),
    "other averages": lambda net, x: net.last(functional.avg_pool2d(x, 3, 1, 1).mean((2, 3))),
    "maxima": lambda net, x: net.last(functional.max_pool2d(x, 2).mean((2, 3))),
    "all pixels": lambda net, x: net.last(x.flatten(1)[:, :4]),
    "dilated": lambda net, x: net.last(
        functional.conv2d(x, net.second.weight, dilation=2).mean((2, 3))
    ),
}


@pytest.mark.parametrize("way", DONE)
def test_any_network_of_known_operations_has_its_rows(way):
    torch.manual_seed(0)
    network = Ways(DONE[way]).train()
    nn.init.normal_(network.norm.weight)
    nn.init.normal_(network.norm.bias)
    check_rows(network, draw((5, 3, 16, 16), 1))


@pytest.mark.parametrize("way", LEFT)
def test_other_operations_are_left_to_torch(way):
    torch.manual_seed(0)
    network = Ways(LEFT[way]).train()
    assert sample_gradients(network, draw((5, 3, 16, 16), 1), weights(network)) is None


def test_other_statistics_sizes_and_numbers_are_left_to_torch():
    network, x = Ways(DONE["mean"]), draw((5, 3, 16, 16), 1)
    assert sample_gradients(network.train(), x, weights(network)) is not None
    assert sample_gradients(network, x[..., :15], weights(network)) is None  # at a stride of 2
    assert sample_gradients(network.eval(), x, weights(network)) is None
    assert sample_gradients(network.double(), x.double(), weights(network)) is None
    handle = network.second.register_full_backward_hook(lambda *_: None)
    assert sample_gradients(network.float().train(), x, weights(network)) is None
    handle.remove()
    wide = nn.Sequential(nn.Conv2d(3, 17, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert sample_gradients(wide, x, weights(wide)) is None
    with torch.no_grad():
        network.float().train().first.weight[0, 0, 0, 0] = math.inf
    assert sample_gradients(network, x, weights(network)) is None
    assert math.isnan(measure(network, x, None, ["ntk_condition"])["ntk_condition"])


def test_weights_that_are_kept_as_a_buffer_and_hooks_of_parameters_are_left_to_torch():
    def masked(net, x):
        net.made = net.second.weight * 0.5
        return net.last(functional.conv2d(x, net.made, padding=1).mean((2, 3)))

    x = draw((5, 3, 16, 16), 1)
    network = Ways(masked).train()
    network.register_buffer("made", torch.zeros(4, 4, 3, 3))
    assert sample_gradients(network, x, weights(network)) is None
    network = Ways(DONE["mean"]).train()
    handle = network.first.weight.register_hook(lambda gradient: gradient * 0)
    assert sample_gradients(network, x, weights(network)) is None
    handle.remove()
    assert sample_gradients(network, x, weights(network)) is not None


def test_one_value_a_channel_is_refused_as_by_torch(monkeypatch):
    network = nn.Sequential(
        *(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )
    network.features = network[:5]
    x = draw((1, 3, 4, 4), 0)
    assert sample_gradients(network, x, weights(network)) is None
    with Measurement(network, [(x, None)]) as m:
        found = read(m, ["ntk_trace_sumlogit", "zen"])
    assert {one.status for one in found.values()} == {"unsupported"}
    assert all("a batch of one cannot be normalised" in one.reason for one in found.values())


def test_a_network_that_counts_its_passes_is_measured_as_it_was_found(monkeypatch):
    def counted(net, x):
        net.passes += 1
        return net.last((net.second(x) * float(net.passes)).mean((2, 3)))

    network = Ways(counted)
    network.register_buffer("passes", torch.zeros(()))
    x = draw((5, 3, 16, 16), 1)
    compiled = measure(network, x, None, ["ntk_trace_sumlogit"])
    monkeypatch.setenv(SWITCH, "torch")
    assert compiled == pytest.approx(measure(network, x, None, ["ntk_trace_sumlogit"]), rel=1e-5)


def test_samples_are_taken_in_parts_where_maps_are_large(monkeypatch):
    torch.manual_seed(0)
    network, x = Ways(DONE["twice"]).train(), draw((5, 3, 16, 16), 1)
    whole = sample_gradients(network, x, weights(network))
    monkeypatch.setattr("untrained.indicators.fused.sample_gradients._LARGEST", 5 * 3 * 16 * 16 * 2)
    parts = sample_gradients(network, x, weights(network))
    for name, rows in whole.items():
        torch.testing.assert_close(parts[name], rows)


@pytest.mark.parametrize("seed", range(4))
def test_the_condition_number_is_that_of_torchs_passes(seed, monkeypatch):
    architecture = spaces["nasbench201"].sample(np.random.default_rng(seed))
    torch.manual_seed(seed)
    network = spaces["nasbench201"].build(architecture, num_classes=10, channels=3, cells=1)
    x = draw((16, 3, 32, 32), seed)
    compiled = measure(network.train(), x, None, ["ntk_condition"])["ntk_condition"]
    monkeypatch.setenv(SWITCH, "torch")
    by_torch = measure(network, x, None, ["ntk_condition"])["ntk_condition"]
    assert compiled == pytest.approx(by_torch, rel=5e-3, nan_ok=True)


def test_a_network_keeps_nothing_of_the_passes():
    def way(net, x):
        net.cache = torch.relu(x)
        return net.last(net.second(net.cache).mean((2, 3)))

    torch.manual_seed(0)
    network = Ways(way).train()
    before = dict(vars(network))
    measure(network, draw((5, 3, 16, 16), 1), None, ["ntk_condition"])
    assert vars(network) == before
