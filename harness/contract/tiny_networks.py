"""The smallest networks of a search space, and what they are given."""

from __future__ import annotations

from typing import TypedDict

import torch
from torch import Tensor

from untrained.harness.contract.space_texts import drawn
from untrained.spaces import Architecture, Network, SearchSpace
from untrained.spaces.recurrent_network import RecurrentNetwork


class Size(TypedDict):
    """Arguments of `SearchSpace.build`."""

    num_classes: int
    channels: int
    cells: int


SMALL: Size = {"num_classes": 5, "channels": 4, "cells": 1}
SIDE = 64  # large enough for every space's reductions


def built(space: SearchSpace, arch: Architecture | str) -> Network:
    """The small network of an architecture."""
    return space.build(arch, **SMALL)


def is_recurrent(space: SearchSpace) -> bool:
    """Whether a space's networks read words instead of images."""
    return isinstance(built(space, drawn(space, 1)[0]), RecurrentNetwork)


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers in float32."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def words() -> Tensor:
    """Three sequences of four words out of five, (4, 3)."""
    return torch.arange(12).reshape(4, 3) % 5
