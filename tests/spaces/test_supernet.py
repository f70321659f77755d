"""Supernets: one-hot weights are the one network, and networks inside share what they should."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from untrained.foundation import MalformedInput, Unsupported
from untrained.indicators import measure
from untrained.spaces import Architecture, Network, SearchSpace, initialise, spaces
from untrained.spaces.framework.supernet import Supernet
from untrained.spaces.framework.supernet_layout import OperationMask
from untrained.spaces.nasbench201.space import NASBench201

# sums of the same terms; float64 leaves nothing but the last digits of library kernels
CLOSE = 1e-10

SIZES = {
    "nasbench201": {"num_classes": 4, "channels": 3, "cells": 1},
    "darts": {"num_classes": 4, "channels": 2, "cells": 4},
}
# every operation, `none` and the skip connection at a reduction among them
DARTS_CORNERS = (
    "|none~0|sep_conv_3x3~1|+|skip_connect~0|dil_conv_5x5~2|+|max_pool_3x3~1|avg_pool_3x3~3|"
    "+|sep_conv_5x5~2|dil_conv_3x3~4|;|skip_connect~0|skip_connect~1|+|none~0|max_pool_3x3~1|"
    "+|sep_conv_5x5~0|dil_conv_5x5~1|+|avg_pool_3x3~0|skip_connect~4|"
)
CORNERS = {
    "nasbench201": (
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|",
    ),
    "darts": (DARTS_CORNERS,),
}


@pytest.fixture(params=sorted(SIZES))
def space(request: pytest.FixtureRequest) -> SearchSpace:
    return spaces[request.param]


def whole(space: SearchSpace, seed: int = 0) -> Supernet:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return space.supernet(**SIZES[space.name]).double()


def thin(space: SearchSpace) -> Supernet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return space.thin_supernet(num_classes=4).double()


def images(channels: int = 3, side: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(6, channels, side, side, generator=generator, dtype=torch.float64)


def one_hot(space: SearchSpace, arch: Architecture) -> Tensor:
    return torch.from_numpy(OperationMask.parse(space.supernet_layout, arch).weights())


def single_network(space: SearchSpace, supernet: Supernet, arch: Architecture) -> Network:
    """The network of one architecture, with the supernet's own parameters."""
    masked = supernet.masked(OperationMask.parse(space.supernet_layout, arch))
    if "stem" in dict(masked.named_children()):
        built = space.build(arch, **SIZES[space.name])
    else:
        built = space.build_thin(arch, num_classes=4)
    own = [t for name, t in masked.state_dict(keep_vars=True).items() if "_pool_" not in name]
    for name, tensor in zip(built.state_dict(), own, strict=True):
        owner, _, short = name.rpartition(".")
        setattr(built.get_submodule(owner), short, tensor)
    return built.train(supernet.training)


def some(space: SearchSpace, number: int = 12) -> list[Architecture]:
    rng = np.random.default_rng(0)
    return [space.parse(a) for a in CORNERS[space.name]] + [
        space.sample(rng) for _ in range(number)
    ]


def statistics(network: nn.Module) -> list[Tensor]:
    return [b.clone() for name, b in network.named_buffers() if "running" in name]


@pytest.mark.parametrize("train", [True, False])
def test_one_hot_weights_give_what_the_one_network_gives(space: SearchSpace, train: bool) -> None:
    supernet = whole(space).train(train)
    for arch in some(space, 5):  # beside the corners, which hold every operation
        weights, network = one_hot(space, arch), single_network(space, supernet, arch)
        built = space.build(arch, **SIZES[space.name]).double().train(train)
        built.load_state_dict(network.state_dict())
        expected = built(images())
        torch.testing.assert_close(network(images()), expected, rtol=0, atol=CLOSE)
        torch.testing.assert_close(supernet(images(), weights), expected, rtol=0, atol=CLOSE)
        # for a gradient all operations are computed, those of weight zero too
        soft = supernet(images(), weights.clone().requires_grad_())
        torch.testing.assert_close(soft, expected, rtol=0, atol=CLOSE)


def test_one_hot_weights_give_the_same_maps(space: SearchSpace) -> None:
    supernet = whole(space)
    arch = some(space)[0]
    weights, network = one_hot(space, arch), single_network(space, supernet, arch)
    found = [*supernet.stages(images(), weights), supernet.features(images(), weights)]
    expected = [*network.stages(images()), network.features(images())]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=CLOSE)


def test_thin_supernet_agrees_with_thin_networks(space: SearchSpace) -> None:
    supernet = thin(space)
    inputs = images(channels=1, side=3)
    for arch in some(space, 4):
        built = space.build_thin(arch, num_classes=4).double()
        built.load_state_dict(single_network(space, supernet, arch).state_dict())
        expected = built(inputs)
        found = supernet(inputs, one_hot(space, arch))
        torch.testing.assert_close(found, expected, rtol=0, atol=CLOSE)


