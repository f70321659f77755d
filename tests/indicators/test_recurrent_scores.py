"""Scores of recurrent networks against cells that are written out in numpy."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, measure

EXACT = 1e-9
"""Float64 arithmetic in another order."""


def score(name: str, net: nn.Module, words: Tensor) -> float:
    return measure(net, words, None, [name])[name]


class TwoStates(nn.Module):
    """Three layers of a cell that is written out, h = tanh(W x + U h)."""

    embedding_size = 5

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 5)
        self.layers = nn.Sequential(*(nn.RNN(size, 4) for size in (5, 4, 4)))

    def recurrent(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)[0]
        return x


def slow_states(net: TwoStates, words: Tensor) -> list[np.ndarray]:
    """The state ahead of each step, of each layer: (steps, sequences, units)."""
    inputs = net.embedding.weight.detach().numpy()[words.numpy()]
    found = []
    for layer in net.layers:
        w, u, b, c = (p.detach().numpy() for p in layer.parameters())
        h, before, after = np.zeros((inputs.shape[1], 4)), [], []
        for step in inputs:
            before.append(h)
            h = np.tanh(step @ w.T + b + h @ u.T + c)
            after.append(h)
        found.append(np.stack(before))
        inputs = np.stack(after)
    return found


def words_of(net: nn.Module) -> Tensor:
    m = Measurement(net, [(torch.zeros(1, 1, dtype=torch.long), None)])
    return torch.randint(9, (70, 16), generator=m.data_generator("words"))


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_hidden_covariance_is_of_units_over_sequences_and_steps(layer: int) -> None:
    net = TwoStates().double()
    words = words_of(net)
    states = slow_states(net, words)[layer - 1]
    rows = np.array([[states[t, b, k] for b in range(16) for t in range(70)] for k in range(4)])
    v = np.linalg.eigvalsh(np.corrcoef(rows))
    expected = -sum(math.log(one + 1e-5) + 1 / (one + 1e-5) for one in v)
    assert score(f"hidden_covariance_{layer}", net, words) == pytest.approx(expected, rel=EXACT)


def test_jacobian_cosine_compares_sequences() -> None:
    net = TwoStates().double()
    words = words_of(net)
    x = net.embedding(words).detach().requires_grad_()
    (jacobian,) = torch.autograd.grad(net.recurrent(x).sum(), x)
    rows = [jacobian[:, b].numpy().ravel() for b in range(16)]
    total = 0.0
    for i in range(16):
        for j in range(16):
            if i != j:
                size = np.linalg.norm(rows[i]) * np.linalg.norm(rows[j])
                total += abs(rows[i] @ rows[j] / size) ** (1 / 20)
    expected = 1 - total / (16**2 - 16) / 2
    assert score("jacobian_cosine", net, words) == pytest.approx(expected, rel=EXACT)


def test_a_layer_that_is_not_there_has_no_hidden_covariance() -> None:
    net = TwoStates().double()
    net.layers = net.layers[:2]
    with pytest.raises(Unsupported, match="has 2 recurrent layers, not 3"):
        score("hidden_covariance_3", net, words_of(net))
