"""Condition number of the tangent kernel of the true class's logit."""

from __future__ import annotations

from untrained.indicators.indicator import Family, Need, indicator
from untrained.indicators.measurement import Measurement
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantities.logit_gradients import label_logits, parameters_of, rows_of
from untrained.indicators.quantities.tangent_kernel import condition_number, kernel


@indicator(
    title="NTK condition number, label logit",
    formula="lambda_max / lambda_min of K, K[i,j] = <g_i, g_j>, g_i = d f_{y(i)}(x_i)/d theta",
    reference="Shu et al., Unifying and Boosting Gradient-Based Training-Free NAS (HNAS), "
    "NeurIPS 2022, kappa",
    needs={Need.LABELS, Need.GRADIENTS},
    higher_is_better=False,
    protocol=Protocol(batch_size=64),
    cost="1 forward, B backward",
    family=Family.TE_NAS,
    deviations="The kernel of ntk_trace_label: exact gradients of single logits through the batch "
    "statistics, over all parameters, where the authors' code looks at convolutional and linear "
    "layers only. Eigenvalues in float64, and a singular kernel has no score; the authors' code "
    "sets what is no number to 1e5.",
)
def ntk_condition_label(m: Measurement) -> float:
    """Kappa of the B x B kernel whose trace norm is ntk_trace_label's: B backward passes.

    All gradients are held at once, B times the parameters. Biases and batch-norm shifts count,
    also the shift of a batch norm fed by zeros; so architectures of one function may differ.

    Raises:
        Unsupported: a label is no class of the network, or there is one sample.
        Diverged: the kernel is singular.
    """
    gradients = rows_of(label_logits(m), parameters_of(m))
    return condition_number(kernel(gradients, gradients), m.dtype)
