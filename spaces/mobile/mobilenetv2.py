"""A search space of MobileNetV2 blocks: inverted residuals, wide inside and narrow between them.

Reference: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from numpy.random import Generator
from torch import Tensor, nn

from untrained.foundation import MalformedInput
from untrained.spaces import Architecture, Network, NetworkSize, SearchSpace, register_space
from untrained.spaces.framework.network import AS_WRITTEN, PooledNetwork, conv_bn, maps_behind
from untrained.spaces.framework.product_space import pick


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, projection; with a shortcut where the shape is kept."""

    def __init__(
        self, channels_in: int, channels_out: int, *, expansion: int, kernel: int, stride: int
    ) -> None:
        """The first two convolutions end in a ReLU, the projection does not.

        An expansion of 1 is none: the block begins with the depthwise convolution.
        """
        hidden = expansion * channels_in
        super().__init__()
        expand = [] if expansion == 1 else [*conv_bn(channels_in, hidden), nn.ReLU()]
        self.layers = nn.Sequential(
            *expand,
            *conv_bn(hidden, hidden, kernel, stride=stride, groups=hidden),
            nn.ReLU(),
            *conv_bn(hidden, channels_out),
        )
        self.shortcut = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, channels_out, H / stride, W / stride)."""
        out: Tensor = self.layers(x)
        return out + x if self.shortcut else out


class MobileNetV2Network(PooledNetwork):
    """Seven stages; its ReLUs are not capped at 6, as in the searches over this space."""

    behind = "head"

    def __init__(self, description: Description, size: NetworkSize) -> None:
        """Build the widths and depths of a description with the layers' default initialisation."""
        super().__init__()
        width = description.stem
        self.stem = nn.Sequential(*conv_bn(size.in_channels, width, 3, stride=2), nn.ReLU())
        self.cells = nn.ModuleList()
        ends: list[int] = []
        for stage, stride in zip(description.stages, STRIDES, strict=True):
            if stride > 1:
                ends.append(len(self.cells))
            for block in range(stage.depth):
                self.cells.append(
                    InvertedResidual(
                        width,
                        stage.width,
                        expansion=stage.expansion,
                        kernel=stage.kernel,
                        stride=1 if block else stride,
                    )
                )
                width = stage.width
        self.ends = (*ends, len(self.cells))
        self.head = nn.Sequential(*conv_bn(width, description.head), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(description.head, size.num_classes)

    def stages(self, x: Tensor) -> list[Tensor]:
        """Five maps, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution; no ReLU after a block."""
        return maps_behind(self.cells, self.stem(x), self.ends)


STRIDES = (1, 2, 2, 2, 1, 2, 1)
"""Of the first block of each stage; the stem halves the resolution too."""
EXPANSIONS = (1, 2, 4, 6)
KERNELS = (3, 5, 7)
DEPTHS = (1, 2, 3, 4)
STEM_WIDTHS = (16, 24, 32, 40, 48)
WIDTHS = (
    (8, 16, 24),
    (16, 24, 32),
    (16, 24, 32, 40, 48),
    (32, 48, 64, 80, 96),
    (48, 72, 96, 120, 144),
    (80, 120, 160, 200, 240),
    (160, 240, 320, 400, 480),
)
"""That are drawn for each stage: multiples of 8 from half to one and a half of MobileNetV2's."""
HEAD_WIDTHS = (640, 960, 1280, 1600, 1920)
WIDEST, DEEPEST, LARGEST_EXPANSION, LARGEST_KERNEL = 8192, 100, 16, 15
"""That are understood."""
_STAGE = re.compile("e([0-9]{1,4})k([0-9]{1,4})c([0-9]{1,4})d([0-9]{1,4})")
_WIDTH = re.compile("[0-9]{1,4}")


class Stage(NamedTuple):
    """Blocks that differ in nothing but the first one's stride and input."""

    expansion: int
    kernel: int
    width: int
    depth: int

    def __str__(self) -> str:
        """Its part of the notation."""
        return f"e{self.expansion}k{self.kernel}c{self.width}d{self.depth}"


class Description(NamedTuple):
    """All decisions."""

    stem: int
    stages: tuple[Stage, ...]
    head: int

    def __str__(self) -> str:
        """The notation."""
        return "-".join(map(str, (self.stem, *self.stages, self.head)))


class MobileNetV2(SearchSpace):
    """Networks of MobileNetV2's form, strides held fixed.

    Zen-NAS and its followers search a relative of it, with two bottlenecks a layer.
    """

    name = "mobilenetv2"
    title = "MobileNetV2-like"
    reference = "Sandler et al., CVPR 2018; Lin et al. (Zen-NAS), ICCV 2021"
    size = None
    own_size = AS_WRITTEN

    def description(self, arch: str | Architecture) -> Description:
        """All decisions of an architecture.

        Raises:
            MalformedInput: the text is none; the message names the place.
        """
        text = self._text_of(arch)
        first, *middle, last = "".join(text.split()).split("-") if "-" in text else (text, "")
        if len(middle) != len(STRIDES):
            raise _malformed(text, f"it has {len(middle)} stages instead of {len(STRIDES)}")
        stages = tuple(_stage(part, place, text) for place, part in enumerate(middle, start=1))
        widths = []
        for name, part in (("stem", first), ("last convolution", last)):
            if not _WIDTH.fullmatch(part):
                raise _malformed(text, f"the width of its {name} is {part!r}")
            widths.append(_number(int(part), f"the width of its {name}", WIDEST, text))
        return Description(widths[0], stages, widths[1])

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`."""
        return self._make(self.description(arch))

    def sample(self, rng: Generator) -> Architecture:
        """One architecture, every decision drawn uniformly; papers also bound size and FLOPs."""
        stem = pick(STEM_WIDTHS, rng)
        stages = tuple(
            Stage(*(pick(values, rng) for values in (EXPANSIONS, KERNELS, widths, DEPTHS)))
            for widths in WIDTHS
        )
        return self._make(Description(stem, stages, pick(HEAD_WIDTHS, rng)))

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """The architectures with another of the drawn values in one place."""
        return [self._make(changed) for changed in _changes(self.description(arch))]

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        """Build; channels scale all widths, cells all depths."""
        here = self.description(arch)
        stages = tuple(
            stage._replace(width=size.width(stage.width), depth=size.depth(stage.depth))
            for stage in here.stages
        )
        scaled = Description(size.width(here.stem), stages, size.width(here.head))
        return MobileNetV2Network(scaled, size)

    def _make(self, description: Description) -> Architecture:
        return Architecture(self.name, str(description))


def _changes(here: Description) -> Iterator[Description]:
    yield from (here._replace(stem=width) for width in STEM_WIDTHS if width != here.stem)
    for place, stage in enumerate(here.stages):
        values = {
            "expansion": EXPANSIONS,
            "kernel": KERNELS,
            "width": WIDTHS[place],
            "depth": DEPTHS,
        }
        for name, choices in values.items():
            for value in choices:
                if value != getattr(stage, name):
                    changed = stage._replace(**{name: value})
                    yield here._replace(
                        stages=(*here.stages[:place], changed, *here.stages[place + 1 :])
                    )
    yield from (here._replace(head=width) for width in HEAD_WIDTHS if width != here.head)


def _stage(part: str, place: int, text: str) -> Stage:
    found = _STAGE.fullmatch(part)
    if not found:
        raise _malformed(text, f"its stage {place} is {part!r}")
    stage = Stage(*map(int, found.groups()))
    for name, largest in (
        ("expansion", LARGEST_EXPANSION),
        ("kernel", LARGEST_KERNEL),
        ("width", WIDEST),
        ("depth", DEEPEST),
    ):
        _number(getattr(stage, name), f"the {name} of stage {place}", largest, text)
    if stage.kernel % 2 == 0:
        raise _malformed(text, f"the kernel of stage {place} is {stage.kernel}, not odd")
    return stage


def _number(value: int, name: str, largest: int, text: str) -> int:
    if not 1 <= value <= largest:
        raise _malformed(text, f"{name} is {value}, not 1 to {largest}")
    return value


def _malformed(text: str, reason: str) -> MalformedInput:
    return MalformedInput(
        f"{text!r} is not a MobileNetV2-like architecture: {reason} (write the width of the stem, "
        f"{len(STRIDES)} stages such as e6k3c24d2 - expansion, kernel, width, depth - and the "
        "width of the last convolution, joined by '-')"
    )


register_space(MobileNetV2())
