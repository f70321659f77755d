"""Checks of a space's networks, whole and thin, and of the functions that they compute."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from untrained.foundation import MalformedInput, Unsupported
from untrained.harness.contract.fixtures import (
    SIDE,
    SMALL,
    Inputs,
    built,
    drawn,
    inputs_of,
    noise,
    words,
)
from untrained.harness.contract.promise import Inapplicable, Suite, refusal, require
from untrained.indicators import indicators
from untrained.spaces import Architecture, Network, SearchSpace
from untrained.spaces.darts.space import DARTS
from untrained.spaces.framework.network import (
    IsotropicNetwork,
    NetworkSize,
    NodeNetwork,
    RecurrentNetwork,
    WordNetwork,
)
from untrained.spaces.nds.cells import NDSCells

networks: Suite[SearchSpace] = Suite()


def _only(space: SearchSpace, inputs: Inputs) -> None:
    if (reads := inputs_of(space)) != inputs:
        raise Inapplicable(f"its networks read {reads}")


def refuses(build: Callable[[], nn.Module], argument: str) -> None:
    """Require that something is refused as malformed, naming the argument."""
    wrong = f"with {argument} it builds a network; raise MalformedInput that names it"
    said = refusal(build, MalformedInput, wrong)
    require(argument in said, f"refusing {argument}, it does not say so: {said}")


@networks.promise
def the_number_of_parameters_is_that_of_the_built_network(space: SearchSpace) -> None:
    """num_parameters is the number of parameters of the network that build gives."""
    for arch in drawn(space, 5):
        count = sum(p.numel() for p in space.build(arch.text, **SMALL).parameters())
        said = space.num_parameters(arch, **SMALL)
        if type(space)._num_parameters is not SearchSpace._num_parameters:  # a closed form
            require(
                count == SearchSpace._num_parameters(space, arch, NetworkSize(**SMALL)),
                f"the network of {arch.text!r} has other parameters on the device 'meta'",
            )
        require(
            said == count,
            f"num_parameters of {arch.text!r} is {said:,}, its network has {count:,}",
        )


@networks.promise_of_each({k: k for k in ("num_classes", "channels", "cells", "in_channels")})
def a_network_of_nothing_is_refused(space: SearchSpace, argument: str) -> None:
    """Building with {}=0 raises MalformedInput that says so."""
    given: dict[str, Any] = {**SMALL, argument: 0}
    refuses(lambda: space.build(drawn(space, 1)[0], **given), f"{argument}=0")


@networks.promise
def a_built_network_gives_logits_features_and_stages(space: SearchSpace) -> None:
    """Networks of images give logits, features and stages in falling resolution."""
    _only(space, "images")
    for arch in drawn(space, 3):
        network = built(space, arch)
        text = arch.text
        require(isinstance(network, Network), f"build gives a {type(network).__name__}, no Network")
        require(network.training, f"the network of {text!r} is not in training mode")
        require(
            not any(p.grad is not None for p in network.parameters()),
            f"the network of {text!r} comes with gradients",
        )
        with torch.no_grad():
            x = noise(2, 3, SIDE, SIDE)
            logits, stages, features = network(x), network.stages(x), network.features(x)
        require(logits.shape == (2, 5), f"logits of 2 images have the shape {tuple(logits.shape)}")
        require(
            features.ndim == 4 and len(features) == 2,
            f"features of 2 images have the shape {tuple(features.shape)}",
        )
        _are_stages(stages, isotropic=isinstance(network, IsotropicNetwork))


def _are_stages(stages: list[Tensor], *, isotropic: bool) -> None:
    require(
        (len(stages) == 1) == isotropic and bool(stages),
        f"there are {len(stages)} stages; there is one before each reduction, and one alone only "
        "in an IsotropicNetwork",
    )
    sizes = [stage.shape[-1] for stage in stages]
    require(
        sizes == sorted(set(sizes), reverse=True),
        f"the stages' resolutions are {sizes}; each is smaller than the one before",
    )
    require(all(len(stage) == 2 for stage in stages), "the stages of 2 images are not of 2 samples")


@networks.promise
def a_network_follows_dtype_and_batch(space: SearchSpace) -> None:
    """In float64 its logits are float64, and in evaluation mode no sample knows of the others."""
    _only(space, "images")
    network = built(space, drawn(space, 1)[0]).double().eval()
    x = noise(3, 3, SIDE, SIDE).double()
    with torch.no_grad():
        logits = network(x)
        alone = network(x[:1])
    require(logits.dtype == torch.float64, f"its logits of float64 images are {logits.dtype}")
    require(
        torch.allclose(alone, logits[:1], rtol=1e-7, atol=1e-7),
        "a sample's logits depend on others",
    )


@networks.promise_of_each({"cpu": "cpu", "cuda": "cuda"})
def a_network_can_be_built_for_every_protocol(space: SearchSpace, device: str) -> None:
    """Networks for every indicator's reference protocol can be built and run ({})."""
    _only(space, "images")
    if device == "cuda" and not torch.cuda.is_available():
        raise Inapplicable("there is no CUDA device")
    arch = drawn(space, 1)[0]
    for (num_classes, channels, cells, thin), resolutions in _shapes().items():
        if thin:
            if not _has_thin(space):
                continue
            network, batches = space.build_thin(arch, num_classes=num_classes), [noise(4, 1, 3, 3)]
        else:
            try:
                network = space.build(arch, num_classes=num_classes, channels=channels, cells=cells)
            except Unsupported as reason:
                require(channels < 4, f"{channels} channels are no reason to refuse: {reason}")
                continue  # too narrow for the cell
            batches = [noise(2, 3, resolution, resolution) for resolution in resolutions]
        network = network.to(device)
        for x in batches:
            with torch.no_grad():
                logits = network(x.to(device))
            require(
                logits.shape == (len(x), num_classes) and logits.device.type == device,
                f"{len(x)} images of {x.shape[-1]} pixels give logits of the shape "
                f"{tuple(logits.shape)} on {logits.device.type}",
            )


