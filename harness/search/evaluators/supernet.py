"""An evaluator that measures the supernet: scores of restricted ones, NASI's objective."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from untrained.foundation import Unsupported, UserError, derive
from untrained.harness.data.inputs import batches_on
from untrained.harness.execution.executors import isolated
from untrained.harness.search.evaluators.evaluator import Evaluator
from untrained.harness.search.problem import Problem
from untrained.harness.search.requests import (
    CostlyRequest,
    Gradient,
    Scored,
    ScoredSupernet,
    SupernetGradient,
    Trained,
)
from untrained.harness.study.conditions import resolve
from untrained.harness.study.study import Conditions
from untrained.indicators import Measurement, Protocol, indicators, read
from untrained.indicators.framework.devices import move
from untrained.indicators.framework.reading import value_of
from untrained.spaces import Architecture, SearchSpace, find_initialisation, initialise
from untrained.spaces.framework.supernet import Supernet
from untrained.spaces.framework.supernet_layout import OperationMask

_KEPT = 8
"""Number of supernets that stay in memory: a search alternates between a few draws."""


def squared_gradient_norm(
    supernet: Supernet, inputs: Tensor, labels: Tensor, weights: Tensor
) -> tuple[float, Tensor]:
    """Compute T~ = || d(mean_B L)/d theta ||_2^2 and dT~/dw exactly, by double backpropagation.

    L is the cross-entropy, theta all parameters of the supernet, also those of operations with
    weight zero: they get no gradient, but dT~/dw shows the effect of a small weight.
    Reference: Shu et al., "NASI", ICLR 2022, eq. 12 and 13.

    Args:
        supernet: in the mode of the measurement; only its running statistics change.
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


class SupernetMeter:
    """Measures the supernets of a space under some conditions, drawn on request.

    A draw is a set of weights and of batches: measurements of one draw differ in the architecture
    alone. Networks have the size of each indicator's protocol, but at least as many cells as show
    every kind of cell.
    """

    def __init__(
        self, space: SearchSpace, conditions: Conditions, *, seed: int = 0, device: str = "cpu"
    ) -> None:
        """Check the space and the conditions.

        Raises:
            UserError: the space has no supernet, or the conditions do not exist.
        """
        if conditions.initialisation is not None:
            find_initialisation(conditions.initialisation)
        conditions.find_dataset()
        try:
            self.layout = space.supernet_layout
        except Unsupported as missing:
            raise UserError(str(missing)) from None
        self._space = space
        self._conditions = conditions
        self._seed = seed
        self._device = device
        self._supernets: dict[Hashable, Supernet] = {}

    def scores(self, mask: str, names: Sequence[str], draw: int) -> tuple[float, ...]:
        """Measure indicators of a restricted supernet.

        Args:
            mask: the remaining operations, in the notation of `OperationMask`.

        Returns:
            One score per indicator; NaN where the network's numbers are not finite, or a kernel is
            singular.

        Raises:
            MalformedInput: the mask cannot be read.
            UserError: an indicator does not exist for such a network.
            MemoryError: there is not enough memory.
            UntrainedError: an indicator failed for another reason, which the message gives.
        """
        part = OperationMask.parse(self.layout, mask)
        with isolated():
            return tuple(self._score(part, name, draw) for name in names)

    def gradient(
        self, weights: NDArray[np.float64], draw: int, *, batch: int = 0, labels: str = "true"
    ) -> tuple[float, NDArray[np.float64]]:
        """Measure NASI's T~ and its gradient, see `squared_gradient_norm`.

        Args:
            weights: (edges, operations).
            draw: number of the draw of weights and of the sequence of batches.
            labels: `true` or `random`; those of noise are random in either case.

        Returns:
            T~, and dT~/dw (edges, operations).

        Raises:
            MissingData: the images do not exist.
        """
        protocol = self.protocol("nasi", derive(draw, "batch", batch))
        if labels == "random":
            protocol = protocol.replace(labels="random")
        supernet = self._supernet(protocol, draw, one_shot=True).train()
        [(inputs, targets)] = batches_on(protocol, self._device)
        assert targets is not None, "NASI's protocol has labels"
        inputs = inputs.contiguous(memory_format=supernet.memory_format)
        with isolated():
            trace, slope = squared_gradient_norm(
                supernet, inputs, targets, torch.from_numpy(weights).to(inputs)
            )
        return trace, slope.double().cpu().numpy()

    def _score(self, part: OperationMask, name: str, draw: int) -> float:
        protocol = self.protocol(name, draw)
        network = self._supernet(protocol, draw).masked(part)
        with Measurement(
            network,
            batches_on(protocol, self._device),
            seed=derive(self._seed, "measure", "supernet", self._space.name, draw),
            data_seed=protocol.data_seed,
            batch_norm=protocol.batch_norm,
        ) as measurement:
            reading = read(measurement, [name])[name]
        if reading.status == "unsupported":
            raise UserError(
                f"the search measures {name} on restricted supernets of {self._space.name!r}, for "
                f"which it does not exist: {reading.reason}; take other indicators"
            )
        return value_of(name, reading)

    def protocol(self, name: str, draw: int) -> Protocol:
        """Resolve the protocol of an indicator at a draw."""
        item = indicators[name]
        seed = derive(self._conditions.seed, "supernet", draw)
        conditions = self._conditions.model_copy(update={"seed": seed})
        protocol = resolve(
            item.protocol, conditions, follows_initialisation=item.follows_initialisation
        )
        if protocol.skeleton == "thin":
            return protocol
        return protocol.replace(cells=max(protocol.cells, self.layout.least_cells))

    def _supernet(self, protocol: Protocol, draw: int, *, one_shot: bool = False) -> Supernet:
        p = protocol
        size = (p.skeleton, p.num_classes, p.channels, p.cells, p.in_channels)
        key = (draw, one_shot, size, p.initialisation, p.dtype)
        if key not in self._supernets:
            if len(self._supernets) >= _KEPT:
                del self._supernets[next(iter(self._supernets))]
            self._supernets[key] = self._drawn(protocol, draw, one_shot=one_shot)
        return self._supernets[key]

    def _drawn(self, protocol: Protocol, draw: int, *, one_shot: bool) -> Supernet:
        seed = derive(self._seed, "init", "supernet", self._space.name, draw)
        sizes: dict[str, Any] = {
            "num_classes": protocol.num_classes,
            "channels": protocol.channels,
            **(self._space.one_shot_options if one_shot else {}),
        }
        # the layers' constructors draw from the global generator: seeded here, restored afterwards
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            if protocol.skeleton == "thin":
                supernet = self._space.thin_supernet(**sizes)
            else:
                supernet = self._space.supernet(
                    **sizes, cells=protocol.cells, in_channels=protocol.in_channels
                )
        initialise(supernet, protocol.initialisation, generator=torch.Generator().manual_seed(seed))
        move(
            supernet, self._device, torch.float64 if protocol.dtype == "float64" else torch.float32
        )
        return supernet