def test_the_smallest_supernet_of_darts_is_the_one_that_te_nas_prunes() -> None:
    """prune_tenas.py: two cells, stem multiplier 1; the class ends with batch norm and ReLU."""
    darts = spaces["darts"]
    supernet = darts.supernet(num_classes=4, channels=2, cells=2).double().train()
    assert list(dict(supernet.skeleton.named_children())) == [
        "stem",
        "cells",
        "lastact",
        "global_pooling",
        "classifier",
    ]
    assert supernet.skeleton.get_parameter("stem.0.weight").shape == (2, 3, 3, 3)
    assert supernet.skeleton.get_parameter("classifier.weight").shape == (4, 2 * 2 * 4)
    arch, inputs = darts.parse(DARTS_CORNERS), images()
    masked = supernet.masked(OperationMask.parse(darts.supernet_layout, arch))
    torch.testing.assert_close(masked(inputs), supernet(inputs, one_hot(darts, arch)))
    # behind its stem it is the thin network of the same weights
    built = darts.build_thin(arch, num_classes=4, channels=2).double()
    own = {k: v for k, v in masked.state_dict().items() if not k.startswith("stem")}
    built.load_state_dict(dict(zip(built.state_dict(), own.values(), strict=True)))
    stem = supernet.skeleton.get_submodule("stem")(inputs)
    torch.testing.assert_close(masked(inputs), built(stem), rtol=0, atol=CLOSE)


def test_the_kernel_of_the_smallest_supernet_of_darts_is_not_singular() -> None:
    """Where all that the classifier reads is normalised, a batch's gradients sum to zero."""
    darts = spaces["darts"]
    convolutions = ";".join(["+".join(["|sep_conv_3x3~0|sep_conv_3x3~1|"] * 4)] * 2)
    mask = OperationMask.parse(darts.supernet_layout, darts.parse(convolutions))
    conditions = []
    for cells in (2, 3):
        torch.manual_seed(0)
        network = darts.supernet(num_classes=4, channels=2, cells=cells).masked(mask)
        found = measure(network.double(), images(), None, ["ntk_condition"])
        conditions.append(found["ntk_condition"])
    assert conditions[0] < 1e4
    assert not conditions[1] < 1e8  # NaN, or of rounding alone


def test_a_batch_norm_follows_the_poolings_of_darts_where_it_is_asked_for() -> None:
    darts = spaces["darts"]
    supernet = darts.supernet(**SIZES["darts"], pooling_norm=True).double().train()
    inputs = images()
    pooled = [m for name, m in supernet.named_modules() if name.endswith("_pool_3x3")]
    assert len(pooled) == 2 * sum(name.endswith("skip_connect") for name, _ in edges(supernet))
    for module in pooled:
        _, norm = module.children()
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.weight is None
    without = darts.parse(";".join(["+".join(["|sep_conv_3x3~0|skip_connect~1|"] * 4)] * 2))
    found = supernet(inputs, one_hot(darts, without))
    expected = single_network(darts, supernet, without)(inputs)
    torch.testing.assert_close(found, expected, rtol=0, atol=CLOSE)
    pooling = darts.parse(without.text.replace("sep_conv_3x3", "avg_pool_3x3"))
    found = supernet(inputs, one_hot(darts, pooling))
    assert not torch.allclose(found, single_network(darts, supernet, pooling)(inputs))


def edges(supernet: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, m) for name, m in supernet.named_modules() if ".operations." in name]


def test_gradients_of_the_shared_parameters_are_those_of_the_one_network(
    space: SearchSpace,
) -> None:
    supernet, arch = whole(space), some(space)[-1]
    network = single_network(space, supernet, arch)
    shared = list(network.parameters())
    alone = torch.autograd.grad(network(images()).square().sum(), shared, materialize_grads=True)
    together = torch.autograd.grad(
        supernet(images(), one_hot(space, arch)).square().sum(), shared, materialize_grads=True
    )
    for a, b in zip(alone, together, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=CLOSE)


def test_masked_networks_hold_the_supernets_own_parameters(space: SearchSpace) -> None:
    supernet = whole(space)
    own = {id(p) for p in supernet.parameters()}
    mask = OperationMask.full(space.supernet_layout, without=("none",))
    network = supernet.masked(mask)
    assert list(network.parameters())
    assert {id(p) for p in network.parameters()} <= own
    assert not any(t.is_meta for t in network.state_dict().values())


