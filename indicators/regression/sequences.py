"""Regression of recurrent networks onto sequences."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from untrained.foundation import Unsupported
from untrained.indicators import Measurement
from untrained.indicators.regression.learner import Learner, Lesson
from untrained.indicators.regression.signals import noise_like, sequences
from untrained.indicators.regression.tasks import HIGH, MIDDLE, NoiseKind, Signal

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
    """The network's outputs at every time step, checked: (T, B, embedding_size) -> (T, B, outputs).

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
    """Learning rate 1e-3, weight decay 1.2e-6 on all parameters."""
    return torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)


def sequence_learner(m: Measurement, task: SequenceTask) -> Learner:
    """A copy of the measured network that is to learn a task on 16 sequences of 8 time steps.

    Both sequences and the noise of evaluations depend on the measurement's data seed alone.
    Encoder, decoder and the noise of the steps are the measurement's own; its batch is not looked
    at.

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
    bound = 1 / math.sqrt(task.width)
    nn.init.uniform_(encoder.bias, -bound, bound, generator=own)
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
    nn.init.uniform_(layer.weight, -_BOUND, _BOUND, generator=generator)
    return layer


@dataclass(frozen=True, slots=True)
class SequenceTask:
    """Sequences of signals, the sequences wanted for them, and the noise on the former."""

    name: str
    given: tuple[Signal, ...]
    wanted: tuple[Signal, ...]
    width: int = 64
    """d, the features of a time step."""
    noise: NoiseKind = "uniform"
    noise_level: float = 0.0
    milestones: tuple[int, ...] = ()
    """Numbers of steps at which its training is kept, to be looked at and gone on from."""


_GIVEN = (0.1955, 0.2282, 0.1843, 0.2073, 0.2208, 0.1345, 0.1703, 0.2230, 0.1903, 0.1915)
_WANTED = (0.1722, 0.1701, 0.1686, 0.1655, 0.1647, 0.1702, 0.1642, 0.1771, 0.1712, 0.1723)
NLP = SequenceTask(
    "sequences, searched on NAS-Bench-NLP",
    (Signal("sin2d", 2.6, _GIVEN),),
    (Signal("sin2d", 0.8, _WANTED), Signal("gdot", 0.7, share=0.863)),
    48,
    "uniform",
    0.6,
)
"""Found by the authors on 20 labelled networks of NAS-Bench-NLP."""

_MIXTURE = (Signal("sin1d", frequencies=MIDDLE), Signal("sin2d", frequencies=MIDDLE))

NLP_COMBO = SequenceTask("sequences, combined", _MIXTURE, _MIXTURE)
"""The hand-made mixture; in and out are different draws of the same signals."""


def single(signal: Signal, title: str) -> SequenceTask:
    """The task that gives and asks for one signal base; in and out are different draws of it."""
    return SequenceTask(f"sequences, single {title}", (signal,), (signal,))


NLP_SINGLES = {
    "sin1d_middle": single(Signal("sin1d", frequencies=MIDDLE), "one-dimensional waves (middle)"),
    "sin1d_high": single(Signal("sin1d", frequencies=HIGH), "one-dimensional waves (high)"),
    "sin2d_middle": single(Signal("sin2d", frequencies=MIDDLE), "plane waves (middle)"),
    "sin2d_high": single(Signal("sin2d", frequencies=HIGH), "plane waves (high)"),
    "dot": single(Signal("dot", share=1.0), "dots"),
}
"""The released tasks of one base; `dot` is the one that the authors call the best of them."""
