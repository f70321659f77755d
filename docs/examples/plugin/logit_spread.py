"""An indicator for untrained that lives in a package of its own."""

from __future__ import annotations

import torch

from untrained.indicators import Measurement, Protocol, indicator


@indicator(
    title="Logit spread",
    formula="ln mean_k var_b f_k(x_b)",
    reference="an example, unpublished, 2026",
    protocol=Protocol(batch_size=64, labels="none"),
    cost="1 forward",
    class_invariant=True,
)
def logit_spread(m: Measurement) -> float:
    """How much the logits differ from image to image; -inf where they do not differ at all."""
    with torch.no_grad():
        logits = m.network(m.inputs).double()
    return float(logits.var(dim=0, unbiased=False).mean().log())
