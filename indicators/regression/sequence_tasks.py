"""Regression tasks of GenNAS on sequences: which signals go in and which are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from untrained.indicators.regression.tasks import HIGH, MIDDLE, NoiseKind, Signal


@dataclass(frozen=True, slots=True)
class SequenceTask:
    """Sequences of signals, the sequences wanted for them, and the noise on the former."""

    name: str
    given: tuple[Signal, ...]
    wanted: tuple[Signal, ...]
    width: int = 64
    """d, the features of a time step."""
    noise: NoiseKind = "uniform"
    noise_level: float = 0.0
    milestones: tuple[int, ...] = ()
    """Numbers of steps at which its training is kept, to be looked at and gone on from."""


NLP = SequenceTask(
    "sequences, searched on NAS-Bench-NLP",
    (
        Signal(
            "sin2d",
            2.6,
            (
                *(0.1955, 0.2282, 0.1843, 0.2073, 0.2208),
                *(0.1345, 0.1703, 0.2230, 0.1903, 0.1915),
            ),
        ),
    ),
    (
        Signal(
            "sin2d",
            0.8,
            (
                *(0.1722, 0.1701, 0.1686, 0.1655, 0.1647),
                *(0.1702, 0.1642, 0.1771, 0.1712, 0.1723),
            ),
        ),
        Signal("gdot", 0.7, share=0.863),
    ),
    48,
    "uniform",
    0.6,
)
"""Found by the authors on 20 labelled networks of NAS-Bench-NLP."""

_MIXTURE = (Signal("sin1d", frequencies=MIDDLE), Signal("sin2d", frequencies=MIDDLE))

NLP_COMBO = SequenceTask("sequences, combined", _MIXTURE, _MIXTURE)
"""The hand-made mixture; in and out are different draws of the same signals."""


def single(signal: Signal, title: str) -> SequenceTask:
    """The task that gives and asks for one and the same signal base.

    Args:
        signal: the base; in and out are different draws of it.
        title: its name in words.

    Returns:
        The task.
    """
    return SequenceTask(f"sequences, single {title}", (signal,), (signal,))


NLP_SINGLES = {
    "sin1d_middle": single(Signal("sin1d", frequencies=MIDDLE), "one-dimensional waves (middle)"),
    "sin1d_high": single(Signal("sin1d", frequencies=HIGH), "one-dimensional waves (high)"),
    "sin2d_middle": single(Signal("sin2d", frequencies=MIDDLE), "plane waves (middle)"),
    "sin2d_high": single(Signal("sin2d", frequencies=HIGH), "plane waves (high)"),
    "dot": single(Signal("dot", share=1.0), "dots"),
}
"""The released tasks of one base; `dot` is the one that the authors call the best of them."""