class SupernetEvaluator(Evaluator):
    """Measures supernets; an answer costs the seconds that its measurement takes."""

    def __init__(self, problem: Problem, meter: SupernetMeter, *, measured_on: str = "") -> None:
        """Combine a problem with the meter of its supernets."""
        self.problem = problem
        self.measured_on = measured_on
        self._meter = meter

    def score(self, architecture: Architecture) -> Scored:
        """Refuse: single networks are not measured."""
        raise self._refused("scores")

    def train(self, architecture: Architecture, epochs: int) -> Trained:
        """Refuse: single networks are not trained."""
        raise self._refused("trainings")

    def score_supernet(self, mask: str, draw: int) -> ScoredSupernet:
        """Measure one restricted supernet.

        Raises:
            UserError: no indicator is chosen, or one does not exist for such a network.
        """
        estimator = self.problem.estimator
        if estimator is None:
            raise UserError(
                "the search scores supernets and no indicator is named; give --indicator, the "
                "aggregate te_nas for instance"
            )
        began = time.perf_counter()
        values = self._meter.scores(mask, estimator.indicators, draw)
        cost_s = time.perf_counter() - began
        return ScoredSupernet(mask, values, estimator.oriented(values), cost_s)

    def supernet_gradient(self, request: SupernetGradient) -> Gradient:
        """Measure NASI's objective and its gradient; options are `batch` and `labels`."""
        began = time.perf_counter()
        value, gradient = self._meter.gradient(request.weights, request.draw, **request.options)
        return Gradient(value, gradient, time.perf_counter() - began)

    def price_s(self, request: CostlyRequest, item: Any) -> float | None:
        """Return None: costs are measured."""
        return None

    def _refused(self, requested: str) -> UserError:
        return UserError(
            f"the search asks for {requested} of single networks, but only the supernet of "
            f"{self.problem.space.name!r} is measured here; take te_nas or nasi"
        )
