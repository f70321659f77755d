"""NASI: one step of the architecture weights towards a large, but not too large, tangent kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from untrained.harness.search import (
    Asks,
    Incumbent,
    Parameter,
    Problem,
    Steps,
    register_searcher,
    supernet_gradient,
)


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
    """Make one step of the architecture weights of a one-shot network that is never trained.

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
    layout = problem.supernet_layout
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


class Penalty:
    """R = T - mu max(0, T - nu); eq. 13 of the NASI paper.

    mu = 1 is flat above nu; mu = 2 falls above nu as it rises below, so that R is largest at nu.
    With a quantile, nu is that of all traces so far (ours, the paper's rule is unknown to us), and
    the given one before the first.
    """

    def __init__(self, mu: float, nu: float, *, quantile: float | None = None) -> None:
        """Start with this nu."""
        self._mu = mu
        self.nu = nu
        self._quantile = quantile
        self._seen: list[float] = []

    def reward(self, trace: float) -> float:
        """Compute R of T."""
        return trace - self._mu * max(0.0, trace - self.nu)

    def slope(self, trace: float) -> float:
        """Compute dR/dT; at nu itself the one from below."""
        return 1.0 - self._mu if trace > self.nu else 1.0

    def see(self, trace: float) -> None:
        """Add a trace, which counts from the next step on."""
        self._seen.append(trace)
        if self._quantile is not None:
            self.nu = float(np.quantile(self._seen, self._quantile))


class RunningMaximum:
    """sum_t G_t / max(|G_1|, ..., |G_t|) over the number of gradients; eq. 18 of the NASI paper."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Start without a gradient."""
        self._sum = np.zeros(shape)
        self._largest = 0.0
        self._number = 0

    def add(self, gradient: NDArray[np.float64]) -> None:
        """Add G_t; one that is not finite counts as zero: it has no direction."""
        self._number += 1
        norm = math.hypot(*gradient.flat)  # which squares no small number to zero
        if not np.isfinite(norm):
            return
        self._largest = max(self._largest, norm)
        if self._largest > 0:
            self._sum += gradient / self._largest

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean; zeros before the first gradient."""
        result: NDArray[np.float64] = self._sum / max(self._number, 1)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class GumbelSoftmax:
    """One draw: softmax((alpha + g) / temperature) of each edge, g ~ Gumbel(0, 1).

    Reference: Jang et al., "Categorical Reparameterization with Gumbel-Softmax", ICLR 2017.
    """

    soft: NDArray[np.float64]
    """(edges, operations)."""
    weights: NDArray[np.float64]
    """`soft`, or one-hot at its largest."""
    temperature: float

    @classmethod
    def draw(
        cls, alpha: NDArray[np.float64], rng: np.random.Generator, *, temperature: float, hard: bool
    ) -> GumbelSoftmax:
        """Draw the weights of all edges.

        Args:
            alpha: (edges, operations).
            temperature: above 0.
        """
        soft = softmax((alpha + rng.gumbel(size=alpha.shape)) / temperature, axis=1)
        weights = np.eye(alpha.shape[1])[soft.argmax(1)] if hard else soft
        return cls(soft, weights, temperature)

    def backward(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the gradient by alpha from that by the weights.

        One-hot weights have the gradient of the softmax (straight through).

        Args:
            gradient: (edges, operations).
        """
        mean = (self.soft * gradient).sum(1, keepdims=True)
        slope: NDArray[np.float64] = self.soft * (gradient - mean) / self.temperature
        return slope
