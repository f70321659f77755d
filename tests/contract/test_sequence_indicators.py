"""What every registered indicator of recurrent networks must keep."""

import copy
import math
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from untrained.indicators import Measurement, Need, Reading, indicators, read
from untrained.spaces import spaces

NAMES = [name for name, item in indicators.items() if Need.SEQUENCES in item.needs]
FLOAT32 = 1e-2
"""Of a float32 run: 1e-7 an operation, amplified by training."""

# as for images, one of a family that differs in nothing but the task is trained again and again
FAMILY, REPRESENTATIVE = "gennas_", "gennas_single_dot_nlp"
DISTINCT = [n for n in NAMES if not n.startswith(FAMILY) or n == REPRESENTATIVE]

every_name = pytest.mark.parametrize("name", NAMES)
every_indicator = pytest.mark.parametrize("name", DISTINCT)


class Recurrent(nn.Module):
    """Two layers with a dropout between, which no score may see."""

    embedding_size = 7

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, self.embedding_size)
        self.layers = nn.LSTM(self.embedding_size, 6, num_layers=2)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(6, 11)

    def recurrent(self, x: Tensor) -> Tensor:
        """(T, B, 7) -> (T, B, 6)."""
        out: Tensor = self.dropout(self.layers(x)[0])
        return out

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.classifier(self.recurrent(self.embedding(x)))
        return out


def network(dtype: torch.dtype = torch.float64) -> Recurrent:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Recurrent().to(dtype)


def readings_of(net: nn.Module, names: list[str], seed: int = 0) -> dict[str, Reading]:
    words = torch.arange(12).reshape(4, 3) % 11
    with Measurement(net, [(words, None)], seed=seed) as measurement:
        return read(measurement, names)


@cache
def usual() -> dict[str, Reading]:
    return readings_of(network(), NAMES)


def test_there_are_some() -> None:
    assert REPRESENTATIVE in NAMES


@every_name
def test_a_recurrent_network_gets_a_finite_score(name: str) -> None:
    reading = usual()[name]
    assert (reading.status, reading.reason) == ("ok", "")
    assert math.isfinite(reading.value)
    assert reading.alone_s > 0


@every_indicator
def test_it_costs_the_passes_it_declares(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = {"forward": 0, "backward": 0}
    original = Recurrent.recurrent

    def count(kind: str) -> None:
        passes[kind] += 1

    def recurrent(self: Recurrent, x: Tensor) -> Tensor:
        count("forward")
        out = original(self, x)
        if out.requires_grad:
            out.register_hook(lambda gradient: count("backward"))  # type: ignore[no-untyped-call]
        return out

    monkeypatch.setattr(Recurrent, "recurrent", recurrent)
    assert readings_of(network(), [name])[name].status == "ok"
    declared = indicators[name].cost.number(batch_size=3, num_classes=11, num_batches=1)
    assert (passes["forward"], passes["backward"]) == declared


@every_indicator
def test_the_same_network_gets_the_same_bits_also_by_itself(name: str) -> None:
    torch.rand(3)  # the global stream is nobody's business
    assert readings_of(network(), [name])[name].value == usual()[name].value


@every_indicator
def test_float32_is_close_to_float64(name: str) -> None:
    reading = readings_of(network(torch.float32), [name])[name]
    assert reading.value == pytest.approx(usual()[name].value, rel=FLOAT32)


@every_indicator
def test_the_seed_matters_exactly_if_random_numbers_are_drawn(name: str) -> None:
    differs = readings_of(network(), [name], seed=1)[name].value != usual()[name].value
    assert differs == (Need.RANDOMNESS in indicators[name].needs)


@every_indicator
def test_everything_is_left_as_found(name: str) -> None:
    net = network()
    net.dropout.eval()
    net.layers.weight_ih_l0.requires_grad_(False)
    net.classifier.bias.grad = torch.ones(11, dtype=torch.float64)
    before, stream = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    assert readings_of(net, [name])[name].status == "ok"
    for key, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[key]), key
    assert [key for key, p in net.named_parameters() if p.grad is not None] == ["classifier.bias"]
    frozen = [key for key, p in net.named_parameters() if not p.requires_grad]
    assert frozen == ["layers.weight_ih_l0"]
    assert (net.training, net.dropout.training) == (True, False)
    assert torch.equal(torch.get_rng_state(), stream)


@every_name
def test_a_network_for_images_is_unsupported(name: str) -> None:
    text = "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    net = spaces["nasbench201"].build(text, num_classes=5, channels=4, cells=1)
    with Measurement(net, [(torch.ones(2, 3, 8, 8), None)]) as measurement:
        reading = read(measurement, [name])[name]
    assert reading.status == "unsupported"
    assert reading.reason
    assert math.isnan(reading.value)
