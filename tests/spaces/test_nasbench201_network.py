import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.foundation import MalformedInput
from untrained.spaces import Network
from untrained.spaces.framework.network import fastest_layout
from untrained.spaces.nasbench201.notations import EDGES
from untrained.spaces.nasbench201.space import OPERATIONS, NASBench201, format_operations

TINY: dict[str, Any] = {"num_classes": 10, "channels": 4, "cells": 1}
MIXED = ("nor_conv_3x3", "nor_conv_1x1", "none", "nor_conv_1x1", "avg_pool_3x3", "nor_conv_3x3")
CONVOLUTIONS = format_operations(("nor_conv_3x3", "nor_conv_1x1") * 3)


def slow_forward(state: dict[str, Tensor], operations: tuple[str, ...], x: Tensor) -> Tensor:
    """The network from its weights and the paper's figure, in train mode, module-free."""

    def norm(y: Tensor, name: str) -> Tensor:
        mean = y.mean((0, 2, 3), keepdim=True)
        var = ((y - mean) ** 2).mean((0, 2, 3), keepdim=True)
        gain, shift = (state[f"{name}.{p}"].view(1, -1, 1, 1) for p in ("weight", "bias"))
        return gain * (y - mean) / torch.sqrt(var + 1e-5) + shift

    def block(y: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = state[f"{name}.op.1.weight"]
        padding = weight.shape[-1] // 2
        return norm(F.conv2d(y.clamp(min=0), weight, None, stride, padding), f"{name}.op.2")

    def pool(y: Tensor) -> Tensor:
        ones = torch.ones(1, 1, 3, 3, dtype=y.dtype).expand(y.shape[1], 1, 3, 3)
        total = F.conv2d(y, ones, padding=1, groups=y.shape[1])
        return total / F.conv2d(torch.ones_like(y), ones, padding=1, groups=y.shape[1])

    def cell(y: Tensor, name: str) -> Tensor:
        nodes = {0: y}
        for edge, (source, target) in enumerate(EDGES):
            z, operation = nodes[source], operations[edge]
            if operation == "none":
                z = torch.zeros_like(z)
            elif operation == "avg_pool_3x3":
                z = pool(z)
            elif operation != "skip_connect":
                z = block(z, f"{name}.layers.{edge}")
            nodes[target] = nodes[target] + z if target in nodes else z
        return nodes[3]

    def reduction(y: Tensor, name: str) -> Tensor:
        deep = block(block(y, f"{name}.conv_a", stride=2), f"{name}.conv_b")
        b, c, h, w = y.shape
        small = y.view(b, c, h // 2, 2, w // 2, 2).mean((3, 5))
        return deep + F.conv2d(small, state[f"{name}.downsample.1.weight"])

    x = norm(F.conv2d(x, state["stem.0.weight"], padding=1), "stem.1")
    x = cell(x, "cells.0")
    x = cell(reduction(x, "cells.1"), "cells.2")
    x = cell(reduction(x, "cells.3"), "cells.4")
    x = norm(x, "lastact.0").clamp(min=0).mean((2, 3))
    return x @ state["classifier.weight"].T + state["classifier.bias"]


def relu_inputs(network: Network, x: Tensor) -> dict[str, Tensor]:
    seen: dict[str, Tensor] = {}
    handles = [
        module.register_forward_pre_hook(lambda _, args, name=name: seen.update({name: args[0]}))
        for name, module in network.named_modules()
        if isinstance(module, nn.ReLU)
    ]
    with torch.no_grad():
        network(x)
    for handle in handles:
        handle.remove()
    return seen


def test_forward_is_that_of_a_plain_reimplementation(space: NASBench201) -> None:
    rng = np.random.default_rng(0)
    for _ in range(8):
        arch = space.sample(rng)
        network = space.build(arch, **TINY).double().train()
        for parameter in network.parameters():
            parameter.data.add_(0.1 * torch.randn_like(parameter))
        x = torch.randn(6, 3, 16, 16, dtype=torch.float64)
        state = {k: v.clone() for k, v in network.state_dict().items()}
        with torch.no_grad():
            expected = slow_forward(state, space.operations(arch), x)
            torch.testing.assert_close(network(x), expected, rtol=1e-9, atol=1e-11)


def test_golden_weights_load_by_their_published_names(
    space: NASBench201, golden_arrays: dict[str, dict[str, Any]]
) -> None:
    inputs, weights, scores = (golden_arrays[k] for k in ("inputs", "weights_infer", "scores"))
    for index, text in enumerate(inputs["archs"]):
        network = space.build(str(text), **TINY)
        state = {
            key.split("/", 1)[1]: torch.from_numpy(value)
            for key, value in weights.items()
            if key.startswith(f"{index}/")
        }
        left = network.load_state_dict(state, strict=False)
        assert not left.unexpected_keys
        buffers = ("running_mean", "running_var", "num_batches_tracked")
        assert all(key.endswith(buffers) for key in left.missing_keys)

        network.double().train()
        logits = network(torch.from_numpy(inputs["x"]).double())
        loss = F.cross_entropy(logits, torch.from_numpy(inputs["y"]))
        torch.autograd.backward(loss)
        grad_norm = sum(
            float(module.weight.grad.norm())
            for module in network.modules()
            if isinstance(module, nn.Conv2d | nn.Linear) and module.weight.grad is not None
        )
        assert grad_norm == pytest.approx(float(scores["dxy_grad_norm.f8"][index]), rel=1e-9)


def test_stages_are_the_maps_before_each_reduction_and_at_the_end(space: NASBench201) -> None:
    network = space.build(CONVOLUTIONS, num_classes=7, channels=4, cells=2).eval()
    seen: dict[str, Tensor] = {}
    for name in ("cells.1", "cells.4", "cells.7", "lastact"):
        network.get_submodule(name).register_forward_hook(
            lambda _, args, out, name=name: seen.update({name: out})
        )
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        stages = network.stages(x)
        features = network.features(x)
        logits = network(x)
    assert [tuple(s.shape) for s in stages] == [(2, 4, 32, 32), (2, 8, 16, 16), (2, 16, 8, 8)]
    for stage, name in zip(stages, ("cells.1", "cells.4", "cells.7"), strict=True):
        assert torch.equal(stage, seen[name])
    assert torch.equal(features, seen["lastact"])
    torch.testing.assert_close(
        logits, network.get_submodule("classifier")(features.mean((2, 3))), rtol=1e-5, atol=1e-6
    )


def test_number_of_relu_units_is_the_closed_form(space: NASBench201) -> None:
    for convolutions in (0, 1, 3, 6):
        operations = ("nor_conv_3x3",) * convolutions + ("none",) * (6 - convolutions)
        with torch.device("meta"):
            network = space.build(
                format_operations(operations), num_classes=1, channels=16, cells=5
            )
            seen = relu_inputs(network, torch.empty(1, 3, 32, 32))
        assert sum(t.numel() for t in seen.values()) == 143_360 * convolutions + 40_960


def test_edges_of_one_node_are_handed_the_same_tensor(space: NASBench201) -> None:
    network = space.build(CONVOLUTIONS, **TINY)
    seen = relu_inputs(network, torch.randn(2, 3, 8, 8))
    by_source: dict[int, list[Tensor]] = {0: [], 1: [], 2: []}
    for edge, (source, _) in enumerate(EDGES):
        by_source[source].append(seen[f"cells.0.layers.{edge}.op.0"])
    assert [len(tensors) for tensors in by_source.values()] == [3, 2, 1]
    for tensors in by_source.values():
        assert all(t is tensors[0] for t in tensors)
    firsts = [tensors[0] for tensors in by_source.values()]
    assert all(a is not b for a, b in itertools.combinations(firsts, 2))


def test_every_relu_is_a_module_of_its_own_and_spares_its_input(space: NASBench201) -> None:
    network = space.build(CONVOLUTIONS, **TINY)
    relus = [m for m in network.modules() if isinstance(m, nn.ReLU)]
    assert len(relus) == 3 * 6 + 2 * 2 + 1  # modules() lists a shared module once
    assert not any(relu.inplace for relu in relus)


def test_channels_last_inputs_stay_channels_last(space: NASBench201) -> None:
    network = space.build(format_operations(MIXED), num_classes=10, channels=4, cells=1)
    strayed: list[str] = []

    def check(name: str, out: Tensor) -> None:
        if out.ndim == 4 and not out.is_contiguous(memory_format=torch.channels_last):
            strayed.append(name)

    for name, module in network.named_modules():
        module.register_forward_hook(lambda _, args, out, name=name: check(name, out))
    x = torch.randn(2, 3, 16, 16).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        network(x)
    assert strayed == []


def test_only_a_cpu_gets_the_layout_that_is_fast_on_a_cpu(space: NASBench201) -> None:
    network = space.build(CONVOLUTIONS, **TINY)
    supernet = space.supernet(**TINY)
    here = fastest_layout(network)
    assert here == network.memory_format == supernet.memory_format
    elsewhere = [moved.to("meta").memory_format for moved in (network, supernet)]
    assert elsewhere == [torch.contiguous_format] * 2
    network.memory_format = torch.channels_last  # what is asked for counts
    assert network.memory_format == torch.channels_last


def test_a_none_edge_keeps_the_graph_connected_and_gives_exact_zeros(space: NASBench201) -> None:
    operations = ("nor_conv_3x3", "none", "none", "none", "none", "none")
    network = space.build(format_operations(operations), **TINY)
    x = torch.randn(3, 3, 8, 8)
    assert not network.get_submodule("cells.0")(torch.randn(3, 4, 8, 8)).any()
    network(x).sum().backward()
    behind = network.get_parameter("cells.2.layers.0.op.1.weight")
    assert behind.grad is not None
    assert not behind.grad.any()


@pytest.mark.parametrize("cells", [1, 2])
@pytest.mark.parametrize(("channels", "num_classes", "in_channels"), [(4, 10, 3), (6, 3, 1)])
def test_closed_form_of_parameters_counts_the_built_network(
    space: NASBench201, channels: int, num_classes: int, in_channels: int, cells: int
) -> None:
    shape = {
        "channels": channels,
        "num_classes": num_classes,
        "in_channels": in_channels,
        "cells": cells,
    }
    rng = np.random.default_rng(channels)
    for _ in range(5):
        arch = space.sample(rng)
        built = sum(p.numel() for p in space.build(arch, **shape).parameters())
        assert space.num_parameters(arch, **shape) == built


def test_initialisation_is_that_of_the_layers(space: NASBench201) -> None:
    torch.manual_seed(1)
    first = space.build(CONVOLUTIONS, **TINY).state_dict()
    torch.manual_seed(1)
    again = space.build(CONVOLUTIONS, **TINY).state_dict()
    other = space.build(CONVOLUTIONS, **TINY).state_dict()
    assert all(torch.equal(first[k], again[k]) for k in first)
    weight = "cells.2.layers.0.op.1.weight"
    assert not torch.equal(first[weight], other[weight])
    bound = 1 / np.sqrt(8 * 9)  # uniform within 1 / sqrt(fan-in)
    assert 0.8 * bound < float(first[weight].abs().max()) <= bound


@pytest.mark.parametrize("name", ["num_classes", "channels", "cells", "in_channels"])
def test_a_network_of_nothing_is_refused(space: NASBench201, name: str) -> None:
    with pytest.raises(MalformedInput, match=rf"network with {name}=0: .*at least 1"):
        space.build(CONVOLUTIONS, **{**TINY, name: 0})


def test_every_operation_can_stand_on_every_edge(space: NASBench201) -> None:
    for shift in range(5):
        operations = tuple(OPERATIONS[(edge + shift) % 5] for edge in range(6))
        logits = space.build(format_operations(operations), **TINY)(torch.randn(2, 3, 8, 8))
        assert logits.shape == (2, 10)
        assert torch.isfinite(logits).all()


def test_the_thin_network_is_one_cell_normalised_rectified_pooled_and_classified(
    space: NASBench201,
) -> None:
    thin = space.build_thin(format_operations(MIXED), num_classes=4, channels=2).double()
    x = torch.randn(9, 2, 3, 3, dtype=torch.float64)
    y = thin.cells[0](x)
    assert torch.equal(thin.stages(x)[0], y)
    mean, var = y.mean((0, 2, 3), keepdim=True), y.var((0, 2, 3), keepdim=True, unbiased=False)
    y = ((y - mean) / torch.sqrt(var + 1e-5)).clamp(min=0)
    torch.testing.assert_close(thin.features(x), y)
    expected = y.mean((2, 3)) @ thin.classifier.weight.T + thin.classifier.bias
    torch.testing.assert_close(thin(x), expected)
    whole = space.build(format_operations(MIXED), **TINY).state_dict()
    assert set(thin.state_dict()) == {
        name for name in whole if name.startswith(("cells.0.", "lastact.", "classifier."))
    }
