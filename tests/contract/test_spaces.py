"""What every registered search space must keep."""

import pickle
import tracemalloc
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from untrained.foundation import MalformedInput, Unsupported, UserError
from untrained.indicators import indicators
from untrained.spaces import Architecture, Network, SearchSpace, benchmarks, spaces
from untrained.spaces.darts import DARTS
from untrained.spaces.nds_cells import NDSCells
from untrained.spaces.recurrent_network import RecurrentNetwork

SMALL = {"num_classes": 5, "channels": 4, "cells": 1}
PARTS = 25
SIDE = 64  # large enough for every space's reductions

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
every_space = pytest.mark.parametrize("name", list(spaces))


def built(space: SearchSpace, arch: Architecture | str) -> Network:
    return space.build(arch, **SMALL)


RECURRENT = [
    name
    for name, space in spaces.items()
    if isinstance(built(space, space.sample(np.random.default_rng(0))), RecurrentNetwork)
]
of_images = pytest.mark.parametrize("name", [name for name in spaces if name not in RECURRENT])
of_words = pytest.mark.parametrize("name", RECURRENT)


def drawn(space: SearchSpace, count: int, seed: int = 0) -> list[Architecture]:
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


@every_space
def test_it_says_what_it_is(name: str) -> None:
    space = spaces[name]
    assert space.name == name == name.lower()
    assert space.title
    assert space.reference
    assert space


@every_space
@settings(deadline=None)  # what a space enumerates once counts for the first example
@given(seed=st.integers(0, 2**32))
def test_parsing_the_text_gives_the_architecture_back(name: str, seed: int) -> None:
    space = spaces[name]
    arch = space.sample(np.random.default_rng(seed))
    assert arch.space == name
    assert space.parse(arch.text) == space.parse(arch) == arch
    assert space.parse(f" {arch.text}\n") == arch
    assert arch in space
    assert arch.text in space
    assert str(arch) == arch.text
    assert pickle.loads(pickle.dumps(arch)) == arch


@every_space
def test_what_it_does_not_hold_is_refused(name: str) -> None:
    space = spaces[name]
    for text in ("", "no architecture of any space", "|||"):
        assert text not in space
        with pytest.raises(MalformedInput) as caught:
            space.parse(text)
        assert repr(text) in str(caught.value)
    assert 3 not in space
    foreign = Architecture("elsewhere", drawn(space, 1)[0].text)
    with pytest.raises(MalformedInput, match="belongs to 'elsewhere'"):
        space.parse(foreign)


@every_space
@settings(deadline=None)  # what a space enumerates once counts for the first example
@given(
    seed=st.integers(0, 2**32),
    place=st.integers(0, 100),
    cut=st.integers(0, 3),
    put=st.text("0123456789|~+:_-#; abc\x00é²٣", max_size=4),
)
def test_a_damaged_text_is_refused_or_another_member(
    name: str, seed: int, place: int, cut: int, put: str
) -> None:
    space = spaces[name]
    text = space.sample(np.random.default_rng(seed)).text
    try:
        arch = space.parse(text[:place] + put + text[place + cut :])
    except MalformedInput:
        return
    assert space.parse(arch.text) == arch


@every_space
@settings(deadline=None)  # what a space enumerates once counts for the first example
@given(text=st.text(max_size=30))
def test_any_text_is_refused_or_a_member(name: str, text: str) -> None:
    space = spaces[name]
    try:
        arch = space.parse(text)
    except MalformedInput:
        return
    assert space.parse(arch.text) == arch


@every_space
def test_sampling_follows_the_generator(name: str) -> None:
    space = spaces[name]
    assert drawn(space, 20, seed=1) == drawn(space, 20, seed=1)
    assert drawn(space, 20, seed=1) != drawn(space, 20, seed=2)
    assert len(set(drawn(space, 20))) > 1


