"""NASWOT over the ReLUs that matter."""

from __future__ import annotations

import torch

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.naswot import PROTOCOL, log_determinant
from untrained.indicators.quantities.live_relus import live_relus
from untrained.indicators.quantities.relu_kernels import relu_kernels


@indicator(
    title="NASWOT, live ReLUs",
    formula="ln |det K_H| over the ReLUs on a path from the input to the logits",
    reference="a variant of Mellor et al., ICML 2021, of this project",
    needs={Need.RELU, Need.GRADIENTS},
    protocol=PROTOCOL,
    cost="2 forward, 1 backward",
    family=Family.NASWOT,
    class_invariant=True,
    deviations="Not the paper's score: ReLUs behind a zeroed edge or fed by a constant are left "
    "out, so that all architectures of one function score alike.",
)
def naswot_live(m: Measurement) -> float:
    """NASWOT's log-determinant over live ReLUs only; -inf when none is live."""
    pairs = zip(relu_kernels(m), live_relus(m), strict=True)
    live = [kernel.agreeing for kernel, is_live in pairs if is_live]
    return log_determinant(torch.stack(live).sum(0)) if live else float("-inf")
