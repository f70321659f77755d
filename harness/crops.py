"""Small pieces of images, which thin networks see instead of whole ones."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def random_crops(images: Tensor, *, size: int, channels: int, seed: int) -> Tensor:
    """One square piece of each image, every place equally likely.

    Each channel of a piece is a colour of the image at that place, drawn uniformly and
    independently of the other channels. Of fewer images the crops are the first ones.

    Args:
        images: (batch, colours, H, W).
        size: height and width of a piece, at most H and W.
        channels: of a piece.
        seed: draws places and colours.

    Returns:
        (batch, channels, size, size).
    """
    batch, colours, height, width = images.shape
    ends = [height - size + 1, width - size + 1, *[colours] * channels]
    drawn = torch.from_numpy(np.random.default_rng(seed).integers(ends, size=(batch, len(ends))))
    pieces = images.unfold(2, size, 1).unfold(3, size, 1)  # a view: (batch, colour, top, left, ...)
    image, top, left = torch.arange(batch)[:, None], drawn[:, :1], drawn[:, 1:2]
    return pieces[image, drawn[:, 2:], top, left]
