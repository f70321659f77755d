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
