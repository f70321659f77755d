"""AutoFormer: vision transformers whose depth, width, heads and feed-forward ratios are decisions.

Two spaces: networks as ViT-Bench-101 trained them one by one, and those of the AutoFormer supernets
in three scales, whose accuracies are those of inherited weights.

References: Chen et al., "AutoFormer: Searching Transformers for Visual Recognition", ICCV 2021; Wei
et al., "Auto-Prox: Training-Free Vision Transformer Architecture Search via Automatic Proxy
Discovery", AAAI 2024 (ViT-Bench-101).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor, nn

from untrained.spaces import Architecture, Dataset, NetworkSize, SearchSpace, register_space
from untrained.spaces.framework.dataset import IMAGENET_MEAN, IMAGENET_STD, SHARED_DATASETS
from untrained.spaces.framework.network import AS_WRITTEN, IsotropicNetwork
from untrained.spaces.framework.product_space import pick, variations
from untrained.spaces.transformers.configuration import Reader, write
from untrained.spaces.transformers.layers import (
    STD,
    Block,
    SelfAttention,
    as_map,
    draw_normal,
    join_heads,
    places_of,
    split_heads,
)

PATCH = 16
GRID = 14
"""Patches a side of the published resolution, 224 pixels."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Widths of one network as it is built."""

    width: int
    heads: tuple[int, ...]
    """Of each block."""
    head_widths: tuple[int, ...]
    hidden: tuple[int, ...]
    """Of each block's feed-forward layer."""


class RelativeAttention(SelfAttention):
    """Attention with tables of relative positions for keys and values, rows and columns apart."""

    REACH = 14

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        """Build with the layers' default initialisation; tables from N(0, 0.02^2)."""
        super().__init__(width, heads, head_width)
        rows = 2 * self.REACH + 2
        self.tables = nn.ParameterList(
            nn.Parameter(torch.empty(rows, head_width)) for _ in range(4)
        )
        for table in self.tables:
            nn.init.normal_(table, std=STD)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1 + side^2, width) -> (B, 1 + side^2, width); the first token has no place."""
        query, key, value = (split_heads(part, self.heads) for part in self.qkv(x).chunk(3, -1))
        down, right = self._distances(x)
        of_keys = self.tables[0][down] + self.tables[1][right]
        of_values = self.tables[2][down] + self.tables[3][right]
        scale = query.shape[-1] ** -0.5
        near = torch.einsum("bhid,ijd->bhij", query, of_keys)
        chances = ((query @ key.transpose(-1, -2) + near) * scale).softmax(-1)
        mixed = chances @ value + torch.einsum("bhij,ijd->bhid", chances, of_values)
        out: Tensor = self.projection(join_heads(mixed))
        return out

    def _distances(self, x: Tensor) -> tuple[Tensor, Tensor]:
        side = round((x.shape[1] - 1) ** 0.5)
        line = torch.arange(side, device=x.device)
        apart = (line[None] - line[:, None]).clamp(-self.REACH, self.REACH) + self.REACH + 1
        down = apart[:, None, :, None].expand(side, side, side, side)
        right = apart[None, :, None, :].expand(side, side, side, side)
        shape = (side * side, side * side)
        padded = (nn.functional.pad(d.reshape(shape), (1, 0, 1, 0)) for d in (down, right))
        first, second = padded
        return first, second


class PatchStem(nn.Module):
    """Patches of 16 pixels, a token of the whole image ahead of them, and their positions."""

    def __init__(self, in_channels: int, width: int) -> None:
        """Build with the layers' default initialisation; tokens and positions from N(0, 0.02^2)."""
        super().__init__()
        self.patches = nn.Conv2d(in_channels, width, PATCH, PATCH)
        self.token = nn.Parameter(torch.empty(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, 1 + GRID**2, width))
        for parameter in (self.token, self.positions):
            nn.init.normal_(parameter, std=STD)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, H) -> (B, 1 + (H / 16)^2, width)."""
        x = self.patches(x)
        places = 1 + places_of(x.shape[-1], GRID).to(x.device)
        positions = torch.cat([self.positions[:, :1], self.positions[:, places]], dim=1)
        token = self.token.expand(len(x), -1, -1)
        return torch.cat([token, x.flatten(2).transpose(1, 2)], dim=1) + positions


class AutoFormerNetwork(IsotropicNetwork):
    """Patches, blocks, layer norm, the mean over the patches, classifier."""

    def __init__(self, shape: Shape, size: NetworkSize, *, relative: bool = False) -> None:
        """Build; weights of linear layers from N(0, 0.02^2), biases 0, as published."""
        super().__init__()
        kind = RelativeAttention if relative else SelfAttention
        self.stem = PatchStem(size.in_channels, shape.width)
        self.cells = nn.ModuleList(
            Block(kind(shape.width, heads, head_width), shape.width, hidden)
            for heads, head_width, hidden in zip(
                shape.heads, shape.head_widths, shape.hidden, strict=True
            )
        )
        self.norm = nn.LayerNorm(shape.width, eps=1e-6)
        self.classifier = nn.Linear(shape.width, size.num_classes)
        draw_normal(self)

    def features(self, x: Tensor) -> Tensor:
        """(B, width, H / 16, H / 16), after the last layer norm."""
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        return as_map(self.norm(x))

    def stages(self, x: Tensor) -> list[Tensor]:
        """One map: no block changes the resolution."""
        return [self.features(x)]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, num_classes) of images (B, in_channels, H, H), H a multiple of 16."""
        out: Tensor = self.classifier(self.features(x).mean((2, 3)))
        return out


