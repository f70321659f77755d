"""The residual spaces of NDS: ResNet and two ranges of ResNeXt.

A description lists for each stage the number of blocks `ds`, the width `ws`, the stride `ss`, and
for bottleneck blocks the ratio `bot_muls` of the inner to the outer width and the number of groups
`num_gs`. The first entry is the same in all networks; three stages are chosen. In the benchmark's
own networks the first entry is the stem (`stem="written"`): with this rule the parameters equal the
files'. Published training-free scores were measured on networks that have a stem of width 12 and
take the first entry for a stage of one block (`cifar`, `imagenet`).

    stem -> stage 1 -> ... -> stage n -> global average pooling -> classifier

A block is x + F(x), then ReLU; F is conv 3x3-BN-ReLU-conv 3x3-BN, or 1x1-BN-ReLU-3x3 (groups)-BN-
ReLU-1x1-BN. The first block of a stage has the stage's stride. Where the shape changes, x goes
through a 1x1 convolution and batch norm.
Reference: Radosavovic et al., "On Network Design Spaces for Visual Recognition", ICCV 2019,
section 3 and table 1; Xie et al., "ResNeXt", CVPR 2017.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.random import Generator
from torch import Tensor, nn

from untrained.foundation import MalformedInput
from untrained.spaces import Architecture, Network, NetworkSize, register_space
from untrained.spaces.framework.network import AS_WRITTEN, PooledNetwork, conv_bn
from untrained.spaces.framework.search_space import StemSpace
from untrained.spaces.nds.record import format_record, malformed_record, read_record, whole_number


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage."""

    depth: int
    """Blocks."""
    width: int
    """Channels that a block gives."""
    stride: int
    """Of the first block."""
    bottleneck: int = 0
    """Channels of the 3x3 convolution of a bottleneck block; 0: basic blocks."""
    groups: int = 1
    """Of that convolution."""


