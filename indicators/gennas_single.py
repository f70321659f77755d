"""GenNAS, single tasks: every stage regresses one and the same signal base."""

from __future__ import annotations

from untrained.indicators.gennas_combo import (
    DEVIATIONS,
    FORMULA,
    NEEDS,
    PROTOCOL,
    REFERENCE,
    STEPS,
)
from untrained.indicators.indicator import Indicator, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.regression.tasks import HIGH, MIDDLE, Signal, single
from untrained.indicators.regression.training import regression_loss

SINGLES = {
    "gennas_sin1d_middle": Signal("sin1d", frequencies=MIDDLE),
    "gennas_sin1d_high": Signal("sin1d", frequencies=HIGH),
    "gennas_sin2d_middle": Signal("sin2d", frequencies=MIDDLE),
    "gennas_sin2d_high": Signal("sin2d", frequencies=HIGH),
    "gennas_dot": Signal("dot", share=1.0),
    "gennas_gdot": Signal("gdot", share=1.0),
    "gennas_resize": Signal("resize"),
}


def _register(name: str, signal: Signal) -> Indicator:
    task = single(signal)

    def loss(m: Measurement) -> float:
        """Final loss of a copy of the network on the single task."""
        return regression_loss(m, task, steps=STEPS)

    loss.__name__ = name
    words = name.removeprefix("gennas_").replace("_", ", ")
    return indicator(
        title=f"GenNAS, {words} alone",
        formula=FORMULA,
        reference=REFERENCE,
        needs=NEEDS,
        higher_is_better=False,
        protocol=PROTOCOL,
        deviations="The authors released no single-base task for images: bands and dot density are "
        f"those of their combined and sequence tasks, level 1, no noise. {DEVIATIONS}",
    )(loss)


gennas_single = {name: _register(name, signal) for name, signal in SINGLES.items()}
