"""What an account records: applications of layers, and what is made of parameters."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from torch import Tensor
from torch.autograd.graph import GradientEdge

from untrained.foundation import Unsupported

Place = tuple[int, int]
"""Where the samples of a batch are: an axis, and how often the batch lies on it one after another.
An axis of T times B rows, the samples being the faster index, has T."""


@dataclass(frozen=True, slots=True)
class Made:
    """A tensor made of parameters alone, or a parameter itself."""

    names: tuple[str, ...]
    """The parameters, in the order of their names in the network."""
    key: Hashable
    """The same for what is made in the same way of the same parameters."""
    tensor: Tensor
    """As made, before transpositions and expansions."""

    @property
    def is_parameter(self) -> bool:
        """Whether it is a parameter, in whatever layout, and not made of one."""
        return isinstance(self.key, str)


@dataclass(slots=True)
class Application:
    """One application of a linear map with weights, normalisation, activation or pooling."""

    kind: str
    """`map`, `norm`, `activation`, `pooling`, `table` (of embeddings), or `module`."""
    operation: str
    tensor: Tensor
    """The output, without its graph. It keeps its value if the network writes to it later."""
    channels: int | None
    """The axis of the output's channels, from the end; None where there is no single one."""
    batch: Place | None
    """Where the samples are; None where that is not known."""
    weight: Made | None = None
    shape: tuple[int, ...] = ()
    """Of the weight as it is applied."""
    edge: GradientEdge | None = None
    """Where the output is in the graph; None without one."""
    cut: bool = False
    """Whether gradients are switched off here alone."""
    biased: bool = False
    """Whether a bias is part of it already."""

    def by_sample(self, tensor: Tensor, size: int) -> Tensor:
        """A tensor of the output's shape with the samples first and the channels last.

        Args:
            size: of the batch.

        Raises:
            Unsupported: it is not known where they are.
        """
        if self.batch is None or self.channels is None:
            raise Unsupported(
                f"`{self.operation}` gives a tensor of shape {tuple(tensor.shape)}, of which "
                "the axis of the samples or that of the channels is not known"
            )
        axis, outer = self.batch
        axis -= axis > tensor.dim() + self.channels
        last = tensor.movedim(self.channels, -1)
        shape = (*last.shape[:axis], outer, size, -1, *last.shape[axis + 1 :])
        return last.reshape(shape).movedim(axis + 1, 0)
