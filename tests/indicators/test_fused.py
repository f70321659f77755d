"""The compiled passes and the recorded graph against torch's own operations."""

import ctypes
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from untrained.foundation import Unsupported
from untrained.harness.execution.executors import numeric_settings
from untrained.indicators import Measurement, indicators, measure
from untrained.indicators.fused import kernels as binding
from untrained.indicators.fused.graph import _Recorder
from untrained.indicators.fused.kernels import SWITCH, Kernels, Term, kernels, library_path
from untrained.indicators.fused.run import packed_codes
from untrained.indicators.quantities.perturbation import perturbation
from untrained.indicators.quantities.relu_calls import ReluCalls
from untrained.spaces import spaces

pytestmark = pytest.mark.skipif(kernels() is None, reason="the passes are not compiled here")
LAST = torch.channels_last
IMAGE_SPACES = [
    name
    for name in spaces
    if name not in ("nasbenchnlp", "nasbenchgraph") and ".transformers." not in spaces.origin(name)
]
"""Spaces of convolutional networks, whose activations are ReLUs."""


def levels():
    if not library_path().exists():
        return []
    library = ctypes.CDLL(str(library_path()))
    return [Kernels(library, level) for level in range(1, library.level() + 1)]


every_level = pytest.mark.parametrize("passes", levels(), ids=lambda passes: passes.name)
shapes = st.tuples(*(st.integers(1, most) for most in (4, 70, 7, 7)))


def draw(shape, seed, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator) + shift).contiguous(memory_format=LAST)


def bits(words, units):
    octets = words.numpy().astype("<i8").view(np.uint8)
    return np.unpackbits(octets, axis=1, bitorder="little")[:, :units]


@every_level
@settings(max_examples=30)
@given(shape=shapes, seed=st.integers(0, 99), shift=st.sampled_from([0.0, -3.0, 1000.0]))
def test_statistics_are_mean_and_variance_of_channels(passes, shape, seed, shift):
    x = draw(shape, seed, shift)
    mean, var = passes.statistics(x)
    exact = x.double().movedim(1, -1).flatten(0, -2)
    torch.testing.assert_close(mean, exact.mean(0), rtol=1e-6, atol=1e-5)
    torch.testing.assert_close(var, exact.var(0, correction=0), rtol=1e-4, atol=1e-5)


@every_level
@settings(max_examples=30)
@given(shape=shapes, seed=st.integers(0, 99), plain=st.lists(st.booleans(), min_size=1, max_size=5))
def test_a_node_is_a_sum_its_relu_and_its_signs(passes, shape, seed, plain):
    terms, expected = [], torch.zeros(shape, dtype=torch.float64)
    for number, is_plain in enumerate(plain):
        x = draw(shape, seed + 7 * number)
        scale, shift = draw((2, shape[1], 1, 1), seed + 5 * number)[:, :, 0, 0].contiguous()
        terms.append(Term(x) if is_plain else Term(x, scale, shift))
        scaled = x * scale[:, None, None].double() + shift[:, None, None]
        expected += x.double() if is_plain else scaled
    value, relu, words = passes.node(terms, value=True, relu=True, codes=True, cap=1.5)
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(relu, value.clamp(0, 1.5), rtol=0, atol=0)
    in_memory = (value > 0).movedim(1, -1).flatten(1).numpy()
    np.testing.assert_array_equal(bits(words, in_memory.shape[1]), in_memory)
    assert (
        not np.unpackbits(words.numpy().view(np.uint8), bitorder="little").sum() - in_memory.sum()
    )


@every_level
@settings(max_examples=30)
@given(shape=shapes, seed=st.integers(0, 99))
def test_averages_leave_out_what_is_outside(passes, shape, seed):
    x = draw(shape, seed)
    expected = functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    torch.testing.assert_close(passes.average3(x), expected)


