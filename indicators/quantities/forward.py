"""The forward pass that gradients are taken through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from untrained.foundation import Unsupported
from untrained.indicators import Diverged, Measurement, quantity
from untrained.indicators.account.account import Account
from untrained.indicators.account.applications import Application
from untrained.indicators.quantities.layer_outputs import Output, outputs_of
from untrained.indicators.quantities.quiet import quiet


@dataclass(frozen=True, slots=True)
class Forward:
    """One forward pass of the first batch, with its graph."""

    inputs: Tensor
    """Leaf with a gradient, (B, C, H, W)."""
    logits: Tensor
    """(B, classes)."""
    layers: list[Application]
    """Every application of a linear map, in order; without those that cannot reach the logits,
    where a network's cells can tell (`live_cells`)."""
    blocks: list[Output]
    """What the stem and each cell returned, in order; empty for a network without them."""
    account: Account


def logits_of(
    network: nn.Module, inputs: Tensor, watch: AbstractContextManager[Any] | None = None
) -> Tensor:
    """The network's logits, checked.

    Args:
        inputs: a batch (B, ...).
        watch: what is entered around the pass, and around nothing else.

    Returns:
        The logits, (B, classes), all finite.

    Raises:
        Unsupported: the network returns something else than logits of that shape, or normalises
            over a batch of one, or draws random numbers.
        Diverged: a logit is infinite or NaN.
    """
    with one_sample_refused(inputs, network.training), watch or nullcontext(), quiet():
        logits = network(inputs)
    if not isinstance(logits, Tensor):
        raise Unsupported(
            f"the network returns a {type(logits).__name__}; indicators need one tensor of logits "
            "(batch, classes): wrap the network so that it returns only that"
        )
    if logits.dim() != 2 or logits.shape[0] != inputs.shape[0]:
        raise Unsupported(
            f"the network returns a tensor of shape {tuple(logits.shape)} for a batch of "
            f"{inputs.shape[0]}; indicators need logits (batch, classes)"
        )
    if not torch.isfinite(logits).all():
        raise Diverged("the network's logits are not finite")
    return logits


@contextmanager
def one_sample_refused(inputs: Tensor, training: bool) -> Iterator[None]:
    """While entered, the error of a batch norm that gets one value a channel is `Unsupported`.

    Args:
        inputs: of the pass inside.
        training: whether batch norms use statistics of the batch.
    """
    try:
        yield
    except ValueError as error:
        if inputs.shape[0] > 1 or not training:
            raise
        raise Unsupported(f"a batch of one cannot be normalised: {error}") from error


def check_separate(network: nn.Module) -> None:
    """Refuse a network that declares, by `joins_samples`, that its samples depend on each other.

    Batch normalisation is not meant: an indicator says itself what it does with it.

    Raises:
        Unsupported: the network declares it.
    """
    if getattr(network, "joins_samples", False):
        raise Unsupported(
            "this indicator takes each sample by itself, and the network's logits of a sample "
            "depend on the others, as those of a node on its neighbours"
        )


@contextmanager
def live_cells(m: Measurement) -> Iterator[None]:
    """While entered, cells that can do so leave out what cannot reach their output.

    The logits and all their derivatives stay what they are. What is computed on the way does not:
    an operation whose result is multiplied by zero is not applied, and a ReLU once a node.
    A cell is a module of the network's `cells` that has a method `has_live_form`, which says
    whether that holds for its weights, and heeds its attribute `live`.
    """
    cells = [cell for cell in getattr(m.network, "cells", ()) if hasattr(cell, "has_live_form")]
    cells = [cell for cell in cells if cell.has_live_form()]
    for cell in cells:
        cell.live = True
    try:
        yield
    finally:
        for cell in cells:
            del cell.live


def as_real(tensor: Tensor) -> Tensor:
    """The tensor, a complex one as twice as many real numbers: its parts."""
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def gradients_of(value: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The gradients of a scalar; zeros where it does not depend on a tensor. Keeps the graph."""
    if not tensors or not value.requires_grad:
        return tuple(torch.zeros_like(tensor) for tensor in tensors)
    return torch.autograd.grad(
        value, tensors, retain_graph=True, allow_unused=True, materialize_grads=True
    )


@quantity
def forward(m: Measurement) -> Forward:
    """The first batch's forward pass; every gradient of the network shares its graph.

    A batch of whole numbers, as of words, has no gradient.
    """
    leaf = m.inputs.detach().clone()
    if leaf.is_floating_point() or leaf.is_complex():
        leaf.requires_grad_()
    # a second copy: a network may write to its input, and a leaf cannot be written to
    inputs = leaf.clone()
    account = Account(m.network, inputs)
    with live_cells(m), outputs_of(m.network, _blocks(m.network)) as of_blocks:
        account.logits = logits = logits_of(m.network, inputs, account)
    account.check_reached()
    return Forward(leaf, logits, account.maps, of_blocks, account)


def _blocks(network: nn.Module) -> list[nn.Module]:
    """The stem and the cells of a network that has both, as those of the search spaces do."""
    stem, cells = getattr(network, "stem", None), getattr(network, "cells", None)
    if isinstance(stem, nn.Module) and isinstance(cells, nn.ModuleList | nn.Sequential):
        return [stem, *cells]
    return []