class Residual(nn.Module):
    """x + F(x), without the ReLU that follows."""

    def __init__(self, stage: Stage, channels_in: int, stride: int) -> None:
        """Make the convolutions of a block."""
        super().__init__()
        out = stage.width
        if stage.bottleneck:
            inner = stage.bottleneck
            self.f = nn.Sequential(
                *conv_bn(channels_in, inner),
                nn.ReLU(),
                *conv_bn(inner, inner, 3, stride=stride, groups=stage.groups),
                nn.ReLU(),
                *conv_bn(inner, out),
            )
        else:
            self.f = nn.Sequential(
                *conv_bn(channels_in, out, 3, stride=stride), nn.ReLU(), *conv_bn(out, out, 3)
            )
        changes = channels_in != out or stride != 1
        self.projection = nn.Sequential(
            *(conv_bn(channels_in, out, stride=stride) if changes else ())
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, H, W) -> (batch, width, ceil(H / stride), ceil(W / stride))."""
        out: Tensor = self.projection(x) + self.f(x)
        return out


def _stem(reduction: int, channels_in: int, width: int, inner: tuple[int, int]) -> nn.Sequential:
    """The stem that divides the resolution by 1, 4 or 8.

    Args:
        inner: widths of the first two of the three convolutions that divide by 8.
    """
    layers: list[nn.Module] = []
    kernel = 7 if reduction == 4 else 3
    for out in (*(inner if reduction == 8 else ()), width):
        layers += [*conv_bn(channels_in, out, kernel, stride=min(reduction, 2)), nn.ReLU()]
        channels_in = out
    if reduction == 4:
        layers.append(nn.MaxPool2d(3, 2, padding=1))
    return nn.Sequential(*layers)


class ResidualNetwork(PooledNetwork):
    """The stages around their blocks."""

    def __init__(
        self, stages: Sequence[Stage], size: NetworkSize, stem: Stage | None = None
    ) -> None:
        """Build and initialise.

        Convolutions are drawn from N(0, 2 / (k^2 C_out)), the classifier from N(0, 0.01^2) with a
        zero bias, as in the published code of the benchmark.

        Args:
            size: its channels are those of the stem, `cifar`: conv 3x3-BN-ReLU, or `imagenet`:
                conv 7x7/2-BN-ReLU-max pooling 3x3/2.
            stem: instead, width and stride of the stem that an architecture describes: 1 and 4 are
                those two, 8 is three times conv 3x3/2-BN-ReLU, the first two 32 and 64 wide.
        """
        super().__init__()
        if stem is None:
            stem = Stage(1, size.channels, 1 if size.stem == "cifar" else 4)
        inner = (size.width(_INNER_STEM_WIDTHS[0]), size.width(_INNER_STEM_WIDTHS[1]))
        self.stem = _stem(stem.stride, size.in_channels, stem.width, inner)
        self.shapes = tuple(stages)
        self.blocks = nn.ModuleList()
        self.relus = nn.ModuleList()
        before = stem.width
        for stage in stages:
            for block in range(stage.depth):
                stride = 1 if block else stage.stride
                self.blocks.append(Residual(stage, before, stride))
                self.relus.append(nn.ReLU())
                before = stage.width
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(before, size.num_classes)
        self._draw_fan_out()

    def stages(self, x: Tensor) -> list[Tensor]:
        """The maps before each stage that reduces, and the last, all before their block's ReLU."""
        return self._run(x)[0]

    def features(self, x: Tensor) -> Tensor:
        """(batch, last width, H', W'), what the last block's ReLU gives."""
        return self._run(x)[1]

    def _run(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """The stages' maps, and what the last ReLU gives."""
        x = self.stem(x)
        maps: list[Tensor] = []
        before_relu = x
        pairs = zip(self.blocks, self.relus, strict=True)
        for stage in self.shapes:
            if stage.stride > 1:
                maps.append(before_relu)
            for _ in range(stage.depth):
                block, relu = next(pairs)
                before_relu = block(x)
                x = relu(before_relu)
        return [*maps, before_relu], x


_INNER_STEM_WIDTHS = (32, 64)
_STEM_STRIDES = (1, 4, 8)
STEM_WIDTH = 12
"""Channels of the stem, as in the networks that published scores were measured on."""
BOTTLENECK, BASIC = "res_bottleneck_block", "res_basic_block"
KEYS = ("block_type", "bot_muls", "ds", "num_gs", "ss", "ws")
RATIOS = (1.0, 0.5, 0.25)
DEEPEST, WIDEST, LARGEST_STRIDE, MOST_STAGES = 1000, 8192, 32, 10
_FIRST: dict[str, Any] = {"ds": 1, "ws": 64, "ss": 8, "bot_muls": 1.0, "num_gs": 1}
_STRIDES = (1, 2, 2)


class NDSResidual(StemSpace):
    """One residual space of NDS; any number of stages is understood, three are drawn."""

    size = None
    own_size = f"{AS_WRITTEN}, stem='written'"
    stems = ("cifar", "imagenet", "written")

    def __init__(
        self,
        name: str,
        set_name: str,
        *,
        depths: tuple[int, ...],
        widths: tuple[int, ...],
        groups: tuple[int, ...],
        reference: str,
    ) -> None:
        """Describe a space.

        Args:
            set_name: of the published file, without `_in`.
            depths: numbers of blocks of a stage that are drawn.
            groups: those that are drawn; none: basic blocks, without a bottleneck.
        """
        self.name = name
        self.title = f"NDS {set_name}"
        self.reference = f"Radosavovic et al., ICCV 2019; {reference}"
        self.sets = (f"{set_name}_in", set_name)
        self.choices: dict[str, tuple[Any, ...]] = {"ds": depths, "ws": widths}
        self.block_type = BASIC
        if groups:
            self.choices |= {"bot_muls": RATIOS, "num_gs": groups}
            self.block_type = BOTTLENECK

    def description(self, arch: str | Architecture) -> tuple[str, dict[str, Any]]:
        """The set and the network description.

        Raises:
            MalformedInput: the text describes no network of this space.
        """
        text = self._text_of(arch)
        set_name, found = read_record(text, self.sets, KEYS)
        if found["block_type"] != self.block_type:
            raise malformed_record(
                text, f"block_type is {found['block_type']!r} instead of {self.block_type!r}"
            )
        lists = [name for name in KEYS if name != "block_type"]
        absent = [name for name in lists if name not in self.choices and name != "ss"]
        stages = len(found["ds"]) if isinstance(found["ds"], list) else 0
        for name in lists:
            wanted = 0 if name in absent else stages
            if not isinstance(found[name], list) or len(found[name]) != wanted:
                raise malformed_record(
                    text, f"{name} is {found[name]!r}, not a list of {wanted} numbers, as ds has"
                )
        if not 1 <= stages <= MOST_STAGES:
            raise malformed_record(text, f"it has {stages} stages, not 1 to {MOST_STAGES}")
        for place in range(stages):
            self._check_stage(text, found, place)
        return set_name, found

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`."""
        return self._make(*self.description(arch))

    def sample(self, rng: Generator) -> Architecture:
        """One ImageNet architecture, every decision of the three stages drawn uniformly.

        The benchmark itself kept only networks of bounded complexity.
        """
        found: dict[str, Any] = {"block_type": self.block_type, "bot_muls": [], "num_gs": []}
        found["ss"] = [_FIRST["ss"], *_STRIDES]
        for name, values in self.choices.items():
            drawn = rng.integers(len(values), size=len(_STRIDES))
            found[name] = [_FIRST[name], *(values[int(i)] for i in drawn)]
        return self._make(self.sets[0], found)

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """The architectures with another number in one place of one list, the first stage apart."""
        set_name, found = self.description(arch)
        return [self._make(set_name, other) for other in self._changed(found)]

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        """Build; channels scale all widths, the stem's 12 too, and cells the blocks of a stage.

        Groups stay, their widths are scaled. With the stem `cifar` the first stage's stride of 8
        becomes 1; `imagenet` divides the resolution by four before the strides as written. With
        the stem `written` the first entry is the stem, as in the benchmark's own networks.

        Raises:
            MalformedInput: the first entry's stride is none of a stem's.
        """
        stages = self._stages(self.description(arch)[1], size)
        if size.stem == "written":
            if stages[0].stride not in _STEM_STRIDES:
                raise malformed_record(
                    str(arch), f"the stride of its stem is {stages[0].stride}, not 1, 4 or 8"
                )
            return ResidualNetwork(stages[1:], size, stages[0])
        return ResidualNetwork(stages, replace(size, channels=size.width(STEM_WIDTH)))

    def _stages(self, found: dict[str, Any], size: NetworkSize) -> list[Stage]:
        stages = []
        for place, (depth, width, stride) in enumerate(
            zip(found["ds"], found["ws"], found["ss"], strict=True)
        ):
            groups = found["num_gs"][place] if found["num_gs"] else 1
            inner = round(width * found["bot_muls"][place]) // groups if found["bot_muls"] else 0
            stages.append(
                Stage(
                    depth=size.depth(depth),
                    width=size.width(width),
                    stride=1 if size.stem == "cifar" and place == 0 else stride,
                    bottleneck=groups * size.width(inner) if inner else 0,
                    groups=groups,
                )
            )
        return stages

    def _check_stage(self, text: str, found: dict[str, Any], place: int) -> None:
        where = f"of stage {place + 1}"
        whole_number(found["ds"][place], text, f"ds {where}", DEEPEST)
        width = whole_number(found["ws"][place], text, f"ws {where}", WIDEST)
        whole_number(found["ss"][place], text, f"ss {where}", LARGEST_STRIDE)
        if "num_gs" not in self.choices:
            return
        groups = whole_number(found["num_gs"][place], text, f"num_gs {where}", width)
        ratio = found["bot_muls"][place]
        # the files have 0 where a first stage has no bottleneck: it is then as wide as its output
        if place == 0 and type(ratio) in (int, float) and ratio == 0:
            ratio = 1
        if type(ratio) not in (int, float) or not 0 < ratio <= 1:
            raise malformed_record(
                text, f"bot_muls {where} is {ratio!r}, not a number above 0, at most 1"
            )
        found["bot_muls"][place] = float(ratio)
        inner = round(width * ratio)
        if inner < 1 or inner % groups:
            raise malformed_record(
                text, f"the inner width {where} is {inner}, not a multiple of its {groups} groups"
            )

    def _changed(self, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for name, values in self.choices.items():
            for place in range(1, len(found[name])):
                for value in values:
                    if value == found[name][place]:
                        continue
                    entries = [*found[name][:place], value, *found[name][place + 1 :]]
                    other = {**found, name: entries}
                    try:
                        self.description(format_record(self.sets[0], other))
                    except MalformedInput:  # the groups do not divide the inner width
                        continue
                    yield other

    def _make(self, set_name: str, found: dict[str, Any]) -> Architecture:
        return Architecture(self.name, format_record(set_name, found))


register_space(
    NDSResidual(
        "nds_resnet",
        "ResNet",
        # the paper gives 9 and 12 values and their ends; those between are chosen here
        depths=(1, 2, 3, 4, 6, 8, 12, 16, 24),
        widths=(16, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256),
        groups=(),
        reference="blocks of He et al., CVPR 2016",
    )
)
register_space(
    NDSResidual(
        "nds_resnext-a",
        "ResNeXt-A",
        depths=(1, 2, 4, 8, 16),
        widths=(16, 32, 64, 128, 256),
        groups=(1, 2, 4),
        reference="blocks of Xie et al., CVPR 2017",
    )
)
register_space(
    NDSResidual(
        "nds_resnext-b",
        "ResNeXt-B",
        depths=(1, 2, 4, 8, 16),
        widths=(64, 128, 256, 512, 1024),
        groups=(1, 2, 4, 8, 16),
        reference="blocks of Xie et al., CVPR 2017",
    )
)
