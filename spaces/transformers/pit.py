"""PiT: vision transformers with pooling between three stages, as ViT-Bench-101 trained them.

References: Heo et al., "Rethinking Spatial Dimensions of Vision Transformers", ICCV 2021; Wei et
al., "Auto-Prox: Training-Free Vision Transformer Architecture Search via Automatic Proxy
Discovery", AAAI 2024 (ViT-Bench-101).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import torch
from torch import Tensor, nn

from untrained.spaces import Architecture, Network, NetworkSize, ProductSpace, register_space
from untrained.spaces.framework.network import AS_WRITTEN, maps_behind
from untrained.spaces.transformers.autoformer import PATCH
from untrained.spaces.transformers.configuration import Reader, write
from untrained.spaces.transformers.layers import STD, Block, SelfAttention, as_map, places_of

STRIDE = 8
GRID = 27
"""Patches a side of the published resolution, 224 pixels: they overlap by half."""


def as_tokens(token: Tensor, x: Tensor) -> Tensor:
    """(B, 1, C) and (B, C, H, W) -> (B, 1 + H W, C)."""
    return torch.cat([token, x.flatten(2).transpose(1, 2)], dim=1)


class OverlappingStem(nn.Module):
    """Overlapping patches with positions, and a token of the whole image ahead of them."""

    def __init__(self, in_channels: int, width: int) -> None:
        """Build with the layers' default initialisation; tokens and positions from N(0, 0.02^2)."""
        super().__init__()
        self.patches = nn.Conv2d(in_channels, width, PATCH, STRIDE)
        self.positions = nn.Parameter(torch.empty(1, width, GRID, GRID))
        self.token = nn.Parameter(torch.empty(1, 1, width))
        for parameter in (self.positions, self.token):
            nn.init.normal_(parameter, std=STD)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, H) -> (B, 1 + side^2, width), side = (H - 16) / 8 + 1."""
        x = self.patches(x)
        side = x.shape[-1]
        places = places_of(side, GRID).to(x.device)
        positions = self.positions.flatten(2)[:, :, places].reshape(1, -1, side, side)
        return as_tokens(self.token.expand(len(x), -1, -1), x + positions)


class Pooling(nn.Module):
    """A depthwise convolution that halves the resolution, and a linear layer for the token."""

    def __init__(self, width: int, wider: int) -> None:
        """Build with the layers' default initialisation."""
        super().__init__()
        self.conv = nn.Conv2d(width, wider, 3, 2, padding=1, groups=width)
        self.linear = nn.Linear(width, wider)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, 1 + side^2, width) -> (B, 1 + ceil(side / 2)^2, wider)."""
        return as_tokens(self.linear(tokens[:, :1]), self.conv(as_map(tokens)))


class PiTNetwork(Network):
    """Patches, three stages of blocks with poolings between, layer norm of the token, classifier.

    Linear and convolutional layers keep torch's initialisation, as published.
    """

    def __init__(
        self, widths: Sequence[int], depths: Sequence[int], heads: Sequence[int], ratio: int,
        size: NetworkSize,
    ) -> None:  # fmt: skip
        """Build.

        Args:
            widths: of the stages, each divided by its heads.
        """
        super().__init__()
        self.stem = OverlappingStem(size.in_channels, widths[0])
        self.cells = nn.ModuleList()
        ends = []
        for stage, (width, depth, n) in enumerate(zip(widths, depths, heads, strict=True)):
            if stage:
                self.cells.append(Pooling(widths[stage - 1], width))
            self.cells.extend(
                Block(SelfAttention(width, n, width // n), width, ratio * width)
                for _ in range(depth)
            )
            ends.append(len(self.cells))
        self.ends = tuple(ends)
        self.norm = nn.LayerNorm(widths[-1], eps=1e-6)
        self.classifier = nn.Linear(widths[-1], size.num_classes)

    def _stages(self, x: Tensor) -> list[Tensor]:
        return maps_behind(self.cells, self.stem(x), self.ends)

    def stages(self, x: Tensor) -> list[Tensor]:
        """Three maps: before each pooling and after the last block."""
        return [as_map(tokens) for tokens in self._stages(x)]

    def features(self, x: Tensor) -> Tensor:
        """Return the last stage's map; the classifier reads the token beside it."""
        return self.stages(x)[-1]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of images (B, in_channels, H, H), H at least 16."""
        out: Tensor = self.classifier(self.norm(self._stages(x)[-1][:, 0]))
        return out


WIDTHS, RATIOS = (16, 24, 32, 40), (2, 4, 6, 8)
DEPTHS = ((1, 2, 3), (4, 6, 8), (2, 4, 6))
HEADS = tuple(combinations_with_replacement((2, 4, 8), 3))
"""Of the three stages: never fewer than before, since a pooling multiplies the channels."""
_KEYS = ("base_dim", "depth", "mlp_ratio", "num_heads")


class PiT(ProductSpace):
    """The 4,320 networks of ViT-Bench-101's PiT space."""

    name = "pit"
    title = "PiT (ViT-Bench-101)"
    reference = "Heo et al., ICCV 2021; Wei et al., AAAI 2024"
    own_size = f"{AS_WRITTEN}, at 224 pixels"
    choices = (len(WIDTHS), len(RATIOS), 3, 3, 3, len(HEADS))
    size = len(WIDTHS) * len(RATIOS) * 3**3 * len(HEADS)
    _EXAMPLE = write({"base_dim": 16, "depth": [1, 4, 2], "mlp_ratio": 2, "num_heads": [2, 2, 4]})

    def _chosen(self, arch: str | Architecture) -> tuple[int, ...]:
        reader = Reader(self._text_of(arch), of=self.name, example=self._EXAMPLE)
        here = reader.keys(reader.object, _KEYS)
        depths = here["depth"]
        heads = reader.choices(here["num_heads"], 3, (2, 4, 8), "its num_heads")
        if tuple(heads) not in HEADS:
            reader.refuse("a stage has fewer num_heads than the one before")
        if not isinstance(depths, list) or len(depths) != 3:
            reader.refuse("its depth is no list of 3 values")
        of_depths = (
            values.index(reader.choice(depth, values, f"the depth of stage {place}"))
            for place, (depth, values) in enumerate(zip(depths, DEPTHS, strict=True), 1)
        )
        return (
            WIDTHS.index(reader.choice(here["base_dim"], WIDTHS, "its base_dim")),
            RATIOS.index(reader.choice(here["mlp_ratio"], RATIOS, "its mlp_ratio")),
            *of_depths,
            HEADS.index(tuple(heads)),
        )

    def _combine(self, chosen: Sequence[int]) -> Architecture:
        width, ratio, *depths, heads = chosen
        return Architecture(
            self.name,
            write(
                {
                    "base_dim": WIDTHS[width],
                    "depth": [DEPTHS[stage][place] for stage, place in enumerate(depths)],
                    "mlp_ratio": RATIOS[ratio],
                    "num_heads": list(HEADS[heads]),
                }
            ),
        )

    def _network(self, arch: str | Architecture, size: NetworkSize) -> PiTNetwork:
        """Build; channels scale the width of a head, cells the depths."""
        width, ratio, *depths, heads = self._chosen(arch)
        of_head = size.width(WIDTHS[width])
        return PiTNetwork(
            [of_head * n for n in HEADS[heads]],
            [size.depth(DEPTHS[stage][place]) for stage, place in enumerate(depths)],
            HEADS[heads],
            RATIOS[ratio],
            size,
        )


register_space(PiT())
