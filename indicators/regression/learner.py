"""A model, its optimiser and one batch that it learns, in steps that can be taken up again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from torch.optim import Optimizer


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a model is asked to regress: one batch, the same at every step."""

    inputs: Tensor
    targets: tuple[Tensor, ...]
    """One for each of the model's outputs, without noise."""
    weights: tuple[float, ...]
    """Of the targets in the loss."""
    noise: Callable[[torch.Generator], Tensor] | None = None
    """Draws what is added to the inputs of one step."""
    evaluation_noise: Tensor | None = None
    """What is added to the inputs of every evaluation."""

    def loss(self, model: nn.Module, noise: Tensor | None = None) -> Tensor:
        """L = sum over targets of w * MSE, each MSE a mean over all elements of an output."""
        outputs = model(self.inputs if noise is None else self.inputs + noise)
        terms = zip(self.weights, outputs, self.targets, strict=True)
        return torch.stack([w * functional.mse_loss(out, goal) for w, out, goal in terms]).sum()


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything that a training goes on from; nothing of it changes."""

    tensors: dict[str, Tensor]
    """Parameters and buffers by name."""
    optimiser: dict[str, Any]
    stream: Tensor
    """State of the generator that the noise of the steps is drawn from."""


class Learner:
    """Trains one model in place, from any snapshot of it.

    Training, evaluation and snapshots do not disturb each other: so many steps give the same bits
    whether they were taken at once or with pauses and evaluations between.
    """

    def __init__(
        self, model: nn.Module, optimiser: Optimizer, lesson: Lesson, stream: torch.Generator
    ) -> None:
        """Take over a model that nobody else uses; the noise of steps is drawn from the stream."""
        self.model = model
        self._optimiser = optimiser
        self._lesson = lesson
        self._stream = stream

    def train(self, steps: int) -> None:
        """Take so many steps, in training mode without dropout."""
        self._set_mode(training=True)
        noise = self._lesson.noise
        for _ in range(steps):
            self._optimiser.zero_grad()
            loss = self._lesson.loss(self.model, noise(self._stream) if noise else None)
            torch.autograd.backward(loss)
            self._optimiser.step()
        self._optimiser.zero_grad()

    def evaluate(self) -> float:
        """The loss in evaluation mode, but for batch norms: they use the batch's statistics.

        Running statistics lag behind weights that have moved for a few steps only, and layer upon
        layer of that says nothing about the network any more.
        """
        kept = {name: buffer.clone() for name, buffer in self.model.named_buffers()}
        self._set_mode(training=False)
        for module in self.model.modules():
            if isinstance(module, _BatchNorm):
                module.training = True
        with torch.no_grad():
            loss = float(self._lesson.loss(self.model, self._lesson.evaluation_noise))
            for name, buffer in self.model.named_buffers():
                buffer.copy_(kept[name])
        return loss

    def snapshot(self) -> Snapshot:
        """A copy of all that further steps depend on."""
        # not a copy of the model: one that keeps activations of its last pass cannot be copied
        return Snapshot(
            {name: tensor.detach().clone() for name, tensor in self._tensors().items()},
            copy.deepcopy(self._optimiser.state_dict()),
            self._stream.get_state(),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go back, or forward, to where a snapshot was taken."""
        with torch.no_grad():
            for name, tensor in self._tensors().items():
                tensor.copy_(snapshot.tensors[name])
        # the optimiser would write to the tensors it is handed
        self._optimiser.load_state_dict(copy.deepcopy(snapshot.optimiser))
        self._stream.set_state(snapshot.stream)

    def _tensors(self) -> dict[str, Tensor]:
        return {**dict(self.model.named_parameters()), **dict(self.model.named_buffers())}

    def _set_mode(self, *, training: bool) -> None:
        self.model.train(training)
        for module in self.model.modules():
            if isinstance(module, _DropoutNd):
                module.training = False
