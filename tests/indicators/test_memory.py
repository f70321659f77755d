"""Nothing of a network stays in memory when its scores are there."""

from __future__ import annotations

import gc
import weakref
from contextlib import suppress

import pytest
import torch
from torch import nn

from untrained.foundation import Unsupported
from untrained.indicators import indicators, measure
from untrained.spaces import spaces

CELL = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|"
IMAGES = [name for name, item in indicators.items() if not name.endswith("_nlp")]
"""Training copies a network (GenNAS); one such indicator stands for all."""
NAMES = [n for n in IMAGES if not n.startswith("gennas")] + ["gennas_single_dot_reduced"]


class Attention(nn.Module):
    """Attention over the pixels, and layers written as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.first = nn.Parameter(torch.randn(8, 3, 4, 4) / 7)
        self.last = nn.Parameter(torch.randn(5, 8) / 3)

    def forward(self, x):
        x = nn.functional.conv2d(x, self.first, stride=4).clamp(min=0).flatten(2).mT
        return nn.functional.linear((x + self.attention(x, x, x)[0]).mean(1), self.last)


@pytest.mark.parametrize("kind", ["cells", "attention"])
@pytest.mark.parametrize("name", NAMES)
def test_a_measured_network_is_freed(name: str, kind: str) -> None:
    gc.freeze()  # the search below looks only at what is made from here on
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randn(6, 3, 16, 16, generator=generator) for _ in range(2)]
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    build = spaces["nasbench201"].build
    network = (
        Attention() if kind == "attention" else build(CELL, num_classes=5, channels=4, cells=1)
    )
    alive = [weakref.ref(network), *map(weakref.ref, network.parameters())]
    with suppress(Unsupported):
        measure(network, batches[0], labels, [name], second_batch=(batches[1], labels))
    del network
    gc.collect()
    assert not [ref for ref in alive if ref() is not None]