def test_running_statistics_of_one_network_reach_no_other(space: SearchSpace) -> None:
    supernet = whole(space)
    first, second = (single_network(space, supernet, a) for a in some(space)[:2])
    before = statistics(supernet) + statistics(second)
    first(images())
    after = statistics(supernet) + statistics(second)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_one_hot_weights_leave_the_batch_norms_of_other_operations_alone(
    space: SearchSpace,
) -> None:
    supernet, arch = whole(space), some(space)[1]
    network = single_network(space, supernet, arch)
    touched = sum(1 for _ in statistics(network))
    before = statistics(supernet)
    supernet(images(), one_hot(space, arch))
    after = statistics(supernet)
    changed = sum(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert 0 < changed <= touched
    network(images())
    assert len(before) > touched


def test_a_masked_network_is_the_supernet_with_equal_weights(space: SearchSpace) -> None:
    supernet = whole(space)
    layout = space.supernet_layout
    mask = OperationMask.full(layout, without=("none", "skip_connect")).without(
        0, layout.operations[3]
    )
    network = supernet.masked(mask)
    assert isinstance(network, Network)
    expected = supernet(images(), torch.from_numpy(mask.weights()))
    torch.testing.assert_close(network(images()), expected, rtol=0, atol=CLOSE)
    initialise(supernet, "kaiming_normal_fan_out", generator=torch.Generator().manual_seed(2))
    expected = supernet(images(), torch.from_numpy(mask.weights()))
    torch.testing.assert_close(network(images()), expected, rtol=0, atol=CLOSE)


def test_a_masked_network_holds_only_what_is_left(space: SearchSpace) -> None:
    supernet, arch = whole(space), some(space)[-1]
    single = supernet.masked(OperationMask.parse(space.supernet_layout, arch))
    assert sum(p.numel() for p in single.parameters()) == space.num_parameters(
        arch, **SIZES[space.name]
    )


def test_a_masked_network_of_one_operation_an_edge_scores_as_the_one_network(
    space: SearchSpace,
) -> None:
    supernet, arch = whole(space).float(), some(space)[-1]
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    ids = ["ntk_condition", "naswot", "nasi", "linear_regions", "params", "synflow"]
    networks = (
        supernet.masked(OperationMask.parse(space.supernet_layout, arch)),
        single_network(space, supernet, arch),
    )
    first, second = (measure(n, images().float(), labels, ids) for n in networks)
    assert first == pytest.approx(second, rel=1e-4)
    assert all(np.isfinite(list(first.values())))


def test_weights_have_gradients_like_finite_differences(space: SearchSpace) -> None:
    supernet = whole(space).eval()
    rng = np.random.default_rng(0)
    weights = torch.from_numpy(rng.dirichlet(np.ones(space.supernet_layout.shape[1]), 28))
    weights = weights[: space.supernet_layout.shape[0]].requires_grad_()
    [gradient] = torch.autograd.grad(supernet(images(), weights).square().sum(), weights)
    step = 1e-5
    for edge, operation in rng.integers(space.supernet_layout.shape, size=(6, 2)):
        ends = []
        for sign in (1, -1):
            moved = weights.detach().clone()
            moved[edge, operation] += sign * step
            ends.append(supernet(images(), moved).square().sum().item())
        slope = (ends[0] - ends[1]) / (2 * step)
        assert float(gradient[edge, operation]) == pytest.approx(slope, rel=1e-4, abs=1e-6)


def test_a_supernet_moves_and_copies_like_other_modules(space: SearchSpace) -> None:
    import copy

    supernet, arch = whole(space), some(space)[0]
    weights = one_hot(space, arch)
    copied = copy.deepcopy(supernet)
    torch.testing.assert_close(copied(images(), weights), supernet(images(), weights))
    assert {id(p) for p in copied.parameters()}.isdisjoint(id(p) for p in supernet.parameters())


def test_wrong_weights_and_masks_are_refused(space: SearchSpace) -> None:
    supernet, layout = whole(space), space.supernet_layout
    with pytest.raises(MalformedInput, match=r"shape \(2, 3\).*edges, operations"):
        supernet(images(), torch.ones(2, 3))
    other = spaces["darts" if space.name == "nasbench201" else "nasbench201"]
    with pytest.raises(MalformedInput, match="is one of"):
        supernet.masked(OperationMask.full(other.supernet_layout))
    nothing = OperationMask.full(layout).without(0)
    if space.name == "darts":
        nothing = nothing.without(1)
    with pytest.raises(MalformedInput, match="leave at least one"):
        supernet.masked(nothing)
    with pytest.raises(RuntimeError, match="call the supernet with weights"):
        supernet.skeleton(images())


def test_a_darts_cell_with_one_input_twice_is_not_in_the_supernet() -> None:
    space = spaces["darts"]
    cell = "|none~0|none~1|+|none~0|none~1|+|none~0|none~1|+|skip_connect~0|none~0|"
    with pytest.raises(MalformedInput, match="a source occurs once"):
        OperationMask.parse(space.supernet_layout, f"{cell};{cell}")


@pytest.mark.parametrize("name", sorted(set(spaces) - set(SIZES)))
def test_spaces_without_a_supernet_say_so(name: str) -> None:
    space = spaces[name]
    for make in (
        lambda: space.supernet(num_classes=2, channels=2, cells=1),
        lambda: space.thin_supernet(num_classes=2),
        lambda: space.supernet_layout,
    ):
        with pytest.raises(Unsupported, match=f"{name}.*has none. Take one of darts, nasbench201"):
            make()


def test_counts_below_one_are_refused() -> None:
    space = spaces["nasbench201"]
    assert isinstance(space, NASBench201)
    with pytest.raises(MalformedInput, match="cells=0"):
        space.supernet(num_classes=2, channels=2, cells=0)
    with pytest.raises(MalformedInput, match="channels=0"):
        spaces["darts"].thin_supernet(num_classes=2, channels=0)