@every_level
@settings(max_examples=30)
@given(samples=st.integers(1, 64), units=st.integers(1, 2500), seed=st.integers(0, 99))
def test_agreement_and_patterns_are_those_of_the_codes(passes, samples, units, seed):
    codes = np.random.default_rng(seed).integers(0, 2, (samples, units), dtype=np.uint8)
    padded = np.zeros((samples, -(-units // 64) * 64), np.uint8)
    padded[:, :units] = codes
    words = torch.from_numpy(np.packbits(padded, axis=1, bitorder="little").view(np.int64))
    agreeing = (codes[:, None] == codes[None]).sum(-1)
    np.testing.assert_array_equal(passes.agreement(words, units).numpy(), agreeing)
    found = passes.transpose(words, units).numpy().astype(np.uint64)
    weights = np.uint64(1) << np.arange(samples, dtype=np.uint64)
    np.testing.assert_array_equal(found, (codes.T.astype(np.uint64) * weights).sum(1))


@every_level
def test_undefined_numbers_stay_undefined_and_are_not_above_zero(passes):
    x = torch.tensor([[math.nan, math.inf, -math.inf, 2.0]])
    _, relu, words = passes.node([Term(x)], value=False, relu=True, codes=True)
    torch.testing.assert_close(relu, torch.relu(x), equal_nan=True)
    assert bits(words, 4).tolist() == [[0, 1, 0, 1]]


def codes_of_the_pass(network, x):
    """The codes as the network's own forward pass has them, in the order of memory."""
    found = []

    def see(values):
        found.append((values > 0).movedim(1, -1).flatten(1).numpy())

    with torch.no_grad(), ReluCalls(see):
        network(x.clone())
    return found


def built(space, seed, channels=16, cells=1):
    rng = np.random.default_rng(seed)
    architecture = spaces[space].sample(rng)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = spaces[space].build(architecture, num_classes=4, channels=channels, cells=cells)
    return network.train()


@pytest.mark.parametrize("channels", [5, 16])
@pytest.mark.parametrize("space", IMAGE_SPACES)
def test_codes_are_those_of_the_networks_own_pass(space, channels):
    network = built(space, 3, channels=channels)
    x = draw((6, 3, 32, 32), 0).contiguous(memory_format=network.memory_format)
    packed = packed_codes(network, x)
    assert packed is not None
    expected = codes_of_the_pass(network, x)
    assert [one.units for one in packed] == [codes.shape[1] for codes in expected]
    differing = sum(
        (bits(one.words, one.units) != codes).sum()
        for one, codes in zip(packed, expected, strict=True)
    )
    assert differing <= 1e-5 * sum(codes.size for codes in expected) + 1


@pytest.mark.parametrize("seed", range(6))
def test_scores_of_cells_with_zeroed_edges_are_the_same(seed, monkeypatch):
    network = built("nasbench201", seed, channels=8, cells=2)
    x = torch.randn(16, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    names = ["naswot", "naswot_live", "naswot_signs", "swap", "swap_signs", "linear_regions"]
    compiled = measure(network, x, None, names)
    monkeypatch.setenv(SWITCH, "torch")
    assert compiled == pytest.approx(measure(network, x, None, names), rel=1e-5)


@pytest.mark.parametrize(
    ("space", "mode"), [*((space, "train") for space in IMAGE_SPACES), ("nasbench201", "eval")]
)
def test_zen_is_that_of_the_networks_own_passes(space, mode, monkeypatch):
    network, x = built(space, 3, channels=8), draw((6, 3, 32, 32), 0)

    def measured(dtype):
        batches = [(x.to(dtype), None)]
        with Measurement(network.to(dtype), batches, batch_norm=mode) as m:
            found = perturbation(m), indicators["zen"](m)
            assert all(module.training is (mode == "train") for module in network.modules())
        return found

    compiled, score = measured(torch.float32)
    monkeypatch.setenv(SWITCH, "torch")
    own, _ = measured(torch.float32)
    assert np.abs(own.change - compiled.change).max() <= 1e-3 * own.change.abs().max()
    variances = [v for v in own.variances if v > 0]
    assert [v for v in compiled.variances if v > 0] == pytest.approx(variances, rel=1e-4)
    assert score == pytest.approx(measured(torch.float64)[1], rel=1e-6)


class Written(nn.Module):
    """Convolutions, and between them what `way` does with the maps."""

    def __init__(self, way):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 1)
        self.norm, self.last = nn.BatchNorm2d(6), nn.Linear(6, 3)
        self.gain = nn.Parameter(torch.arange(1.0, 7.0))
        self.way = way

    def forward(self, x):
        x = self.way(self, self.norm(self.first(x)))
        return self.last(torch.relu(x).mean((2, 3)))


def part_in_place(net, x):
    x[:, :3].relu_()
    return net.second(x)


def kept(net, x):
    net.cache = torch.relu(x)
    return net.second(net.cache)


def twice_capped(net, x):
    return net.second(functional.relu6(x)) + net.second(torch.relu(x))


def of_its_numbers(net, x):
    return net.second(torch.relu(x)) if x.mean() > 100 else torch.relu(-x)


def of_sequences(net, x):
    return functional.batch_norm(
        net.second(x).flatten(2), None, None, net.gain, training=True
    ).view(*x.shape)


def of_a_view_of_zeros(net, x):
    zeros = x * 0
    view = zeros.view(zeros.shape)
    view += x
    return torch.relu(zeros) + x


def in_half_precision(net, x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = net.second(torch.relu(x))
    return x.float()


WAYS = {
    "in place": lambda net, x: net.second(x.relu_()) + x,
    "a part in place": part_in_place,
    "kept": kept,
    "capped": lambda net, x: net.second(functional.relu6(x)) * 0 + x,
    "twice": twice_capped,
    "hard tanh": lambda net, x: net.second(functional.hardtanh(x, 0.0, 1.0)),
    "sum in place": lambda net, x: net.second(torch.relu(x.clone())).add_(x),
    "halves": lambda net, x: net.second(torch.cat([torch.relu(x[:, :3]), x[:, 3:]], 1)),
    "silu": lambda net, x: net.second(functional.silu(x)),
    "of its numbers": of_its_numbers,
    "scaled": lambda net, x: net.second(torch.relu(x)) * 0.5,
    "pooled": lambda net, x: functional.max_pool2d(
        functional.avg_pool2d(torch.relu(x), 3, 1, 1), 2
    ),
    "weights of a map": lambda net, x: functional.conv2d(x, net.second(x)[:, :, :1, :1][:6] * 0),
    "zeros": lambda net, x: net.norm(net.second(x) * 0) + torch.relu(x * 0),
    "of sequences": of_sequences,
    "a view of zeros": of_a_view_of_zeros,
    "half precision": in_half_precision,
    "two shapes": lambda net, x: net.second(torch.relu(x * 0 + x.mean((2, 3), keepdim=True))),
    "without gradients": lambda net, x: torch.relu(x if torch.is_grad_enabled() else x + x),
    "padded": lambda net, x: functional.pad(torch.relu(x), (1, 0, 2, 0)),
}


@pytest.mark.parametrize("shift", [0.0, 0.5], ids=["", "shifted"])
@pytest.mark.parametrize("mode", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("way", WAYS)
def test_any_network_has_the_codes_of_its_own_pass(way, mode, shift):
    torch.manual_seed(0)
    network = Written(WAYS[way]).train(mode)
    nn.init.constant_(network.norm.bias, shift)
    x = torch.randn(6, 3, 9, 9)
    packed = packed_codes(network, x)
    try:
        expected = codes_of_the_pass(network, x)
    except RuntimeError:
        assert packed is None
        return
    if packed is not None:
        assert [one.units for one in packed] == [codes.shape[1] for codes in expected]
        for one, codes in zip(packed, expected, strict=True):
            assert (bits(one.words, one.units) != codes).sum() <= 1
    assert (packed is None) == (way in LEFT_TO_TORCH)


LEFT_TO_TORCH = {
    *("a part in place", "twice", "sum in place", "silu", "of its numbers"),
    *("weights of a map", "of sequences"),
    *("a view of zeros", "half precision", "two shapes"),
}


CALLS = [
    lambda x: functional.adaptive_avg_pool2d(x, 1),
    lambda x: functional.adaptive_avg_pool2d(x, (None, 2)),
    lambda x: x.mean((2, 3)),
    lambda x: torch.mean(x, -1, keepdim=True),
    lambda x: x.mean(dim=(0, -2), keepdim=True),
    lambda x: x.mean(2, dtype=torch.float64),
    lambda x: functional.max_pool2d(x, 3),
    lambda x: functional.max_pool2d(x, (2, 3), stride=(1, 2), padding=1),
    lambda x: torch.max_pool2d(x, 2, dilation=2),
    lambda x: functional.max_pool2d(x, 2, ceil_mode=True),
    lambda x: functional.avg_pool2d(x, 2),
    lambda x: functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    lambda x: functional.avg_pool2d(x, 2, 2, 0, True),
    lambda x: functional.avg_pool2d(torch.mul(x, 0.0), 3, stride=2, padding=1),
    lambda x: functional.conv2d(x, torch.ones(4, 2, 3, 2), stride=(2, 1), padding=(1, 0)),
    lambda x: functional.linear(x, torch.ones(4, 5), torch.ones(4)),
    lambda x: torch.cat([x, x]),
    lambda x: torch.cat([x, x, x], dim=-1),
    lambda x: torch.concat((x, torch.ones(3, 1, 7, 5)), 1),
]


@pytest.mark.parametrize("call", range(len(CALLS)))
def test_shapes_that_are_recorded_are_those_of_torch(call):
    shape = (3, 2, 7, 5)
    recorder = _Recorder(shape)
    with torch.no_grad():
        assert CALLS[call](recorder.input).node.shape == CALLS[call](torch.ones(shape)).shape


def test_what_sees_the_tensors_keeps_the_networks_own_pass():
    network, x = built("nasbench201", 0, channels=4), torch.randn(4, 3, 8, 8)
    assert packed_codes(network, x) is not None
    handle = network.stem.register_forward_hook(lambda *_: None)
    assert packed_codes(network, x) is None
    handle.remove()
    assert packed_codes(torch.jit.trace(network.eval(), x), x) is None
    assert packed_codes(network.double(), x.double()) is None


def test_a_network_that_is_not_finite_has_no_codes():
    network, x = built("nasbench201", 0, channels=4), torch.randn(4, 3, 8, 8)
    with torch.no_grad():
        network.stem[0].weight[0, 0, 0, 0] = math.inf
    assert packed_codes(network, x) is None
    assert math.isnan(measure(network, x, None, ["naswot"])["naswot"])


def test_a_network_keeps_nothing_of_the_recording():
    network = Written(WAYS["kept"])
    before = dict(vars(network))
    measure(network, torch.randn(6, 3, 9, 9), None, ["naswot"])
    assert vars(network) == before


def test_without_a_relu_the_text_is_the_usual_one():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(Unsupported, match="applies no ReLU"):
        measure(network, torch.randn(6, 3, 9, 9), None, ["naswot"])


def test_the_environment_says_which_passes_ran(monkeypatch):
    assert numeric_settings()["kernels"] == kernels().name
    monkeypatch.setenv(SWITCH, "torch")
    assert numeric_settings()["kernels"] == "torch"


def test_passes_are_found_only_where_they_fit(monkeypatch, tmp_path):
    monkeypatch.setenv(SWITCH, "torch")
    assert kernels() is None
    monkeypatch.delenv(SWITCH)
    load = binding._load.__wrapped__
    assert load() is not None
    monkeypatch.setattr(binding, "_VERSION", -1)
    assert load() is None
    damaged = tmp_path / "passes.library"
    damaged.write_text("no library")
    monkeypatch.setattr(binding, "library_path", lambda: damaged)
    assert load() is None
    damaged.unlink()
    assert load() is None
