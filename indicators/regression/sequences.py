"""A copy of a recurrent network between two linear layers, ready to learn a sequence task."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from untrained.foundation import Unsupported
from untrained.indicators.measurement import Measurement
from untrained.indicators.regression.learner import Learner, Lesson
from untrained.indicators.regression.noise import noise_like
from untrained.indicators.regression.sequence_tasks import SequenceTask
from untrained.indicators.regression.signals import sequences

NUM_SEQUENCES, LENGTH = 16, 8
_LEARNING_RATE, _WEIGHT_DECAY = 1e-3, 1.2e-6
_BOUND = 0.1


class SequenceRegressor(nn.Module):
    """A recurrent network that reads features through an encoder and answers through a decoder."""

    def __init__(self, network: nn.Module, encoder: nn.Module, decoder: nn.Module) -> None:
        """Take all three over: training changes them."""
        super().__init__()
        self.network = network
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x: Tensor) -> list[Tensor]:
        """(T, B, d) -> one tensor (T, B, d); an answer at every time step."""
        return [self.decoder(recurrent_of(self.network, self.encoder(x)))]


def embedding_size_of(network: nn.Module) -> int:
    """The width of the sequences that a recurrent network reads.

    A network that offers sequence regression has two things:

        embedding_size: int      the width of a time step, before the first recurrent layer
        recurrent(x) -> Tensor   (T, B, embedding_size) -> (T, B, outputs), without embedding and
                                 classifier, from a hidden state of zeros

    Args:
        network: the network.

    Returns:
        The embedding size.

    Raises:
        Unsupported: it does not have both.
    """
    size: Any = getattr(network, "embedding_size", None)
    if not callable(getattr(network, "recurrent", None)) or not isinstance(size, int):
        raise Unsupported(
            "the network is not recurrent: it has no method recurrent(x) for sequences "
            "(T, B, embedding_size) and no attribute embedding_size"
        )
    return size


def recurrent_of(network: nn.Module, x: Tensor) -> Tensor:
    """The network's outputs at every time step, checked.

    Args:
        network: a recurrent network.
        x: (T, B, embedding_size).

    Returns:
        (T, B, outputs).

    Raises:
        Unsupported: the outputs are no such sequence.
    """
    network_: Any = network
    out: Tensor = network_.recurrent(x)
    if out.dim() != 3 or out.shape[:2] != x.shape[:2]:
        raise Unsupported(
            f"the network's recurrent(x) made {tuple(out.shape)} of {tuple(x.shape)}; an output "
            f"(T, B, outputs) = ({x.shape[0]}, {x.shape[1]}, outputs) is wanted"
        )
    return out


def adam(model: nn.Module) -> torch.optim.Adam:
    """Learning rate 1e-3, weight decay 1.2e-6 on all parameters.

    Args:
        model: whose parameters are to be trained.

    Returns:
        The optimiser.
    """
    return torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)


def sequence_learner(m: Measurement, task: SequenceTask) -> Learner:
    """A copy of the measured network that is to learn a task on 16 sequences of 8 time steps.

    Both sequences and the noise of evaluations depend on the measurement's data seed alone.
    Encoder, decoder and the noise of the steps are the measurement's own; its batch is not looked
    at.

    Args:
        m: the measurement.
        task: what to regress.

    Returns:
        The learner, before its first step.

    Raises:
        Unsupported: the network is not recurrent.
    """
    embedding_size = embedding_size_of(m.network)
    shared, own = (draw(f"regression {task.name}") for draw in (m.data_generator, m.generator))
    given, wanted = (
        sequences(signals, NUM_SEQUENCES, LENGTH, task.width, shared).to(m.device, m.dtype)
        for signals in (task.given, task.wanted)
    )
    network = copy.deepcopy(m.network)
    encoder = _linear(task.width, embedding_size, own)
    nn.init.uniform_(encoder.bias, *_range(1 / math.sqrt(task.width)), generator=own)
    encoder.to(given)
    with torch.no_grad():
        network.eval()
        width = recurrent_of(network, encoder(given)).shape[2]
    decoder = _linear(width, task.width, own)
    nn.init.zeros_(decoder.bias)
    noise = noise_like(given, task.noise, task.noise_level)
    lesson = Lesson(
        given, (wanted,), (1.0,), noise, evaluation_noise=noise(shared) if noise else None
    )
    model = SequenceRegressor(network, encoder, decoder.to(given))
    return Learner(model, adam(model), lesson, own)


def _linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(inputs, outputs, dtype=torch.float64)
    nn.init.uniform_(layer.weight, *_range(_BOUND), generator=generator)
    return layer


def _range(bound: float) -> tuple[float, float]:
    return -bound, bound
