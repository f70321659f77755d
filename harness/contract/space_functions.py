"""That a space calls only those architectures equal that compute the same."""

from __future__ import annotations

import torch
from torch import Tensor

from untrained.harness.contract.promise import Suite, require
from untrained.harness.contract.space_members import drawn
from untrained.harness.contract.specimens import SIDE, built, words
from untrained.spaces import Architecture, Network, SearchSpace
from untrained.spaces.darts.space import DARTS
from untrained.spaces.framework.network import RecurrentNetwork
from untrained.spaces.nds.cells import NDSCells

functions: Suite[SearchSpace] = Suite()


def tie_weights(network: Network, *, alike: bool) -> Network:
    """Give all weights of one shape the same values, and all biases zero.

    Then architectures that compute one function for the same kind of weights have equal outputs,
    wherever those weights are. If channels are `alike`, also where they have changed places.
    """
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
                continue
            shape = parameter.shape
            generator = torch.Generator().manual_seed(hash(tuple(shape)) % 2**31)
            drawn_shape = (1,) * min(2, len(shape)) + shape[2:] if alike else shape
            values = torch.randn(drawn_shape, generator=generator, dtype=torch.float64)
            scale = 1 / max(1, parameter[0].numel()) ** 0.5
            parameter.copy_(values * scale + (parameter.ndim == 1))
    return network


def _output(space: SearchSpace, arch: Architecture, *, alike: bool) -> Tensor:
    network = tie_weights(built(space, arch).double(), alike=alike)
    with torch.no_grad():
        if isinstance(network, RecurrentNetwork):
            return network.eval().logits(words())
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(3, 3, SIDE, SIDE, generator=generator, dtype=torch.float64)
        out: Tensor = network(x)
        return out


def _choices(space: SearchSpace) -> tuple[bool, ...]:
    """Whether channels are made alike: a cell that concatenates its nodes moves them.

    Of a space from elsewhere it is not known which of the two it is.
    """
    if isinstance(space, DARTS | NDSCells):
        return (True,)
    return (False,) if type(space).__module__.startswith("untrained.") else (False, True)


@functions.promise
def canonical_merges_only_what_computes_the_same(space: SearchSpace) -> None:
    """An architecture and its representative compute the same with weights tied by shape."""
    merged = [a for a in drawn(space, 300) if space.canonical(a) != a][:12]
    for arch in merged:
        representative = space.canonical(arch)
        require(
            any(
                torch.allclose(
                    _output(space, arch, alike=alike),
                    _output(space, representative, alike=alike),
                    rtol=1e-8,
                    atol=1e-10,
                )
                for alike in _choices(space)
            ),
            f"canonical takes {arch.text!r} for {representative.text!r}, but with equal weights "
            "their outputs differ",
        )
