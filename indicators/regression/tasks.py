"""Regression tasks of GenNAS on images: which signals each of three stages is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_CHANNELS = 64

NoiseKind = Literal["uniform", "gaussian"]


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal base of a stage's target."""

    kind: Literal["sin1d", "sin2d", "dot", "gdot", "resize"]
    level: float = 1.0
    frequencies: tuple[float, ...] = ()
    """Of sin1d and sin2d, in cycles per pixel."""
    share: float = 0.0
    """Of dot and gdot: how many of the pixels are not zero."""
    local: bool = True
    """Drawn for each image by itself, or once for the batch."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the read-out of one stage regresses."""

    signals: tuple[Signal, ...] = ()
    multiplier: float = 1.0
    """Channels of the target, in units of 64."""

    @property
    def num_channels(self) -> int:
        """Channels of the target."""
        return int(_CHANNELS * self.multiplier)


@dataclass(frozen=True, slots=True)
class Task:
    """A target for each of three stages, and the noise on the inputs."""

    name: str
    stages: tuple[Stage, Stage, Stage]
    noise: NoiseKind = "uniform"
    noise_level: float = 0.0
    milestones: tuple[int, ...] = ()
    """Numbers of steps at which its training is kept, to be looked at and gone on from."""


MIDDLE = (0.125, 0.15, 0.175, 0.2, 0.225, 0.25, 0.275, 0.3, 0.325, 0.35)
HIGH = (0.375, 0.3875, 0.4, 0.4125, 0.425, 0.4375, 0.45, 0.4625, 0.475, 0.4875)

_SIN1D_HIGH = Signal("sin1d", frequencies=HIGH)
_DENSE = Signal("dot", share=1.0)
_IMAGE = Signal("resize")

COMBO = Task(
    "combo",
    (
        Stage((_SIN1D_HIGH, Signal("sin2d", frequencies=HIGH), _DENSE)),
        Stage((_SIN1D_HIGH, Signal("sin2d", frequencies=MIDDLE), _IMAGE)),
        Stage((_SIN1D_HIGH, _DENSE, _IMAGE)),
    ),
)
"""The hand-made mixture."""


def single(signal: Signal, title: str) -> Task:
    """The task that asks every stage for one and the same signal base."""
    stage = Stage((signal,))
    return Task(f"single {title}", (stage, stage, stage))


SINGLES = {
    "sin1d_middle": single(Signal("sin1d", frequencies=MIDDLE), "one-dimensional waves (middle)"),
    "sin1d_high": single(_SIN1D_HIGH, "one-dimensional waves (high)"),
    "sin2d_middle": single(Signal("sin2d", frequencies=MIDDLE), "plane waves (middle)"),
    "sin2d_high": single(Signal("sin2d", frequencies=HIGH), "plane waves (high)"),
    "dot": single(_DENSE, "dots"),
    "gdot": single(Signal("gdot", share=1.0), "smoothed dots"),
    "resize": single(_IMAGE, "images"),
}
"""Tasks of one base. The authors released such tasks for sequences only; for images they are made
alike, with the bands, density and level of the combined task."""

# frequencies of the waves of the searched tasks, in cycles per pixel
_101_FIRST = (0.0143, 0.0169, 0.0149, 0.0204, 0.0229, 0.0172, 0.0156, 0.0192, 0.0155, 0.0146)
_101_LINES = (0.2991, 0.3060, 0.3038, 0.2880, 0.2934, 0.2961, 0.3059, 0.2929, 0.3056, 0.2959)
_101_PLANES = (0.3798, 0.3818, 0.3583, 0.3276, 0.2649, 0.2808, 0.4205, 0.3414, 0.3036, 0.4203)
_101_LAST_LINES = (0.1539, 0.1057, 0.1066, 0.1576, 0.1337, 0.1051, 0.1319, 0.1318, 0.1028, 0.1094)
_101_LAST_PLANES = (0.1979, 0.2031, 0.1034, 0.2048, 0.1357, 0.2091, 0.2454, 0.0864, 0.1352, 0.1453)
_RESNET_FIRST = (0.3792, 0.3348, 0.3835, 0.2973, 0.3064, 0.3438, 0.2157, 0.3374, 0.3203, 0.2363)
_RESNET_SECOND = (0.1185, 0.2206, 0.0596, 0.2331, 0.2272, 0.2653, 0.1877, 0.1083, 0.1095, 0.0563)
_RESNET_LAST = (0.3785, 0.3794, 0.3447, 0.2706, 0.2607, 0.3945, 0.2793, 0.3832, 0.3228, 0.3014)

NASBENCH101 = Task(
    "searched on NAS-Bench-101",
    (
        Stage((Signal("sin2d", 1.1, _101_FIRST),), 1.0),
        Stage(
            (
                Signal("sin1d", 1.8, _101_LINES),
                Signal("sin2d", 2.9, _101_PLANES),
                Signal("gdot", 1.1, share=0.578),
                Signal("resize", 2.4),
            ),
            0.75,
        ),
        Stage(
            (
                Signal("sin1d", 1.5, _101_LAST_LINES, local=False),
                Signal("sin2d", 0.9, _101_LAST_PLANES, local=False),
                Signal("gdot", 2.1, share=0.4375, local=False),
                Signal("resize", 2.2),
            ),
            0.25,
        ),
    ),
    "uniform",
    0.1,
    milestones=(10, 20, 30, 50),
)
"""Found by the authors on 20 labelled NAS-Bench-101 networks; they use it for NAS-Bench-201 too."""

DARTS = Task(
    "searched on DARTS",
    (
        Stage((Signal("gdot", 1.6, share=0.5), Signal("resize", 1.3)), 1.25),
        Stage(
            (
                Signal("dot", 2.2, share=0.719),
                Signal("gdot", 1.0, share=0.609, local=False),
                Signal("resize", 2.1),
            ),
            0.5,
        ),
        Stage((Signal("gdot", 1.7, share=0.5625), Signal("resize", 0.5)), 1.25),
    ),
    "gaussian",
    0.2,
)
"""Found by the authors on 20 labelled networks of the NDS cell spaces."""

RESNET = Task(
    "searched on ResNet",
    (
        Stage(
            (
                Signal("sin1d", 1.1, _RESNET_FIRST, local=False),
                Signal("dot", 0.5, share=0.094, local=False),
            ),
            0.25,
        ),
        Stage(
            (
                Signal("sin2d", 1.2, _RESNET_SECOND),
                Signal("dot", 2.9, share=0.3125),
                Signal("resize", 2.3),
            ),
            0.25,
        ),
        Stage(
            (
                Signal("sin2d", 1.8, _RESNET_LAST),
                Signal("gdot", 2.1, share=0.5, local=False),
            ),
            0.5,
        ),
    ),
    "gaussian",
    0.9,
)
"""Found by the authors on 20 labelled networks of the ResNet and ResNeXt spaces."""
