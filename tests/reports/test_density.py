"""Hexagonal cells count every point, whatever the number in the fullest."""

from __future__ import annotations

import numpy as np
import pytest

from untrained.reports.figures.scatter import LEVELS, hex_cells, representatives


@pytest.mark.parametrize("fullest", [*range(1, 40), 77, 139, 1000, 1597, 15625])
def test_the_fullest_cell_is_drawn(fullest: int) -> None:
    # of all these counts some give a logarithm whose multiple is not whole
    places = np.array([[0.5, 0.5]] * fullest + [[0.1, 0.1]])
    cells = hex_cells(places, shape=(36, 15))
    assert cells.fullest == fullest
    assert sum(len(one) for one in cells.outlines) == 2
    assert len(cells.outlines) == LEVELS
    assert len(cells.outlines[-1]) == (2 if fullest == 1 else 1)


def test_every_point_lies_in_a_drawn_cell() -> None:
    places = np.random.default_rng(0).random((500, 2))
    shape = (12, 5)
    cells = hex_cells(places, shape=shape)
    middles = np.concatenate([one.mean(axis=1) for one in cells.outlines]) * shape
    near = np.abs((places * shape)[:, None] - middles)
    inside = (near[..., 0] <= 0.5 + 1e-9) & (near[..., 1] <= 1 / 3 + 1e-9)
    assert inside.any(axis=1).all()
    # the emptiest first: a level never holds more points a cell than the next
    assert len(middles) == len(np.unique(middles.round(6), axis=0))


def test_one_point_of_each_cell_stands_for_it_the_best() -> None:
    rng = np.random.default_rng(1)
    places, rank = rng.random((400, 2)), rng.integers(0, 9, 400).astype(float)
    shape = (6, 3)
    chosen = representatives(places, rank, shape=shape)
    assert sorted(chosen) == list(chosen)
    cells = hex_cells(places, shape=shape)
    assert len(chosen) == sum(len(one) for one in cells.outlines)
    middles = np.concatenate([one.mean(axis=1) for one in cells.outlines]) * shape
    distance = ((places * shape)[:, None] - middles) ** 2 @ [1.0, 3.0]
    cell = distance.argmin(axis=1)
    for i in chosen:
        members = np.flatnonzero(cell == cell[i])
        assert i == members[rank[members].argmax()]
