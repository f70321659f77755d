"""NASI's objective on a supernet: trace, penalty, Gumbel sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor
from torch.nn import functional

from untrained.spaces.framework.supernet import Supernet


def squared_gradient_norm(
    supernet: Supernet, inputs: Tensor, labels: Tensor, weights: Tensor
) -> tuple[float, Tensor]:
    """T~ = || d(mean_B L)/d theta ||_2^2 and dT~/dw, exactly: a gradient of a gradient.

    L is the cross-entropy, theta all parameters of the supernet, those of operations with weight
    zero too: they get no gradient themselves, but dT~/dw tells what a little weight would change.
    Reference: Shu et al., "NASI", ICLR 2022, eq. 12 and 13.

    Args:
        supernet: in the mode that it is to be measured in; it is left as it is but for running
            statistics.
        inputs: (B, channels, H, W).
        labels: class indices (B,).
        weights: w, (edges, operations).

    Returns:
        T~, and (edges, operations).
    """
    w = weights.detach().clone().requires_grad_()
    parameters = [p for p in supernet.parameters() if p.requires_grad]
    with torch.enable_grad():
        loss = functional.cross_entropy(supernet(inputs, w), labels)
        gradients = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
        trace = torch.stack([g.square().sum() for g in gradients if g is not None]).sum()
        [slope] = torch.autograd.grad(trace, [w], allow_unused=True, materialize_grads=True)
    return trace.item(), slope


class Penalty:
    """R = T - mu max(0, T - nu); eq. 13 of the NASI paper.

    mu = 1 is flat above nu; mu = 2 falls above nu as it rises below, so that R is largest at nu.
    With a quantile, nu is that of all traces seen so far (ours, the paper's rule is unknown to
    us), and the given one before the first.
    """

    def __init__(self, mu: float, nu: float, *, quantile: float | None = None) -> None:
        """Begin with this nu."""
        self._mu = mu
        self.nu = nu
        self._quantile = quantile
        self._seen: list[float] = []

    def reward(self, trace: float) -> float:
        """R of T."""
        return trace - self._mu * max(0.0, trace - self.nu)

    def slope(self, trace: float) -> float:
        """dR/dT; at nu itself that from below."""
        return 1.0 - self._mu if trace > self.nu else 1.0

    def see(self, trace: float) -> None:
        """Take a trace into account from the next step on."""
        self._seen.append(trace)
        if self._quantile is not None:
            self.nu = float(np.quantile(self._seen, self._quantile))


class RunningMaximum:
    """sum_t G_t / max(|G_1|, ..., |G_t|) over the number of gradients; eq. 18 of the NASI paper."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Begin with no gradient."""
        self._sum = np.zeros(shape)
        self._largest = 0.0
        self._number = 0

    def add(self, gradient: NDArray[np.float64]) -> None:
        """Take in G_t; one that is not finite counts as zero, for it shows no direction.

        Args:
            gradient: of the shape of the others.
        """
        self._number += 1
        norm = float(np.linalg.norm(gradient))
        if not np.isfinite(norm):
            return
        self._largest = max(self._largest, norm)
        if self._largest > 0:
            self._sum += gradient / self._largest

    @property
    def mean(self) -> NDArray[np.float64]:
        """Zeros before the first."""
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
        cls,
        alpha: NDArray[np.float64],
        rng: np.random.Generator,
        *,
        temperature: float,
        hard: bool,
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
        """The gradient by alpha, of one by the weights.

        For one-hot weights it is that of the softmax (straight through).

        Args:
            gradient: (edges, operations).
        """
        mean = (self.soft * gradient).sum(1, keepdims=True)
        slope: NDArray[np.float64] = self.soft * (gradient - mean) / self.temperature
        return slope
