"""One network stands for each hexagon of a density, the best of its cell."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from untrained.reports.figures.scatter import representatives


@pytest.mark.parametrize("shape", [(6, 3), (12, 5), (36, 15)])
def test_one_point_of_each_drawn_cell_stands_for_it_the_best(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    places, rank = rng.random((400, 2)), rng.integers(0, 9, 400).astype(float)
    chosen = representatives(places, rank, shape=shape)
    assert sorted(chosen) == list(chosen)
    drawn = Figure().subplots().hexbin(*places.T, gridsize=shape, extent=(0, 1, 0, 1), mincnt=1)
    middles = np.asarray(drawn.get_offsets()) * shape
    assert len(chosen) == len(middles)
    distance = ((places * shape)[:, None] - middles) ** 2 @ [1.0, 3.0]
    cell = distance.argmin(axis=1)
    assert np.bincount(cell).tolist() == np.asarray(drawn.get_array()).tolist()
    for i in chosen:
        members = np.flatnonzero(cell == cell[i])
        assert i == members[rank[members].argmax()]
