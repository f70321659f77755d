"""Watches what chosen modules hand on during a forward pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from untrained.indicators.account.known_modules import is_built_in


@dataclass(frozen=True, slots=True)
class Output:
    """What one application of a module returned."""

    module: nn.Module
    tensor: Tensor
    version: int

    @property
    def intact(self) -> bool:
        """Whether nothing has written to the tensor since."""
        return self.tensor._version == self.version


@contextmanager
def together(*watches: AbstractContextManager[Any]) -> Iterator[None]:
    """Several things to watch a pass with, hooks too, entered in their order."""
    with ExitStack() as stack:
        for watch in watches:
            stack.enter_context(watch)
        yield


@contextmanager
def outputs_of(network: nn.Module, modules: Iterable[nn.Module]) -> Iterator[list[Output]]:
    """While entered, collect the tensors that some modules return, in the order of their calls.

    Unless the network is known to overwrite nothing, it goes on with a copy, so that what was
    collected keeps its value and its place in the graph; `Output.intact` tells.
    """
    collected: list[Output] = []
    overwrites = not is_built_in(network) or any(
        getattr(module, "inplace", False) for module in network.modules()
    )

    def collect(module: nn.Module, args: object, output: object) -> Tensor | None:
        if not isinstance(output, Tensor):
            return None
        collected.append(Output(module, output, output._version))
        return output.clone() if overwrites else None

    with together(*(module.register_forward_hook(collect) for module in modules)):
        yield collected
