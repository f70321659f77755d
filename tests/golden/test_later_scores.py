"""Later indicators against the scores of their released code on four networks."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from untrained.indicators import Measurement, indicators, measure
from untrained.spaces import Network, spaces

FOLDER = Path(__file__).parent
INPUTS = dict(np.load(FOLDER / "inputs.npz"))
SCORES = dict(np.load(FOLDER / "scores.npz"))
WEIGHTS = dict(np.load(FOLDER / "weights_infer.npz"))
ARCHS = [str(text) for text in INPUTS["archs"]]

EXACT = 1e-9
"""Float64 arithmetic in another order."""
EQUAL_GRADIENTS = 5e-3
"""ZiCo leaves out gradients that are equal in both batches; which are depends on rounding."""

every_architecture = pytest.mark.parametrize("place", range(len(ARCHS)))


def network(place: int) -> Network:
    built = spaces["nasbench201"].build(ARCHS[place], num_classes=10, channels=4, cells=1)
    prefix = f"{place}/"
    state = {
        key.removeprefix(prefix): torch.from_numpy(array)
        for key, array in WEIGHTS.items()
        if key.startswith(prefix)
    }
    missing, unexpected = built.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(key.split(".")[-1].startswith(("running_", "num_batches")) for key in missing)
    return built.double()


def batch(number: str = "") -> tuple[Tensor, Tensor]:
    x, y = INPUTS[f"x{number}"], INPUTS[f"y{number}"]
    return torch.from_numpy(x).double(), torch.from_numpy(y)


class WithDraws(Measurement):
    """Draws from the stream that the original drew from."""

    stream = 0

    def generator(self, purpose: str) -> torch.Generator:
        assert purpose == "az_trainability"
        return torch.Generator().manual_seed(self.stream)


@every_architecture
@pytest.mark.parametrize("name", ["az_expressivity", "az_progressivity", "swap"])
def test_later_score_in_float64_is_the_originals(name: str, place: int) -> None:
    score = measure(network(place), *batch(), [name])[name]
    key = name.replace("az_", "aznas_")
    assert score == pytest.approx(SCORES[f"{key}.f8"][place], rel=EXACT)


@every_architecture
def test_zico_is_the_originals_up_to_the_gradients_that_are_equal(place: int) -> None:
    score = measure(network(place), *batch(), ["zico"], second_batch=batch("2"))["zico"]
    assert score == pytest.approx(SCORES["zico.f8"][place], rel=EQUAL_GRADIENTS)


@every_architecture
def test_az_trainability_is_the_originals_given_its_draws(place: int) -> None:
    measurement = WithDraws(network(place), [batch()])
    measurement.stream = 4000 + place
    with measurement as m:
        score = indicators["az_trainability"](m)
    assert score == pytest.approx(SCORES["aznas_trainability.f8"][place], rel=EXACT)


@every_architecture
def test_the_signs_of_az_trainability_are_the_originals(place: int) -> None:
    generator = torch.Generator().manual_seed(4000 + place)
    shapes = [(16, 16, 8, 8)] * 2 + [(16, 8, 16, 16)] * 2 + [(16, 4, 32, 32)]
    sums = [
        float((torch.bernoulli(torch.full(shape, 0.5), generator=generator) * 2 - 1).sum())
        for shape in shapes
    ]
    np.testing.assert_array_equal(sums, SCORES["aznas_signsum.f4"][place])