def _shapes() -> dict[tuple[int, int, int, bool], list[int]]:
    """The resolutions of all reference protocols, by what a network is built of."""
    found: dict[tuple[int, int, int, bool], set[int]] = {}
    for protocol in (item.protocol for item in indicators.values()):
        thin = protocol.skeleton == "thin"
        shape = (protocol.num_classes, protocol.channels, protocol.cells, thin)
        found.setdefault(shape, set()).add(protocol.resolution)
    return {shape: sorted(resolutions) for shape, resolutions in found.items()}


@networks.promise
def a_recurrent_network_gives_logits_of_words_and_refuses_images(space: SearchSpace) -> None:
    """Networks of words give logits, look at no other sequence or later word, refuse images."""
    _only(space, "words in time")
    for arch in drawn(space, 3):
        network = built(space, arch).double().eval()
        assert isinstance(network, RecurrentNetwork)
        steps = noise(4, 3, network.embedding_size).double()
        with torch.no_grad():
            logits, outputs = network(words()), network.recurrent(steps)
            require(
                torch.allclose(network(words()[:2, 1:]), logits[:2, 1:], rtol=1e-7, atol=1e-7)
                and torch.allclose(
                    network.recurrent(steps[:3, :1]), outputs[:3, :1], rtol=1e-7, atol=1e-7
                ),
                f"in the network of {arch.text!r} a sequence knows of others, or a word of later",
            )
        require(
            (logits.shape, logits.dtype) == ((4, 3, 5), torch.float64),
            f"logits of 4 x 3 words have the shape {tuple(logits.shape)} and are {logits.dtype}",
        )
        require(outputs.shape[:2] == (4, 3), f"recurrent gives the shape {tuple(outputs.shape)}")
        for method in (network, network.features, network.stages):
            _refuses_images(method, "language model, which reads words")


@networks.promise
def a_network_of_words_gives_logits_of_sequences_and_refuses_images(space: SearchSpace) -> None:
    """Networks of words (batch, time) give logits, look at no other sequence, refuse images."""
    _only(space, "words")
    for arch in drawn(space, 3):
        network = built(space, arch)
        require(network.training, f"the network of {arch.text!r} is not in training mode")
        network = network.double().eval()
        given = words().t()
        with torch.no_grad():
            logits = network(given)
            require(
                torch.allclose(network(given[:1]), logits[:1], rtol=1e-7, atol=1e-7),
                f"in the network of {arch.text!r} a sequence knows of others",
            )
            other = network(given.roll(1, dims=1))
        require(
            (logits.shape, logits.dtype) == ((3, 5), torch.float64),
            f"logits of 3 x 4 words have the shape {tuple(logits.shape)} and are {logits.dtype}",
        )
        require(
            not torch.allclose(logits, other, rtol=1e-3),
            f"in the network of {arch.text!r} the order of words does not matter",
        )
        for method in (network, network.features, network.stages):
            _refuses_images(method, "language model, which reads words")


