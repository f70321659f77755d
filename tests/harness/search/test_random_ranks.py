"""Ranks of answers among random networks, by a truth that is easy to count."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from untrained.harness.search.experiment.equal_cost import NUM_RANDOM, random_ranks
from untrained.spaces import spaces

TEXT = ";".join(
    "+".join(f"|{operation}~0|{operation}~1|" for _ in range(4))
    for operation in ("sep_conv_3x3", "skip_connect")
)


class Counting:
    """The accuracy of a cell is its number of separable convolutions."""

    def __init__(self, *, enumerable: bool, higher_is_better: bool = True) -> None:
        self.benchmark = SimpleNamespace(enumerable=enumerable)
        self.columns = [SimpleNamespace(column=SimpleNamespace(higher_is_better=higher_is_better))]
        self.asked: list[str] = []

    def values(self, place: int, texts: list[str]) -> np.ndarray:
        assert place == 0
        self.asked += texts
        return np.array([float(text.count("sep_conv")) for text in texts])


def finished(*texts: str) -> list[Any]:
    runs = tuple(SimpleNamespace(final=text) for text in texts)
    return [SimpleNamespace(label="nasi", trajectories=runs)]


@pytest.mark.parametrize("higher", [True, False])
def test_the_rank_counts_the_random_networks_that_are_as_good(higher):
    truth: Any = Counting(enumerable=False, higher_is_better=higher)
    found = random_ranks("darts", 0, finished(TEXT), truth, 0)
    drawn = [text.count("sep_conv") for text in truth.asked[:NUM_RANDOM]]
    as_good = sum(n >= 8 if higher else n <= 8 for n in drawn)
    [answer] = found.answers
    assert answer.rank == 1 + as_good
    assert answer.value == 8
    assert found.random.n == NUM_RANDOM
    assert found.random.mean == pytest.approx(np.mean(drawn))
    assert found.best == (max(drawn) if higher else min(drawn))
    assert spaces["darts"].parse(answer.genotype).text == answer.architecture


def test_the_random_networks_depend_on_the_seed_alone():
    truths: list[Any] = [Counting(enumerable=False) for _ in range(3)]
    for truth, seed in zip(truths, (0, 0, 1), strict=True):
        random_ranks("darts", seed, finished(TEXT), truth, 0)
    assert truths[0].asked == truths[1].asked != truths[2].asked


def test_a_table_of_all_needs_no_random_networks():
    truth: Any = Counting(enumerable=True)
    assert random_ranks("darts", 0, finished(TEXT), truth, 0) is None
    assert truth.asked == []
