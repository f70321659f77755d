"""The thin networks of a search space, which counts of linear regions are defined on."""

from __future__ import annotations

from typing import Any

import torch

from untrained.foundation import MalformedInput, Unsupported
from untrained.harness.contract.promise import Broken, Inapplicable, Suite, require
from untrained.harness.contract.space_texts import drawn
from untrained.harness.contract.tiny_networks import noise
from untrained.spaces import Network, SearchSpace

thin_networks: Suite[SearchSpace] = Suite()


def _has_thin(space: SearchSpace) -> bool:
    return type(space).build_thin is not SearchSpace.build_thin


def _only_with_thin(space: SearchSpace) -> None:
    if not _has_thin(space):
        raise Inapplicable("it builds no thin networks")


@thin_networks.promise
def a_thin_network_sees_a_few_pixels_in_its_own_channels(space: SearchSpace) -> None:
    """A thin network takes 3 x 3 pixels in as many channels as asked for, and is small."""
    _only_with_thin(space)
    for arch in drawn(space, 5):
        for channels in (1, 2):
            network = space.build_thin(arch.text, num_classes=5, channels=channels)
            require(isinstance(network, Network), f"it is a {type(network).__name__}, no Network")
            require(network.training, f"the thin network of {arch.text!r} is not in training mode")
            x = noise(7, channels, 3, 3)
            with torch.no_grad():
                logits, features, last = network(x), network.features(x), network.stages(x)[-1]
            require(
                logits.shape == (7, 5), f"logits of 7 pieces have the shape {tuple(logits.shape)}"
            )
            for what, maps in (("features", features), ("the last stage", last)):
                require(
                    maps.ndim == 4 and len(maps) == 7,
                    f"{what} of 7 pieces has the shape {tuple(maps.shape)}",
                )
        # so many cells that a space which counts all together has some at each resolution
        whole = space.num_parameters(arch, num_classes=5, channels=2, cells=12, in_channels=2)
        count = sum(p.numel() for p in network.parameters())
        require(
            count < whole / 4,
            f"the thin network of {arch.text!r} has {count:,} parameters, that of 12 cells "
            f"{whole:,}",
        )


@thin_networks.promise_of_each({"num_classes": "num_classes", "channels": "channels"})
def a_thin_network_of_nothing_or_of_no_member_is_refused(space: SearchSpace, argument: str) -> None:
    """Building a thin network with {}=0, or of no architecture, raises MalformedInput."""
    _only_with_thin(space)
    given: dict[str, Any] = {"num_classes": 5, argument: 0}
    for text, arguments, name in (
        (drawn(space, 1)[0].text, given, f"{argument}=0"),
        ("no architecture", {"num_classes": 5}, "no architecture"),
    ):
        try:
            space.build_thin(text, **arguments)
        except MalformedInput as error:
            require(name in str(error), f"refusing {name}, it does not say so: {error}")
        else:
            raise Broken(f"with {name} it builds a thin network; raise MalformedInput")


@thin_networks.promise
def a_space_without_thin_networks_says_so(space: SearchSpace) -> None:
    """Where there are no thin networks, asking for one raises Unsupported."""
    if _has_thin(space):
        raise Inapplicable("it builds thin networks")
    try:
        space.build_thin(drawn(space, 1)[0], num_classes=5)
    except Unsupported as reason:
        said = f"{space.name!r} builds no thin network; leave out"
        require(said in str(reason), f"it says {str(reason)!r}; leave that to SearchSpace")
    else:
        raise Broken("it builds a thin network without a method of its own")