@networks.promise
def a_network_of_nodes_gives_logits_of_nodes_and_refuses_images(space: SearchSpace) -> None:
    """Networks of nodes give logits of each, also of one, which others change; refuse images."""
    _only(space, "nodes")
    joined = False
    for arch in drawn(space, 3):
        network = built(space, arch)
        assert isinstance(network, NodeNetwork)
        require(network.training, f"the network of {arch.text!r} is not in training mode")
        network = network.double().eval()
        nodes = noise(6, network.num_inputs).double()
        with torch.no_grad():
            logits, again, alone = network(nodes), network(nodes), network(nodes[:1])
            changed = network(torch.cat([nodes[:1], 2 * nodes[1:]]))
        require(
            (logits.shape, logits.dtype, alone.shape) == ((6, 5), torch.float64, (1, 5)),
            f"logits of 6 nodes and of 1 have the shapes {tuple(logits.shape)} and "
            f"{tuple(alone.shape)}, those of 6 are {logits.dtype}",
        )
        require(torch.equal(logits, again), f"the graph of {arch.text!r} changes between calls")
        joined |= not torch.allclose(changed[0], logits[0], rtol=1e-7, atol=1e-7)
        for method in (network, network.features, network.stages):
            _refuses_images(method, "which reads nodes")
    require(joined, "in no network a node knows of others; make them no NodeNetwork")


def _refuses_images(method: Callable[[Tensor], object], said: str) -> None:
    wrong = "a network that has no maps takes images; leave that to MaplessNetwork"
    reason = refusal(lambda: method(noise(2, 3, 8, 8).double()), Unsupported, wrong)
    require(said in reason, f"given images, it says {reason!r}; leave that to MaplessNetwork")


def _has_thin(space: SearchSpace) -> bool:
    return type(space).build_thin is not SearchSpace.build_thin


def _only_with_thin(space: SearchSpace) -> None:
    if not _has_thin(space):
        raise Inapplicable("it builds no thin networks")


@networks.promise
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


@networks.promise_of_each({"num_classes": "num_classes", "channels": "channels"})
def a_thin_network_of_nothing_or_of_no_member_is_refused(space: SearchSpace, argument: str) -> None:
    """Building a thin network with {}=0, or of no architecture, raises MalformedInput."""
    _only_with_thin(space)
    given: dict[str, Any] = {"num_classes": 5, argument: 0}
    for text, arguments, name in (
        (drawn(space, 1)[0].text, given, f"{argument}=0"),
        ("no architecture", {"num_classes": 5}, "no architecture"),
    ):
        build = partial(space.build_thin, text, **arguments)
        wrong = f"with {name} it builds a thin network; raise MalformedInput"
        said = refusal(build, MalformedInput, wrong)
        require(name in said, f"refusing {name}, it does not say so: {said}")


@networks.promise
def a_space_without_thin_networks_says_so(space: SearchSpace) -> None:
    """Where there are no thin networks, asking for one raises Unsupported."""
    if _has_thin(space):
        raise Inapplicable("it builds thin networks")
    build = partial(space.build_thin, drawn(space, 1)[0], num_classes=5)
    reason = refusal(build, Unsupported, "it builds a thin network without a method of its own")
    said = f"{space.name!r} builds no thin network; leave out"
    require(said in reason, f"it says {reason!r}; leave that to SearchSpace")


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
        if isinstance(network, WordNetwork):
            given = words() if isinstance(network, RecurrentNetwork) else words().t()
            return network.eval().logits(given)
        if isinstance(network, NodeNetwork):
            return network.eval().logits(noise(6, network.num_inputs).double())
        generator = torch.Generator().manual_seed(0)
        # the size of CIFAR's images: each convolution in float64 is slow
        x = torch.randn(3, 3, 32, 32, generator=generator, dtype=torch.float64)
        out: Tensor = network(x)
        return out


def _choices(space: SearchSpace) -> tuple[bool, ...]:
    """List whether channels are made alike, as cells that concatenate their nodes need.

    For the space of another package both are tried.
    """
    if isinstance(space, DARTS | NDSCells):
        return (True,)
    return (False,) if type(space).__module__.startswith("untrained.") else (False, True)


@networks.promise
def canonical_merges_only_what_computes_the_same(space: SearchSpace) -> None:
    """An architecture and its representative compute the same with weights tied by shape."""
    rng = np.random.default_rng(0)
    merged = (a for a in (space.sample(rng) for _ in range(300)) if space.canonical(a) != a)
    for arch in islice(merged, 6):
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