RATIOS, HEADS, DEPTHS, WIDTHS = (3.5, 4.0), (3, 4), (12, 13, 14), (192, 216, 240)


def enlarged(side: int) -> tuple[Dataset, ...]:
    """CIFAR-10 and CIFAR-100 enlarged to a resolution, as transformers are trained on them."""
    return tuple(
        Dataset(f"{d.name}-{side}", f"{d.title} at {side} pixels", d.num_classes, side, d.mean,
                d.std, enlarged_from=d.name)
        for d in SHARED_DATASETS if d.name in ("cifar10", "cifar100")
    )  # fmt: skip


class _Transformers(SearchSpace):
    """Depth, width, and heads and ratio of each block."""

    size = None
    own_size = f"{AS_WRITTEN}, at 224 pixels"
    keys: tuple[str, ...]
    """Keys of the text: depth, width, ratios, heads; behind these a scale if there are several."""
    example: str
    """An architecture, for messages."""

    @abstractmethod
    def _values(self, here: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
        """Return the choices of width, depth, heads and ratio, for a network of this scale."""

    def _read(self, arch: str | Architecture) -> dict[str, Any]:
        """Return the decisions of an architecture."""
        reader = Reader(self._text_of(arch), of=self.name, example=self.example)
        given = reader.keys(reader.object, self.keys)
        here = {k: reader.choice(given[k], tuple(SCALES), f"its {k}") for k in self.keys[4:]}
        values = self._values(here)
        for key in self.keys[:2]:
            here[key] = reader.choice(given[key], values[key], f"its {key}")
        for key in self.keys[2:4]:
            here[key] = reader.choices(given[key], here["depth"], values[key], f"its {key}")
        return here

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`."""
        return self._make(self._read(arch))

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """List the architectures with another width, heads or ratio, or one block more or less.

        Blocks come and go at the end, with any heads and ratio, so that the way back exists.
        """
        return [self._make(changed) for changed in self._changes(self._read(arch))]

    def _changes(self, here: dict[str, Any]) -> Iterator[dict[str, Any]]:
        values = self._values(here)
        for key in ("num_heads", "mlp_ratio"):
            yield from (here | {key: other} for other in variations(here[key], values[key]))
        width = self.keys[1]
        yield from (here | {width: other} for other in values[width] if other != here[width])
        depth = here["depth"]
        if depth - 1 in values["depth"]:
            fewer = {key: here[key][:-1] for key in ("num_heads", "mlp_ratio")}
            yield here | {"depth": depth - 1} | fewer
        if depth + 1 in values["depth"]:
            for heads in values["num_heads"]:
                for ratio in values["mlp_ratio"]:
                    more = {
                        "num_heads": [*here["num_heads"], heads],
                        "mlp_ratio": [*here["mlp_ratio"], ratio],
                    }
                    yield here | {"depth": depth + 1} | more

    def _draw(self, rng: Generator, here: dict[str, Any]) -> Architecture:
        values = self._values(here)
        depth = pick(values["depth"], rng)
        blocks = {
            key: [pick(values[key], rng) for _ in range(depth)]
            for key in ("num_heads", "mlp_ratio")
        }
        width = {self.keys[1]: pick(values[self.keys[1]], rng)}
        return self._make(here | {"depth": depth} | width | blocks)

    def _make(self, here: dict[str, Any]) -> Architecture:
        return Architecture(self.name, write(here))

    def _shape(self, arch: str | Architecture, size: NetworkSize, head_width: int | None) -> Shape:
        """Scale widths by channels, depths by cells."""
        here = self._read(arch)
        depth = size.depth(here["depth"])
        blocks = [place % here["depth"] for place in range(depth)]
        width = size.width(here[self.keys[1]])
        heads = tuple(here["num_heads"][place] for place in blocks)
        return Shape(
            width,
            heads,
            # a width that the heads do not divide is shared out in wider heads
            tuple(-(-width // n) if head_width is None else size.width(head_width) for n in heads),
            tuple(max(1, int(width * here["mlp_ratio"][place])) for place in blocks),
        )


class AutoFormer(_Transformers):
    """The networks of ViT-Bench-101's AutoFormer space, about 10^9."""

    name = "autoformer"
    title = "AutoFormer (ViT-Bench-101)"
    reference = "Chen et al., ICCV 2021; Wei et al., AAAI 2024"
    keys = ("depth", "hidden_dim", "mlp_ratio", "num_heads")
    datasets = (
        *enlarged(64),
        *enlarged(224),
        Dataset("flowers", "Oxford 102 Flowers", 102, 224, IMAGENET_MEAN, IMAGENET_STD),
        Dataset("chaoyang", "Chaoyang", 4, 224, IMAGENET_MEAN, IMAGENET_STD),
    )
    example = write(
        {"depth": 12, "hidden_dim": 192, "mlp_ratio": [4.0] * 12, "num_heads": [3] * 12}
    )

    def sample(self, rng: Generator) -> Architecture:
        """Draw every decision uniformly, as the benchmark's architectures were."""
        return self._draw(rng, {})

    def _values(self, here: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
        return dict(zip(self.keys, (DEPTHS, WIDTHS, RATIOS, HEADS), strict=True))

    def _network(self, arch: str | Architecture, size: NetworkSize) -> AutoFormerNetwork:
        return AutoFormerNetwork(self._shape(arch, size, None), size)


HEAD_WIDTH = 64
SCALES: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...], tuple[int, ...]]] = {
    "tiny": (DEPTHS, WIDTHS, (3.5, 4.0), (3, 4)),
    "small": ((12, 13, 14), (320, 384, 448), (3.0, 3.5, 4.0), (5, 6, 7)),
    "base": ((14, 15, 16), (528, 576, 624), (3.0, 3.5, 4.0), (9, 10)),
}
"""Depths, widths, ratios and heads of each supernet."""


class AutoFormerSupernets(_Transformers):
    """The networks of AutoFormer's three supernets: heads of 64, relative positions."""

    name = "autoformer_supernets"
    title = "AutoFormer (tiny, small, base)"
    reference = "Chen et al., ICCV 2021; Ho et al. (OoD-ViT-NAS), NeurIPS 2024"
    keys = ("depth", "embed_dim", "mlp_ratio", "num_heads", "space")
    example = write(
        {"depth": 12, "embed_dim": 192, "mlp_ratio": [4] * 12, "num_heads": [3] * 12}
        | {"space": "tiny"}
    )

    def sample(self, rng: Generator) -> Architecture:
        """Draw a scale, then every decision, uniformly."""
        return self._draw(rng, {"space": pick(list(SCALES), rng)})

    def _values(self, here: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
        return dict(zip(self.keys, SCALES[here["space"]], strict=False))

    def _network(self, arch: str | Architecture, size: NetworkSize) -> AutoFormerNetwork:
        return AutoFormerNetwork(self._shape(arch, size, HEAD_WIDTH), size, relative=True)


register_space(AutoFormer())
register_space(AutoFormerSupernets())
