"""The noise that a task adds to what a network sees."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from untrained.indicators.regression.tasks import NoiseKind


def noise_like(
    inputs: Tensor, kind: NoiseKind, level: float
) -> Callable[[torch.Generator], Tensor] | None:
    """What draws noise for these inputs: uniform in (-level, level), or level times a normal.

    Args:
        inputs: what it is added to, of any shape.
        kind: the distribution.
        level: a in U(-a, a) or a N(0, 1).

    Returns:
        A function of a CPU generator, whose result has the inputs' shape, device and type and is
        drawn in float64, so that it does not depend on the latter two; None at level 0.
    """
    if not level:
        return None

    def draw(generator: torch.Generator) -> Tensor:
        if kind == "gaussian":
            drawn = torch.randn(inputs.shape, generator=generator, dtype=torch.float64)
        else:
            drawn = 2 * torch.rand(inputs.shape, generator=generator, dtype=torch.float64) - 1
        return (level * drawn).to(inputs)

    return draw
