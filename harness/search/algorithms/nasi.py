"""NASI: one step of the architecture weights towards a large, but not too large, tangent kernel."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from untrained.harness.search import (
    Asks,
    Incumbent,
    Parameter,
    Problem,
    Steps,
    register_searcher,
    supernet_gradient,
)
from untrained.harness.search.supernet.gradient import GumbelSoftmax, Penalty, RunningMaximum
from untrained.harness.search.supernet.opening import layout_of


@register_searcher(
    name="nasi",
    title="NASI",
    reference="Shu et al., NASI: Label- and Data-agnostic Neural Architecture Search at "
    "Initialization, ICLR 2022, Algorithm 1, eqs. 12-18",
    asks=frozenset({Asks.supernet_gradient}),
    deviations="The paper leaves three things to an appendix that we have not read: the "
    "temperature, whether samples are soft or one-hot, and how nu adapts. The first two are "
    "settings; the adaptive nu is ours and says so. The supernet is the search space's, also on "
    "DARTS, where the paper has a reduced one, with the layers' default initialisation and affine "
    "batch norms.",
)
def nasi(
    problem: Problem,
    rng: np.random.Generator,
    *,
    steps: Annotated[int, Parameter("T, draws of Gumbel noise, each with a batch", least=1)] = 100,
    mu: Annotated[
        float, Parameter("of the penalty: 1 flat above nu, 2 mirrored at nu", least=0)
    ] = 2.0,
    nu: Annotated[float, Parameter("the limit of the kernel's trace norm", least=0)] = 100.0,
    adaptive: Annotated[
        str, Parameter("whether nu follows the traces seen", choices=("no", "ours"))
    ] = "no",
    quantile: Annotated[
        float, Parameter("of the traces seen, which the adaptive nu is", least=0, most=1)
    ] = 0.9,
    labels: Annotated[str, Parameter("of the loss", choices=("true", "random"))] = "true",
    temperature: Annotated[float, Parameter("of the Gumbel-softmax", least=1e-6)] = 1.0,
    sampling: Annotated[
        str,
        Parameter(
            "weights of the supernet: the softmax, or one operation an edge with the "
            "softmax's derivative",
            choices=("soft", "straight_through"),
        ),
    ] = "soft",
    radius: Annotated[float, Parameter("xi, of the step", least=0)] = 1.0,
) -> Steps:
    """The weights of the one-shot network are drawn once and never trained.

    With alpha_0 = 0 and T~ the squared gradient norm of the mean loss of a batch,

        R = T~ - mu max(0, T~ - nu)
        G_t = dR / d alpha_0 at the supernet of Gumbel-softmax(alpha_0, noise_t), t = 1..T
        alpha* = (radius / T) sum_t G_t / max(|G_1|, ..., |G_t|)

    and the answer is the likeliest architecture under alpha*: on each edge the largest alpha; on
    DARTS the two edges of each node whose largest alpha (without `none`) is largest.

    The adaptive nu is ours: in step t > 1 it is a quantile of T~_1, ..., T~_{t-1}, in step 1 the
    given one. It puts the limit where this supernet's own largest traces lie, whatever its size.

    Logged are the trace, nu, R and the norm of G_t of each step.
    """
    layout = layout_of(problem)
    draw = int(rng.integers(2**31))
    alpha = np.zeros(layout.shape)
    penalty = Penalty(mu, nu, quantile=quantile if adaptive == "ours" else None)
    update = RunningMaximum(layout.shape)
    for step in range(steps):
        sample = GumbelSoftmax.draw(
            alpha, rng, temperature=temperature, hard=sampling == "straight_through"
        )
        trace = yield from supernet_gradient(sample.weights, draw, batch=step, labels=labels)
        reward = penalty.reward(trace.value)
        slope = penalty.slope(trace.value) * sample.backward(trace.gradient)
        limit = penalty.nu
        penalty.see(trace.value)
        update.add(slope)
        yield Incumbent(
            layout.derive(alpha + radius * update.mean),
            {
                "trace": trace.value,
                "nu": limit,
                "reward": reward,
                "gradient_norm": float(np.linalg.norm(slope)),
            },
        )
    return None
