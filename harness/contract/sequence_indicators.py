"""What an indicator of recurrent networks must keep."""

from __future__ import annotations

import copy
import math
from collections import Counter

import torch
from torch import Tensor, nn

from untrained.harness.contract import specimens
from untrained.harness.contract.indicator_scores import SINGLE_PRECISION, close, same
from untrained.harness.contract.laboratory import (
    IndicatorCase,
    Situation,
    described,
    other_global_randomness,
)
from untrained.harness.contract.promise import Suite, require
from untrained.harness.contract.state import differences, state
from untrained.indicators import Measurement, Need, read_items

NUM_WORDS, NUM_SEQUENCES = 11, 3

of_sequences: Suite[IndicatorCase] = Suite()


class Recurrent(nn.Module):
    """Two layers with a dropout between, which no score may see; it counts its passes."""

    embedding_size = 7

    def __init__(self) -> None:
        """Draw the weights from torch's global generator."""
        super().__init__()
        self.embedding = nn.Embedding(NUM_WORDS, self.embedding_size)
        self.layers = nn.LSTM(self.embedding_size, 6, num_layers=2)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(6, NUM_WORDS)
        self.passes: Counter[str] = Counter()

    def __deepcopy__(self, memo: dict[int, object]) -> Recurrent:
        """A copy whose passes are counted with those of the original."""
        memo[id(self.passes)] = self.passes
        twin = Recurrent.__new__(Recurrent)
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return twin

    def recurrent(self, x: Tensor) -> Tensor:
        """(T, B, 7) -> (T, B, 6)."""
        self.passes["forward"] += 1
        out: Tensor = self.dropout(self.layers(x)[0])
        if out.requires_grad:
            out.register_hook(self._count_backward)  # type: ignore[no-untyped-call]
        return out

    def _count_backward(self, gradient: Tensor) -> None:
        self.passes["backward"] += 1

    def forward(self, x: Tensor) -> Tensor:
        """(T, B) words -> (T, B, words)."""
        out: Tensor = self.classifier(self.recurrent(self.embedding(x)))
        return out


def recurrent_network(dtype: torch.dtype = torch.float64) -> Recurrent:
    """The network that scores are taken of."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Recurrent().to(dtype)


def words() -> specimens.Batches:
    """Three sequences of four words; no labels."""
    return ((torch.arange(12).reshape(4, NUM_SEQUENCES) % NUM_WORDS, None),)


HEALTHY = Situation("recurrent", recurrent_network, words)
FLOAT32 = Situation("recurrent, float32", lambda: recurrent_network(torch.float32), words)
ANOTHER_SEED = Situation("recurrent, another seed", recurrent_network, words, seed=1)


def _usual(case: IndicatorCase) -> float:
    return case.reading(HEALTHY).value


@of_sequences.promise
def a_recurrent_network_gets_a_finite_score(case: IndicatorCase) -> None:
    """A small LSTM and three sequences of words get a finite score, and its time."""
    reading = case.reading(HEALTHY)
    require(
        (reading.status, reading.reason) == ("ok", "") and math.isfinite(reading.value),
        f"an LSTM in float64 with three sequences of words gets {described(reading)}",
    )
    require(reading.alone_s > 0, f"its measured time is {reading.alone_s} s")


@of_sequences.promise
def it_costs_the_passes_it_declares(case: IndicatorCase) -> None:
    """Read by itself it takes the forward and backward passes of the network it declares."""
    net = recurrent_network()
    with Measurement(net, words()) as measurement:
        reading = read_items(measurement, [case.item])[case.item.id]
    require(reading.status == "ok", f"the outcome is {described(reading)}")
    declared = case.item.cost.number(batch_size=NUM_SEQUENCES, num_classes=NUM_WORDS, num_batches=1)
    taken = net.passes["forward"], net.passes["backward"]
    require(
        taken == declared,
        f"it declares cost={str(case.item.cost)!r}, here {declared[0]} forward and {declared[1]} "
        f"backward, but it takes {taken[0]} forward and {taken[1]} backward",
    )


@of_sequences.promise
def the_same_measurement_gives_the_same_bits(case: IndicatorCase) -> None:
    """Equal network, batch and seed give equal bits, whatever else was measured or drawn."""
    with other_global_randomness(), Measurement(recurrent_network(), words()) as measurement:
        reading = read_items(measurement, [case.item])[case.item.id]
    require(
        reading.status == "ok" and same(reading.value, _usual(case)),
        f"the same network, words and seed got {_usual(case)!r}, then {described(reading)}; draw "
        "random numbers from m.generator(purpose) alone",
    )


@of_sequences.promise
def float32_is_close_to_float64(case: IndicatorCase) -> None:
    """A network in float32 scores within one percent of the same network in float64."""
    reading = case.reading(FLOAT32)
    require(
        reading.status == "ok" and close(reading.value, _usual(case), SINGLE_PRECISION),
        f"in float64 the score is {_usual(case)!r}, in float32 {described(reading)}",
    )


@of_sequences.promise
def the_seed_matters_exactly_if_random_numbers_are_drawn(case: IndicatorCase) -> None:
    """Another seed of the measurement changes the score exactly if it declares randomness."""
    differs = case.reading(ANOTHER_SEED).value != _usual(case)
    declared = case.needs(Need.RANDOMNESS)
    require(
        differs == declared,
        f"another seed {'changes' if differs else 'does not change'} the score, but it "
        f"{'declares' if declared else 'does not declare'} Need.RANDOMNESS",
    )


@of_sequences.promise
def everything_is_left_as_found(case: IndicatorCase) -> None:
    """Network, gradients, flags, hooks and global randomness stay as they were found."""
    net = recurrent_network()
    net.dropout.eval()
    net.layers.weight_ih_l0.requires_grad_(False)
    net.classifier.bias.grad = torch.ones(NUM_WORDS, dtype=torch.float64)
    before = state(net)
    with Measurement(net, words()) as measurement:
        reading = read_items(measurement, [case.item])[case.item.id]
    require(reading.status == "ok", f"the outcome is {described(reading)}")
    changed = differences(before, state(net))
    require(not changed, f"it changes {', '.join(changed)}; work on a copy")


@of_sequences.promise
def a_network_for_images_is_unsupported(case: IndicatorCase) -> None:
    """A network for images has no such score, and the reason says so."""
    net = specimens.network("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    with Measurement(net, [(torch.ones(2, 3, 8, 8), None)]) as measurement:
        reading = read_items(measurement, [case.item])[case.item.id]
    require(
        reading.status == "unsupported" and bool(reading.reason) and math.isnan(reading.value),
        f"a network for images gets {described(reading)}; raise Unsupported where the network has "
        "no embedding_size and recurrent(x)",
    )
