"""Counts of points in hexagonal cells, in a few levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVELS = 6


@dataclass(frozen=True, slots=True, eq=False)
class HexCells:
    """The occupied cells of a picture by how full they are."""

    outlines: tuple[npt.NDArray[np.float64], ...]
    """One array a level, the emptiest first, shape (cells, 6, 2): corners in the unit square."""
    fullest: int
    """Points in the fullest cell."""


def hex_cells(places: npt.NDArray[np.float64], *, shape: tuple[int, int]) -> HexCells:
    """Count points in hexagons and sort these into levels by the logarithm of their count.

    The hexagons are the cells of those centres, two shifted rectangular grids, to which a point is
    nearest; distances are measured in columns and in rows of sqrt(3).

    Args:
        places: in the unit square, shape (points, 2).
        shape: columns and rows of each of the two grids.

    Returns:
        Cells of level l hold more points than those of level l - 1.
    """
    found, counts = np.unique(_centres(places, shape), axis=0, return_counts=True)
    corner = np.array([[0, 2], [1, 1], [1, -1], [0, -2], [-1, -1], [-1, 1]]) * [1 / 2, 1 / 6]
    outlines = (found[:, None] + corner) / shape
    fullest = int(counts.max(initial=0))
    # the share first: it is exactly 1 in the fullest cell
    share = np.log1p(counts) / np.log1p(max(1, fullest))
    level = np.ceil(LEVELS * share).astype(int)
    return HexCells(tuple(outlines[level == i] for i in range(1, LEVELS + 1)), fullest)


def _centres(places: npt.NDArray[np.float64], shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """The centre of each point's cell, in columns and rows."""
    scaled = places * shape
    near = np.round(scaled)
    between = np.floor(scaled) + 0.5
    # in columns and rows, a step of one row is as far as sqrt(3) columns
    weight = np.array([1.0, 3.0])
    first = (weight * (scaled - near) ** 2).sum(axis=1)
    second = (weight * (scaled - between) ** 2).sum(axis=1)
    return np.where((first <= second)[:, None], near, between)


def representatives(
    places: npt.NDArray[np.float64], rank: npt.NDArray[np.float64], *, shape: tuple[int, int]
) -> npt.NDArray[np.int64]:
    """One point of every occupied cell: the one of the largest rank, of equal ones the first.

    Args:
        places: in the unit square, shape (points, 2).
        rank: shape (points,).
        shape: as in `hex_cells`.

    Returns:
        Numbers of points in ascending order.
    """
    _, cell = np.unique(_centres(places, shape), axis=0, return_inverse=True)
    order = np.lexsort((np.arange(rank.size), -rank, cell.ravel()))
    first = np.unique(cell.ravel()[order], return_index=True)[1]
    return np.sort(order[first])