@every_space
def test_sampling_is_uniform(name: str) -> None:
    space = spaces[name]
    if space.size is None:
        pytest.skip("too large to enumerate")
    place = {arch: index for index, arch in enumerate(space)}
    places = np.array([place[arch] for arch in drawn(space, 5000, seed=4)])
    expected = np.bincount(np.arange(len(place)) % PARTS, minlength=PARTS) / len(place) * 5000
    for parts in (places * PARTS // len(place), places % PARTS):
        observed = np.bincount(parts, minlength=PARTS)
        assert chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-4


@every_space
def test_neighbors_are_distinct_members_and_mutual(name: str) -> None:
    space = spaces[name]
    for arch in drawn(space, 3):
        neighbors = space.neighbors(arch)
        assert neighbors == space.neighbors(arch.text)
        assert len(set(neighbors)) == len(neighbors) > 0
        assert arch not in neighbors
        assert all(space.parse(n.text) == n for n in neighbors)
        assert all(arch in space.neighbors(n) for n in neighbors)


@every_space
def test_a_mutation_is_a_neighbor_and_follows_the_generator(name: str) -> None:
    space = spaces[name]
    arch = drawn(space, 1)[0]
    rng = np.random.default_rng(6)
    mutants = [space.mutate(arch, rng) for _ in range(30)]
    assert set(mutants) <= set(space.neighbors(arch))
    assert len(set(mutants)) > 1
    assert space.mutate(arch.text, np.random.default_rng(6)) == mutants[0]


@every_space
def test_enumeration_gives_each_member_once_in_constant_memory(name: str) -> None:
    space = spaces[name]
    if space.size is None:
        with pytest.raises(UserError, match=r"too large to enumerate.*sample"):
            iter(space)
        with pytest.raises(UserError, match=r"too large to enumerate.*sample"):
            len(space)
        return
    assert len(space) == space.size
    list(islice(space, 10))
    tracemalloc.start()
    for _ in islice(space, 20_000):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200_000
    texts = [arch.text for arch in space]
    assert len(texts) == len(set(texts)) == space.size


@every_space
def test_canonical_is_a_member_and_its_own_canonical(name: str) -> None:
    space = spaces[name]
    for arch in drawn(space, 200):
        representative = space.canonical(arch)
        assert space.canonical(arch.text) == representative
        assert space.canonical(representative) == representative
        assert representative in space
        assert space.is_constant(representative) == space.is_constant(arch)


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


@every_space
def test_canonical_merges_only_what_computes_the_same(name: str) -> None:
    space = spaces[name]
    # a cell that concatenates its nodes has other channels first once they are renumbered
    alike = isinstance(space, DARTS | NDSCells)
    merged = [a for a in drawn(space, 300) if space.canonical(a) != a][:12]
    for arch in merged:
        outputs = []
        for text in (arch, space.canonical(arch)):
            network = tie_weights(built(space, text).double(), alike=alike)
            generator = torch.Generator().manual_seed(0)
            with torch.no_grad():
                if isinstance(network, RecurrentNetwork):
                    outputs.append(network.eval()(torch.arange(12).reshape(4, 3) % 5))
                else:
                    x = torch.randn(3, 3, SIDE, SIDE, generator=generator, dtype=torch.float64)
                    outputs.append(network(x))
        torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-8, atol=1e-10)


@of_images
def test_a_built_network_gives_logits_features_and_stages(name: str) -> None:
    space = spaces[name]
    for arch in drawn(space, 3):
        network = space.build(arch, **SMALL)
        assert isinstance(network, Network)
        assert network.training
        assert not any(p.grad is not None for p in network.parameters())
        x = torch.randn(2, 3, SIDE, SIDE)
        with torch.no_grad():
            assert network(x).shape == (2, 5)
            stages = network.stages(x)
            features = network.features(x)
        assert features.ndim == 4
        assert len(features) == 2
        assert len(stages) > 1
        sizes = [stage.shape[-1] for stage in stages]
        assert sizes == sorted(set(sizes), reverse=True)
        assert all(len(stage) == 2 for stage in stages)


@every_space
def test_the_number_of_parameters_is_that_of_the_built_network(name: str) -> None:
    space = spaces[name]
    for arch in drawn(space, 5):
        count = sum(p.numel() for p in space.build(arch.text, **SMALL).parameters())
        assert space.num_parameters(arch, **SMALL) == count
        assert SearchSpace.num_parameters(space, arch, **SMALL) == count


@of_words
def test_a_recurrent_network_gives_logits_of_words_and_refuses_images(name: str) -> None:
    space = spaces[name]
    for arch in drawn(space, 3):
        network = built(space, arch).double().eval()
        assert isinstance(network, RecurrentNetwork)
        words = torch.arange(12).reshape(4, 3) % 5
        steps = torch.randn(4, 3, network.embedding_size, dtype=torch.float64)
        with torch.no_grad():
            logits = network(words)
            outputs = network.recurrent(steps)
            # no sequence knows of the others, and no time step of later ones
            torch.testing.assert_close(network(words[:2, 1:]), logits[:2, 1:])
            torch.testing.assert_close(network.recurrent(steps[:3, :1]), outputs[:3, :1])
        assert (logits.shape, logits.dtype) == ((4, 3, 5), torch.float64)
        assert outputs.shape[:2] == (4, 3)
        images = torch.randn(2, 3, 8, 8, dtype=torch.float64)
        for method in (network, network.features, network.stages):
            with pytest.raises(Unsupported, match="language model, which reads words"):
                method(images)


