"""What is random, checkpointed or fused in a network does not change its scores."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from untrained.foundation import Unsupported
from untrained.indicators import measure


def score(network, x, y, name):
    return measure(network, x, y, [name])[name]


class Net(nn.Module):
    """Two convolutions with something between them and something behind them."""

    def __init__(self, between=lambda f, x: f(x), behind=lambda x: x):
        super().__init__()
        torch.manual_seed(1)
        self.stage = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU()
        )
        self.head, self.between, self.behind = nn.Linear(8, 4), between, behind
        self.double()

    def forward(self, x):
        return self.head(self.behind(self.between(self.stage, x).mean((2, 3))))


DROPOUTS = {
    "module": nn.Dropout(0.5),
    "functional": functional.dropout,
    "in place": lambda x: functional.dropout(x, 0.5, inplace=True),
    "always on": lambda x: torch.dropout(x, 0.5, True),
    "alpha": lambda x: functional.alpha_dropout(x, 0.5, training=True),
    "attention": lambda x: functional.scaled_dot_product_attention(
        x[None], x[None], x[None], dropout_p=0.5
    )[0],
}


@pytest.mark.parametrize("kind", DROPOUTS)
@pytest.mark.parametrize("name", ["snip", "jacov", "naswot", "synflow", "ntk_condition_frozen"])
def test_dropout_is_off_however_it_is_written(x, y, kind, name):
    def attended(x):
        return ((x @ x.T / 8**0.5).softmax(-1)) @ x

    if kind == "attention" and name == "ntk_condition_frozen":
        pytest.skip("a sample alone attends to itself")
    expected = score(Net(behind=attended if kind == "attention" else nn.Identity()), x, y, name)
    torch.manual_seed(5)
    assert score(Net(behind=DROPOUTS[kind]), x, y, name) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "noise",
    [
        lambda x: x + torch.randn_like(x),
        lambda x: x * (torch.rand(len(x), 1) > 0.2),
        lambda x: x * (random.random() > 0.5),
        lambda x: x * np.random.rand(),  # noqa: NPY002
        lambda x: functional.rrelu(-x, training=True),
    ],
    ids=["noise", "drop path", "python", "numpy", "rrelu"],
)
@pytest.mark.parametrize("name", ["snip", "naswot", "synflow"])
def test_a_network_that_draws_random_numbers_is_refused(x, y, noise, name):
    with pytest.raises(Unsupported, match="draws random numbers in its forward pass"):
        score(Net(behind=noise), x, y, name)


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize(
    "name", ["snip", "nasi", "jacov", "synflow", "gradsign", "depth", "naswot_live", "vkdnw"]
)
def test_checkpoints_change_no_score(x, y, reentrant, name):
    stages = Net(lambda f, x: checkpoint(f, x, use_reentrant=reentrant))
    assert score(stages, x, y, name) == score(Net(), x, y, name)
    assert "apply" not in vars(torch.utils.checkpoint.CheckpointFunction)


class Attention(nn.Module):
    def __init__(self, kind):
        super().__init__()
        torch.manual_seed(2)
        self.patch, self.qkv, self.kind = nn.Conv2d(3, 16, 4, 4), nn.Linear(16, 48), kind
        self.head = nn.Linear(16, 4)
        if kind == "module":
            self.attention = nn.MultiheadAttention(16, 2, batch_first=True, dropout=0.5)

    def forward(self, x):
        t = self.patch(x).flatten(2).transpose(1, 2)
        if self.kind == "module":
            return self.head((t + self.attention(t, t, t, need_weights=False)[0]).mean(1))
        q, k, v = self.qkv(t).reshape(len(t), -1, 3, 2, 8).permute(2, 0, 3, 1, 4)
        if self.kind == "fused":
            out = functional.scaled_dot_product_attention(q, k, v)
        else:
            out = (q @ k.transpose(-2, -1) / 8**0.5).softmax(-1) @ v
        return self.head((t + out.transpose(1, 2).flatten(2)).mean(1))


def test_fused_attention_has_a_second_derivative(x, y):
    expected = score(Attention("written").double(), x, y, "grasp")
    assert score(Attention("fused").double(), x, y, "grasp") == pytest.approx(expected, rel=1e-6)


# 4 patches of 8x8 pixels: patches, qkv, q k^T and a v, output, classifier
ATTENTION = 4 * 48 * 16 + 4 * 16 * 48 + 2 * 4 * 4 * 16 + 16 * 4


@pytest.mark.parametrize(("kind", "more"), [("written", 0), ("fused", 0), ("module", 4 * 16 * 16)])
def test_multiply_accumulates_of_attention_in_all_spellings(x, kind, more):
    assert score(Attention(kind), x, None, "flops") == ATTENTION + more


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.layer = kind(24, 16, batch_first=True)

    def forward(self, x):
        return self.layer(x.flatten(1, 2).reshape(len(x), 8, 24))[0][:, -1]


@pytest.mark.parametrize(("kind", "gates"), [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
def test_multiply_accumulates_of_recurrent_layers(x, kind, gates):
    assert score(Recurrent(kind), x, None, "flops") == 8 * gates * 16 * (24 + 16)


class Bilinear(nn.Module):
    def __init__(self, right=64):
        super().__init__()
        self.layer = nn.Bilinear(64, right, 4)

    def forward(self, x):
        return self.layer(x[:, 0].flatten(1), x[:, 1].flatten(1)[:, : self.layer.in2_features])


class BilinearOfRows(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Bilinear(8, 3, 2)

    def forward(self, x):
        return self.layer(x[:, 0], x[:, 1, :, :3]).flatten(1)


class Einsum(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 192))

    def forward(self, x):
        return torch.einsum("bi,oi->bo", x.flatten(1), self.weight)


@pytest.mark.parametrize(
    ("network", "right"),
    [
        (Bilinear, 4 * 64 * 64),
        (lambda: Bilinear(right=5), 4 * 64 * 5),
        (BilinearOfRows, 8 * 2 * 8 * 3),
        (Einsum, 4 * 192),
        (lambda: nn.ConvTranspose2d(3, 5, 2, stride=2), 64 * 3 * 5 * 4),
        (lambda: nn.Conv2d(3, 6, 3, padding=1, groups=3), 64 * 6 * 9),
    ],
    ids=["bilinear", "of two sizes", "of rows", "einsum", "transposed", "grouped"],
)
def test_multiply_accumulates_of_other_layers(x, network, right):
    assert score(network(), x, None, "flops") == right
