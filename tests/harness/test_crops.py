"""Crops are pieces of their images, at places and in colours drawn uniformly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from untrained.harness.data.inputs import random_crops


def places_of(piece: Tensor, image: Tensor) -> list[tuple[int, int, int]]:
    """Every (colour, top, left) at which a square lies in an image."""
    size = piece.shape[-1]
    colours, height, width = image.shape
    return [
        (c, top, left)
        for c in range(colours)
        for top in range(height - size + 1)
        for left in range(width - size + 1)
        if torch.equal(image[c, top : top + size, left : left + size], piece)
    ]


def images(count: int, height: int = 7, width: int = 9) -> Tensor:
    """All pixels differ, so a piece lies at one place."""
    return torch.arange(count * 3 * height * width).float().reshape(count, 3, height, width)


def test_each_channel_of_a_crop_is_a_piece_of_one_colour_at_the_same_place() -> None:
    pictures = images(50)
    crops = random_crops(pictures, size=3, channels=2, seed=0)
    assert crops.shape == (50, 2, 3, 3)
    colours = set()
    for crop, picture in zip(crops, pictures, strict=True):
        ((a, *place),), ((b, *same),) = (places_of(channel, picture) for channel in crop)
        assert place == same
        colours.add((a, b))
    assert colours == {(a, b) for a in range(3) for b in range(3)}


@pytest.mark.parametrize("what", [0, 1, 2], ids=["colour", "top", "left"])
def test_colours_and_places_are_uniform(what: int) -> None:
    pictures = images(900, 5, 6)
    crops = random_crops(pictures, size=3, channels=1, seed=1)
    first = torch.arange(3 * 5 * 6).reshape(3, 5, 6)
    # the corner of a piece tells its place, because all pixels differ
    corners = crops[:, 0, 0, 0].long() - 90 * torch.arange(900)
    drawn = [(first == corner).nonzero()[0, what].item() for corner in corners]
    counts = np.bincount(drawn, minlength=(3, 3, 4)[what])
    assert len(counts) == (3, 3, 4)[what]
    assert chisquare(counts).pvalue > 1e-3


def test_the_seed_decides_and_crops_of_fewer_images_are_the_first() -> None:
    pictures = images(20)
    crops = random_crops(pictures, size=3, channels=1, seed=4)
    assert torch.equal(crops, random_crops(pictures, size=3, channels=1, seed=4))
    assert torch.equal(crops[:8], random_crops(pictures[:8], size=3, channels=1, seed=4))
    assert not torch.equal(crops, random_crops(pictures, size=3, channels=1, seed=5))


def test_a_crop_of_the_whole_size_is_the_whole_image() -> None:
    picture = images(1, 4, 4)
    (crop,) = random_crops(picture, size=4, channels=1, seed=0)
    assert any(torch.equal(crop[0], colour) for colour in picture[0])