@of_images
def test_a_network_follows_dtype_and_batch(name: str) -> None:
    space = spaces[name]
    network = space.build(drawn(space, 1)[0], **SMALL).double().eval()
    x = torch.randn(3, 3, SIDE, SIDE, dtype=torch.float64)
    with torch.no_grad():
        logits = network(x)
        assert logits.dtype == torch.float64
        torch.testing.assert_close(network(x[:1]), logits[:1])


@every_space
@pytest.mark.parametrize("argument", ["num_classes", "channels", "cells", "in_channels"])
def test_a_network_of_nothing_is_refused(name: str, argument: str) -> None:
    space = spaces[name]
    with pytest.raises(MalformedInput, match=f"{argument}=0"):
        space.build(drawn(space, 1)[0], **{**SMALL, argument: 0})


THIN = [n for n in spaces if type(spaces[n]).build_thin is not SearchSpace.build_thin]


SHAPES = sorted(
    {
        (p.num_classes, p.channels, p.cells, p.resolution, p.skeleton == "thin")
        for p in (item.protocol for item in indicators.values())
    },
    key=str,
)


@of_images
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_a_network_can_be_built_for_every_protocol(name: str, device: str) -> None:
    space = spaces[name]
    arch = drawn(space, 1)[0]
    for num_classes, channels, cells, resolution, thin in SHAPES:
        if thin:
            if name not in THIN:
                continue
            network = space.build_thin(arch, num_classes=num_classes)
            x = torch.randn(4, 1, 3, 3)
        else:
            try:
                network = space.build(arch, num_classes=num_classes, channels=channels, cells=cells)
            except Unsupported:
                assert channels < 4  # too narrow for the cell
                continue
            x = torch.randn(2, 3, resolution, resolution)
        with torch.no_grad():
            logits = network.to(device)(x.to(device))
        assert logits.shape == (len(x), num_classes)
        assert logits.device.type == device


@pytest.mark.parametrize("name", THIN)
def test_a_thin_network_sees_a_few_pixels_in_its_own_channels(name: str) -> None:
    space = spaces[name]
    for arch in drawn(space, 5):
        for channels in (1, 2):
            network = space.build_thin(arch.text, num_classes=5, channels=channels)
            assert isinstance(network, Network)
            assert network.training
            x = torch.randn(7, channels, 3, 3)
            with torch.no_grad():
                assert network(x).shape == (7, 5)
                features = network.features(x)
                last = network.stages(x)[-1]
            assert features.ndim == last.ndim == 4
            assert len(features) == len(last) == 7
        # so many cells that a space which counts all together has some at each resolution
        whole = space.num_parameters(arch, num_classes=5, channels=2, cells=12, in_channels=2)
        assert sum(p.numel() for p in network.parameters()) < whole / 4


@pytest.mark.parametrize("name", THIN)
@pytest.mark.parametrize("argument", ["num_classes", "channels"])
def test_a_thin_network_of_nothing_or_of_no_member_is_refused(name: str, argument: str) -> None:
    space = spaces[name]
    with pytest.raises(MalformedInput, match=f"{argument}=0"):
        space.build_thin(drawn(space, 1)[0], **{"num_classes": 5, argument: 0})
    with pytest.raises(MalformedInput):
        space.build_thin("no architecture", num_classes=5)


@pytest.mark.parametrize("name", sorted(set(spaces) - set(THIN)))
def test_a_space_without_thin_networks_says_so(name: str) -> None:
    space = spaces[name]
    with pytest.raises(Unsupported, match=rf"{name!r} builds no thin network; leave out"):
        space.build_thin(drawn(space, 1)[0], num_classes=5)


@pytest.mark.parametrize("name", list(benchmarks))
def test_a_benchmark_names_its_source_or_what_is_missing(name: str) -> None:
    benchmark = benchmarks[name]
    assert benchmark.name == name
    assert benchmark.kind in ("tabular", "surrogate")
    space = spaces[benchmark.space]
    missing = benchmark.missing()
    if missing is not None:
        assert name in missing
        pytest.skip(f"its data is not there: {missing}")
    source = benchmark.provenance
    assert source.kind == benchmark.kind
    assert source.title
    assert len(source.sha256) == 64
    assert benchmark.default_target in benchmark.targets()
    if not benchmark.enumerable:
        for arch in drawn(space, 3):
            values = benchmark.values([arch.text], benchmark.default_target)
            assert benchmark.query(arch) == values[arch.text]
        return
    best = benchmark.best(n=3)
    assert list(best.columns) == ["architecture", "value"]
    for text, value in best.itertuples(index=False):
        assert space.parse(text).text == text
        assert benchmark.query(text) == value
