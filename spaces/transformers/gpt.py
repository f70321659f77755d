"""HW-GPT-Bench: GPT-2-like language models in three scales, one search space each.

    words -> blocks of attention and feed-forward layer side by side -> layer norm -> tied decoder

Reference: Sukthanker et al., "HW-GPT-Bench: Hardware-Aware Architecture Benchmark for Language
Models", NeurIPS 2024 (datasets and benchmarks), and its code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from untrained.spaces import Architecture, Dataset, NetworkSize, SearchSpace, register_space
from untrained.spaces.framework.network import AS_WRITTEN, WordNetwork
from untrained.spaces.framework.product_space import variations
from untrained.spaces.transformers.configuration import Reader, write
from untrained.spaces.transformers.layers import (
    FeedForward,
    SelfAttention,
    attend,
    draw_normal,
    join_heads,
    split_heads,
)

HEAD_WIDTH = 64
WORDS = 50_254
BASE = 10_000
"""Of the wavelengths of the rotary positions."""


def rotated(x: Tensor) -> Tensor:
    """Turn the first half of each head's channels by angles that grow with the position."""
    turned = 2 * (x.shape[-1] // 4)
    if not turned:
        return x
    angles = np.outer(np.arange(x.shape[-2]), BASE ** (-np.arange(0, turned, 2) / turned))
    cosines, sines = (torch.from_numpy(np.tile(f(angles), 2)).to(x) for f in (np.cos, np.sin))
    first, second = x[..., : turned // 2], x[..., turned // 2 : turned]
    moved = x[..., :turned] * cosines + torch.cat([-second, first], dim=-1) * sines
    return torch.cat([moved, x[..., turned:]], dim=-1)


class CausalAttention(SelfAttention):
    """Attention to the words so far, with rotary positions."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        query, key, value = (split_heads(part, self.heads) for part in self.qkv(x).chunk(3, -1))
        later = torch.full((x.shape[1],) * 2, -torch.inf, dtype=x.dtype, device=x.device).triu(1)
        attended = attend(rotated(query), rotated(key), value, later)
        out: Tensor = self.projection(join_heads(attended))
        return out


class ParallelBlock(nn.Module):
    """Attention and feed-forward layer of the same input, added to it."""

    def __init__(self, width: int, heads: int, head_width: int, hidden: int, *, bias: bool) -> None:
        """Build with the layers' default initialisation."""
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = CausalAttention(width, heads, head_width, bias=bias)
        self.mlp = FeedForward(width, hidden, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        out: Tensor = self.mlp(self.norm2(x)) + self.attention(self.norm1(x)) + x
        return out


class GPTNetwork(WordNetwork):
    """Embedding, blocks, layer norm, and a decoder whose weight is that of the embedding."""

    def __init__(self, here: Decisions, size: NetworkSize) -> None:
        """Build; linear layers and the embedding from N(0, 0.02^2), biases 0, as published."""
        super().__init__()
        width, head_width = size.width(here.width), size.width(HEAD_WIDTH)
        self.stem = nn.Embedding(size.num_classes, width)
        blocks = [place % len(here.heads) for place in range(size.depth(len(here.heads)))]
        self.cells = nn.ModuleList(
            ParallelBlock(width, here.heads[i], head_width, here.ratios[i] * width, bias=here.bias)
            for i in blocks
        )
        self.norm = nn.LayerNorm(width)
        self.decoder = nn.Linear(width, size.num_classes, bias=False)
        self.decoder.weight = self.stem.weight
        draw_normal(self)

    def logits(self, words: Tensor) -> Tensor:
        """Logits (B, words) of the word that follows the sequences (B, T)."""
        x = self.stem(words)
        for cell in self.cells:
            x = cell(x)
        out: Tensor = self.decoder(self.norm(x)[:, -1])
        return out


class Decisions(NamedTuple):
    """All decisions of an architecture."""

    bias: bool
    width: int
    ratios: tuple[int, ...]
    """Of each block's feed-forward layer."""
    heads: tuple[int, ...]
    """Of each block."""


class Scale(NamedTuple):
    """The choices of one scale."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]


SCALES = {
    "s": Scale((192, 384, 768), (10, 11, 12), (4, 8, 12)),
    "m": Scale((256, 512, 1024), (22, 23, 24), (8, 12, 16)),
    "l": Scale((320, 640, 1280), (34, 35, 36), (8, 16, 20)),
}
RATIOS = (2, 3, 4)
_KEYS = ("bias", "embed_dim", "mlp_ratio", "n_head", "n_layer", "scale")


class GPT(SearchSpace):
    """The models of one scale: width, bias, number of blocks, heads and ratio of each."""

    size = None
    own_size = AS_WRITTEN
    reference = "Sukthanker et al. (HW-GPT-Bench), NeurIPS 2024"

    def __init__(self, scale: str) -> None:
        """Choose the scale, s, m or l."""
        self.scale = scale
        self.name = f"hwgpt_{scale}"
        self.title = f"HW-GPT-Bench, GPT-{scale.upper()}"
        text = Dataset("openwebtext", "OpenWebText", WORDS, 1024, (0.0,), (1.0,), words=WORDS)
        self.datasets = (text,)

    def decisions_of(self, arch: str | Architecture) -> Decisions:
        """Return all decisions of an architecture.

        Raises:
            MalformedInput: the text is none; the message names the place.
        """
        choices = SCALES[self.scale]
        few = choices.depths[0]
        first = Decisions(True, choices.widths[0], (2,) * few, choices.heads[:1] * few)
        reader = Reader(self._text_of(arch), of=self.name, example=self._text(first))
        here = reader.keys(reader.object, _KEYS)
        reader.choice(here["scale"], (self.scale,), "its scale")
        depth = reader.choice(here["n_layer"], choices.depths, "its n_layer")
        return Decisions(
            reader.choice(here["bias"], (False, True), "its bias"),
            reader.choice(here["embed_dim"], choices.widths, "its embed_dim"),
            tuple(reader.choices(here["mlp_ratio"], depth, RATIOS, "its mlp_ratio")),
            tuple(reader.choices(here["n_head"], depth, choices.heads, "its n_head")),
        )

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`."""
        return self._make(self.decisions_of(arch))

    def sample(self, rng: Generator) -> Architecture:
        """Draw width, bias and number of blocks, then heads and ratio of each block, uniformly."""
        choices = SCALES[self.scale]

        def some(values: tuple[Any, ...], count: int) -> tuple[Any, ...]:
            return tuple(values[int(i)] for i in rng.integers(len(values), size=count))

        (width,), (bias,), (depth,) = (
            some(values, 1) for values in (choices.widths, (False, True), choices.depths)
        )
        return self._make(Decisions(bias, width, some(RATIOS, depth), some(choices.heads, depth)))

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """List the architectures with one other value, or one block more or less at the end."""
        return [self._make(changed) for changed in self._changes(self.decisions_of(arch))]

    def _changes(self, here: Decisions) -> Iterator[Decisions]:
        widths, depths, heads = SCALES[self.scale]
        yield here._replace(bias=not here.bias)
        yield from (here._replace(width=other) for other in widths if other != here.width)
        yield from (here._replace(ratios=other) for other in variations(here.ratios, RATIOS))
        yield from (here._replace(heads=other) for other in variations(here.heads, heads))
        if len(here.heads) - 1 in depths:
            yield here._replace(ratios=here.ratios[:-1], heads=here.heads[:-1])
        if len(here.heads) + 1 in depths:
            for ratio in RATIOS:
                for head in heads:
                    yield here._replace(ratios=(*here.ratios, ratio), heads=(*here.heads, head))

    def _network(self, arch: str | Architecture, size: NetworkSize) -> GPTNetwork:
        """Build; channels scale all widths, cells the number of blocks."""
        return GPTNetwork(self.decisions_of(arch), size)

    def _text(self, here: Decisions) -> str:
        return write(
            {
                "bias": here.bias,
                "embed_dim": here.width,
                "mlp_ratio": here.ratios,
                "n_head": here.heads,
                "n_layer": len(here.heads),
                "scale": self.scale,
            }
        )

    def _make(self, here: Decisions) -> Architecture:
        return Architecture(self.name, self._text(here))


for _scale in SCALES:
    register_space(GPT(_scale))
