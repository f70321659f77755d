"""Gradients of single samples' logits with batch normalisation's statistics held constant."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, vmap
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from untrained.foundation import Unsupported
from untrained.indicators import Measurement, quantity
from untrained.indicators.framework.measurement import attributes_kept
from untrained.indicators.quantities.forward import check_separate, live_cells, logits_of
from untrained.indicators.quantities.logit_gradients import Gradients, weights_of
from untrained.indicators.quantities.quiet import quiet

Statistics = tuple[Tensor | None, Tensor | None]
_SIGNATURE = inspect.signature(functional.batch_norm)
_POSITIONS = (
    *("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps"),
    "cudnn_enabled",
)
"""The arguments of `torch.batch_norm`, which come in another order."""
_SAME = 1e-3
"""Relative; float32 logits of whole batches and of single samples differ by rounding, 1e-6."""
_OF_INSTANCE = inspect.signature(functional.instance_norm)


class _NormalisationReplaced(TorchFunctionMode):
    """Batch normalisation is done by a function of the arguments of `functional.batch_norm`."""

    def __init__(self, replacement: Callable[[dict[str, Any]], Tensor]) -> None:
        super().__init__()
        self._replacement = replacement

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is functional.instance_norm:  # nor can this one's
            given = _OF_INSTANCE.bind(*args, **(kwargs or {})).arguments
            if given.get("use_input_stats", True):
                given = {**given, "running_mean": None, "running_var": None}
            return func(**given)
        if func is torch.batch_norm:
            kwargs = {**dict(zip(_POSITIONS, args, strict=False)), **(kwargs or {})}
            kwargs.pop("cudnn_enabled", None)
            args = ()
        elif func is not functional.batch_norm:
            return func(*args, **(kwargs or {}))
        bound = _SIGNATURE.bind(*args, **(kwargs or {}))
        bound.apply_defaults()
        return self._replacement(bound.arguments)


def _statistics(m: Measurement) -> tuple[list[Statistics], Tensor]:
    """Mean and variance that each batch normalisation uses on the first batch, in call order.

    And the logits, (B, classes).
    """
    seen: list[Statistics] = []

    def record(arguments: dict[str, Any]) -> Tensor:
        if arguments["training"]:
            x: Tensor = arguments["input"]
            others = [axis for axis in range(x.dim()) if axis != 1]
            seen.append((x.mean(others), x.var(others, unbiased=False)))
        else:
            seen.append((arguments["running_mean"], arguments["running_var"]))
        return functional.batch_norm(**arguments)

    with torch.no_grad(), live_cells(m), _NormalisationReplaced(record):
        logits = logits_of(m.network, m.inputs.clone())
    return seen, logits


@quantity
def frozen_gradients(m: Measurement) -> Gradients:
    """d(sum_k f_k(x_i))/dW for each sample of the first batch, statistics held constant.

    The logits are those of the whole batch, but no gradient runs through the means and variances
    of its batch normalisations. Then a sample's logits depend on that sample alone, and one
    vectorised forward and backward pass gives all rows, instead of one pass of the whole batch a
    sample. W: `weights_of`. B times the weights' memory.

    Raises:
        Unsupported: samples meet in something else than a batch normalisation, or torch.func has
            no rule for something that the network calls.
    """
    check_separate(m.network)
    weights = {name: weight.detach() for name, weight in weights_of(m).items()}
    statistics, logits = _statistics(m)

    def output(values: dict[str, Tensor], sample: Tensor) -> Tensor:
        constants: Iterator[Statistics] = iter(statistics)

        def normalise(arguments: dict[str, Any]) -> Tensor:
            mean, variance = next(constants)
            given = {"running_mean": mean, "running_var": variance, "training": False}
            return functional.batch_norm(**{**arguments, **given})

        with _NormalisationReplaced(normalise):
            logits: Tensor = functional_call(m.network, values, (sample[None],))
        return logits.sum()

    # a running mean cannot be written to inside vmap
    with m.batch_norms_evaluated(), live_cells(m), attributes_kept(m.network.modules()), quiet():
        try:
            rows, sums = vmap(grad_and_value(output), (None, 0))(weights, m.inputs)
        except RuntimeError:  # something that the network calls has no rule for a batch of batches
            try:
                each = [grad_and_value(output)(weights, sample) for sample in m.inputs]
            except RuntimeError as error:
                reason = str(error).splitlines()[0]
                raise Unsupported(f"torch.func cannot take the gradients: {reason}") from error
            rows = {name: torch.stack([one[name] for one, _ in each]) for name in weights}
            sums = torch.stack([value for _, value in each])
    scale = logits.abs().sum(1) + torch.finfo(logits.dtype).tiny
    others = ((sums - logits.sum(1)).abs() > _SAME * scale) & logits.isfinite().all()
    if others.any():
        raise Unsupported(
            "a sample's logits change with the other samples although the statistics of its batch "
            "normalisations are held constant; write a batch normalisation as a function of torch, "
            "as torch.nn.functional.batch_norm"
        )
    return {name: row.detach().flatten(1) for name, row in rows.items()}
