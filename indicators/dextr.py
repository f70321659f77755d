"""Dextr: the feature maps' smallest singular values, and the curvature of a circle's image."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from untrained.foundation import Unsupported
from untrained.indicators import Diverged, Measurement, Protocol, indicator, quantity
from untrained.indicators.framework.devices import on_cpu
from untrained.indicators.jets.jet import Jet, NoRule
from untrained.indicators.quantities.first_sample_maps import first_sample_maps
from untrained.indicators.quantities.forward import live_cells, logits_of
from untrained.indicators.quantities.quiet import quiet


@indicator(
    title="Dextr",
    formula="S E / (S + E), S = ln(1 + sum over layers of s_min / s_max of the map (C, H W)), "
    "E = ln(1 + curvature of the logits along a circle of inputs)",
    reference="Asthana et al., Beyond the Surface: Dextr, Zero-Shot NAS with SVD and Extrinsic "
    "Curvature, TMLR 2025, arXiv:2508.12977",
    protocol=Protocol(batch_size=1, labels="none"),
    cost="2 forward",
    deviations="A network without a curvature is diverged, where the authors' code goes on with S "
    "alone. Each layer (a module without children) that returns a map counts once; their hooks "
    "count every container as well, and the logits, whose ratio is 1. The curvature is of all "
    "logits; theirs is of ten drawn with replacement. The circle is one draw a data seed for all "
    "networks.",
)
def dextr(m: Measurement) -> float:
    """Harmonic combination of convergence and expressivity, of one input and one point of a circle.

    The circle is spanned by two orthonormal inputs, of which the first is the point; a batch of one
    is normalised by its positions. A map of zeros adds 0.

    Raises:
        Unsupported: no layer returns a map.
        Diverged: the output does not move along the circle.
    """
    spectra = [
        torch.linalg.svdvals(rows) for rows in on_cpu(one.double() for one in first_sample_maps(m))
    ]
    ratios = [float(s[-1] / s[0]) if s[0] > 0 else 0.0 for s in spectra]
    v, a = curve_derivatives(m)
    speed, bend, along = (float(x @ y) for x, y in ((v, v), (a, a), (v, a)))
    if not speed > 0:
        raise Diverged("the output does not move along the circle, so that it has no curvature")
    curvature = math.sqrt(max(speed * bend - along**2, 0)) / speed**1.5
    s, e = math.log1p(sum(ratios)), math.log1p(curvature)
    return s * e / (s + e) if s + e > 0 else 0.0


@quantity
def curve_derivatives(m: Measurement) -> tuple[Tensor, Tensor]:
    """First and second derivative of the logits, (K,) float64, along the circle at its first point.

    Raises:
        Unsupported: the inputs are no real numbers, or a second derivative is not known.
    """
    if not m.inputs.is_floating_point():
        raise Unsupported(f"the inputs are whole numbers ({m.inputs.dtype}), which have no circle")
    shape = m.inputs.shape[1:]
    draw = torch.randn(2, shape.numel(), generator=m.data_generator("dextr"), dtype=torch.float64)
    first = draw[0] / draw[0].norm()
    second = draw[1] - (draw[1] @ first) * first
    x, y = (one.reshape(1, *shape).to(m.inputs) for one in (first, second / second.norm()))
    try:
        found = _by_jets(m, x, y)
    except NoRule:
        found = _by_autograd(m, x, y)
    return found[0].double().cpu(), found[1].double().cpu()


def _by_jets(m: Measurement, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    with torch.no_grad(), live_cells(m), quiet():
        logits = m.network(Jet(x.clone(), y.clone(), y.clone(), -x))
    if not isinstance(logits, Jet) or logits.dim() != 2:
        raise NoRule("the logits do not depend on the input")
    value, v, _, a = logits.parts
    if not torch.isfinite(value).all():
        raise Diverged("the network's logits are not finite")
    return tuple(torch.zeros_like(value[0]) if t is None else t[0] for t in (v, a))  # type: ignore[return-value]


def _by_autograd(m: Measurement, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    angle = torch.zeros((), dtype=x.dtype, device=x.device, requires_grad=True)
    with live_cells(m):
        logits = logits_of(m.network, x * torch.cos(angle) + y * torch.sin(angle))[0]
    v, a = torch.zeros_like(logits), torch.zeros_like(logits)
    for place, logit in enumerate(logits):
        (slope,) = torch.autograd.grad(
            logit, angle, create_graph=True, materialize_grads=True, allow_unused=True
        )
        v[place] = slope.detach()
        if slope.requires_grad:
            try:
                (bend,) = torch.autograd.grad(
                    slope, angle, retain_graph=True, materialize_grads=True, allow_unused=True
                )
            except RuntimeError as error:
                if "is not implemented" not in str(error):
                    raise
                raise Unsupported(
                    f"torch has no second derivative of an operation: {error}"
                ) from error
            a[place] = bend
    return v.detach(), a.detach()
