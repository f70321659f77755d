"""The gradient of the outputs with respect to the inputs."""

from __future__ import annotations

from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.quantities.forward import forward, gradients_of


@quantity
def input_jacobian(m: Measurement) -> Tensor:
    """d(sum of all logits)/d(inputs), one row a sample: (B, C*H*W).

    Under batch statistics a logit depends on the whole batch; the sum is over all of them.

    Raises:
        Unsupported: the inputs are whole numbers, as words are.
    """
    passed = forward(m)
    if not passed.inputs.requires_grad:
        raise Unsupported(
            f"the inputs are whole numbers ({passed.inputs.dtype}), with respect to which there is "
            "no gradient"
        )
    (gradient,) = gradients_of(passed.logits.sum(), [passed.inputs])
    return gradient.flatten(1)
