"""A space of one's own that is a product of decisions of different sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from untrained.foundation import MalformedInput
from untrained.harness.search import Domain, Problem
from untrained.spaces import Architecture, Dataset, ProductSpace, datasets, register_space, spaces


class Toy(ProductSpace):
    """Two decisions: three and two choices."""

    name = "toy_product"
    title = "toy"
    reference = "none"
    size = 6
    choices = (3, 2)

    def _chosen(self, arch: str | Architecture) -> tuple[int, ...]:
        text = self._text_of(arch)
        if len(text) != 2 or text[0] not in "012" or text[1] not in "01":
            raise MalformedInput(f"{text!r} is not of the toy space")
        return tuple(map(int, text))

    def _combine(self, chosen: Sequence[int]) -> Architecture:
        return Architecture(self.name, "".join(map(str, chosen)))

    def build(self, arch: str | Architecture, **_: Any) -> Any:
        raise NotImplementedError


def test_choices_give_the_whole_space_and_its_moves() -> None:
    space, rng = Toy(), np.random.default_rng(0)
    texts = [a.text for a in space]
    assert texts == ["00", "01", "10", "11", "20", "21"]
    assert [a.text for a in space.neighbors("10")] == ["00", "20", "11"]
    assert {space.sample(rng).text for _ in range(100)} == set(texts)
    assert "02" not in space


def test_a_mutation_is_the_neighbor_that_its_one_draw_names() -> None:
    space, rngs = Toy(), [np.random.default_rng(5) for _ in range(2)]
    for here in [*space] * 4:
        nearby = space.neighbors(here)
        assert space.mutate(here, rngs[0]) == nearby[int(rngs[1].integers(len(nearby)))]


def test_searches_ask_the_space_for_its_decisions() -> None:
    space = Toy()
    decisions = Problem(Domain(space), "cifar10").decisions
    assert decisions.choices == (3, 2)
    assert decisions.architecture(decisions.chosen("21")) == space.parse("21")
    assert decisions.diversity([space.parse("00"), space.parse("21")]) == pytest.approx(2)


def test_a_space_brings_its_data_sets() -> None:
    grey = Dataset("grey", "Grey", 3, 8, mean=(128.0,), std=(64.0,))
    with spaces.borrowed():
        toy = register_space(Toy())
        toy.datasets = (grey,)
        assert datasets["grey"] is grey
        assert list(datasets)[-1] == "grey"
        toy.datasets = (Dataset("cifar10", "Another", 3, 8, mean=(128.0,), std=(64.0,)),)
        with pytest.raises(ValueError, match="another data set has that name"):
            list(datasets)
    assert "grey" not in datasets
