"""KNAS: the mean of the Gram matrix of gradients."""

from __future__ import annotations

from untrained.indicators import Measurement, Need, Protocol, indicator
from untrained.indicators.framework.devices import numbers
from untrained.indicators.quantities.loss_gradients import layer_gradients


@indicator(
    title="KNAS",
    formula="mean over conv and linear layers of (1/B^2) sum_ij <dL_i/dW, dL_j/dW>",
    reference="Xu et al., KNAS: Green Neural Architecture Search, ICML 2021, mean of the Gram "
    "matrix (MGM)",
    needs={Need.LABELS, Need.GRADIENTS},
    protocol=Protocol(batch_size=64),
    cost="1 forward, 1 backward",
    deviations="All layers and weights, all pairs of samples of one batch. The authors' code takes "
    "the gradients of the losses of 50 batches, pairs the first 25 with the last 25, subtracts "
    "each half's mean, and looks at 50 weights of each of the first 11 tensors.",
)
def knas(m: Measurement) -> float:
    """The mean entry of the Gram matrix of samples' loss gradients, averaged over layers.

    The mean over all pairs is the squared norm of the gradient of the mean loss, so that one
    backward pass is enough. L_i is the cross-entropy of sample i under the batch's statistics.
    """
    squares = numbers(gradient.double().square().sum() for _, gradient in layer_gradients(m))
    return sum(squares) / len(squares)
