"""The functional classes, counted, and checked against networks in float64."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import permutations, product

import numpy as np
import pytest
import torch
from torch import Tensor

from untrained.spaces.nasbench201.function import normal_form
from untrained.spaces.nasbench201.network import Cell
from untrained.spaces.nasbench201.space import OPERATIONS, NASBench201


def unique_string(operations: Sequence[str]) -> str:
    """The benchmark's own structure string, which calls 6,466 cells different.

    A node is the sorted list of its inputs' strings. `none`, or anything after an input that is
    wholly `#`, is `#`; a skip connection repeats its source's string. Differs from `normal_form`
    both ways: it keeps `#` among the summands (`0` and `#+0` differ, though equal), and it writes
    a convolution reached twice like two convolutions.

    Reference: Dong and Yang, "NAS-Bench-201", ICLR 2020, the rule that considers zero operations.
    """
    nodes = ["0"]
    edge = 0
    for target in (1, 2, 3):
        inputs: list[str] = []
        for source in range(target):
            operation, text = operations[edge], nodes[source]
            if operation == "none" or text == "#":
                inputs.append("#")
            elif operation == "skip_connect":
                inputs.append(text)
            else:
                inputs.append(f"({text})@{operation}")
            edge += 1
        nodes.append("+".join(sorted(inputs)))
    return nodes[3]


ALL = list(product(OPERATIONS, repeat=6))
EQUAL = 1e-10  # rounding of float64 through three layers is 1e-14; linear pooling reorders sums
DIFFERENT = 1e-7  # batch norm's epsilon, 1e-5, is what tells conv(x + x) from conv(x)
KERNEL = {"nor_conv_1x1": 1, "nor_conv_3x3": 3}

Cells = tuple[str, ...]


def kernels(cell: Cells) -> list[int]:
    return [KERNEL[cell[edge]] for edge in normal_form(cell).convolutions]


def output(cell: Cells, edges: list[int], weights: list[Tensor], gains: list[Tensor]) -> Tensor:
    """The cell's output where convolution `edges[i]` has `weights[i]`; all others are random."""
    generator = torch.Generator().manual_seed(99)
    x = torch.randn(4, 3, 6, 6, generator=generator, dtype=torch.float64)
    module = Cell(cell, 3).double().train()
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data.normal_(generator=generator)
    for edge, weight, gain in zip(edges, weights, gains, strict=True):
        module.get_parameter(f"layers.{edge}.op.1.weight").data.copy_(weight)
        module.get_parameter(f"layers.{edge}.op.2.weight").data.copy_(gain)
    with torch.no_grad():
        return torch.as_tensor(module(x))


def draw(cell: Cells, seed: int) -> tuple[list[Tensor], list[Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    live = kernels(cell)
    weights = [torch.randn(3, 3, k, k, generator=generator, dtype=torch.float64) for k in live]
    gains = [1 + torch.rand(3, generator=generator, dtype=torch.float64) for _ in live]
    return weights, gains


def distance(a: Tensor, b: Tensor) -> float:
    scale = max(float(a.abs().max()), float(b.abs().max()))
    return float((a - b).abs().max()) / scale if scale else 0.0


def distance_when_paired(a: Cells, b: Cells, *, linear_pooling: bool, seed: int) -> float:
    weights, gains = draw(a, seed)
    forms = [normal_form(c, linear_pooling=linear_pooling).convolutions for c in (a, b)]
    # `draw` goes by the plain form's order; the linear form may list the same edges otherwise
    plain = list(normal_form(a).convolutions)
    order = [plain.index(edge) for edge in forms[0]]
    weights, gains = [weights[i] for i in order], [gains[i] for i in order]
    return distance(
        *(output(c, list(f), weights, gains) for c, f in zip((a, b), forms, strict=True))
    )


def classes(*, linear_pooling: bool) -> dict[str, list[Cells]]:
    found: dict[str, list[Cells]] = defaultdict(list)
    for cell in ALL:
        found[normal_form(cell, linear_pooling=linear_pooling).text].append(cell)
    return found


def test_number_of_classes() -> None:
    assert len(classes(linear_pooling=False)) == 5260
    assert len(classes(linear_pooling=True)) == 5044
    assert len({unique_string(cell) for cell in ALL}) == 6466


def test_341_architectures_are_constant(space: NASBench201) -> None:
    assert sum(space.is_constant(arch) for arch in space) == 341


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("none none none skip_connect none none", "x"),
        ("none none nor_conv_3x3 skip_connect nor_conv_1x1 none", "x"),
        ("skip_connect none none skip_connect skip_connect none", "x+x"),
        ("nor_conv_3x3 none none avg_pool_3x3 none skip_connect", "p[x]"),
        ("nor_conv_3x3 nor_conv_3x3 none none skip_connect skip_connect", "3[x]+3[x]"),
        ("nor_conv_3x3 none skip_connect none skip_connect skip_connect", "3'[x]+3'[x]"),
        ("nor_conv_3x3 none none nor_conv_3x3 skip_connect none", "3[x]+3[x]"),
    ],
)
def test_normal_forms_by_hand(cell: str, text: str) -> None:
    assert normal_form(cell.split()).text == text


def test_live_convolutions_are_those_whose_weights_change_the_output() -> None:
    rng = np.random.default_rng(11)
    for index in rng.choice(len(ALL), 60, replace=False):
        cell = ALL[index]
        edges = [e for e in range(6) if cell[e] in KERNEL]
        generator = torch.Generator().manual_seed(int(index))

        def weight(edge: int, cell: Cells = cell, generator: torch.Generator = generator) -> Tensor:
            k = KERNEL[cell[edge]]
            return torch.randn(3, 3, k, k, generator=generator, dtype=torch.float64)

        weights = [weight(e) for e in edges]
        gains = [torch.ones(3, dtype=torch.float64) for _ in edges]
        before = output(cell, edges, weights, gains)
        live = set()
        for place, edge in enumerate(edges):
            changed = [*weights[:place], weight(edge), *weights[place + 1 :]]
            if distance(before, output(cell, edges, changed, gains)) > DIFFERENT:
                live.add(edge)
        assert live == set(normal_form(cell).convolutions)


@pytest.mark.parametrize("linear_pooling", [False, True])
def test_members_of_a_class_compute_the_same_function(linear_pooling: bool) -> None:
    rng = np.random.default_rng(5)
    groups = [g for g in classes(linear_pooling=linear_pooling).values() if len(g) > 1]
    for index in rng.choice(len(groups), 150, replace=False):
        first, *others = groups[index]
        other = others[int(rng.integers(len(others)))]
        found = distance_when_paired(first, other, linear_pooling=linear_pooling, seed=int(index))
        assert found < EQUAL, (first, other)


def test_what_only_linear_pooling_merges_agrees_too() -> None:
    merged = [
        group
        for group in classes(linear_pooling=True).values()
        if len({normal_form(cell).text for cell in group}) > 1
    ]
    assert sum(len({normal_form(c).text for c in g}) - 1 for g in merged) == 5260 - 5044
    for seed, group in enumerate(merged[:60]):
        plain = {normal_form(cell).text: cell for cell in group}
        first, other, *_ = plain.values()
        assert distance_when_paired(first, other, linear_pooling=True, seed=seed) < EQUAL


def closest_pairing(a: Cells, b: Cells, seed: int) -> float:
    """The least distance over all ways to give b's convolutions the weights of a's."""
    weights, gains = draw(a, seed)
    live_a, live_b = list(normal_form(a).convolutions), list(normal_form(b).convolutions)
    target = output(a, live_a, weights, gains)
    kernels_a = kernels(a)
    return min(
        distance(target, output(b, list(order), weights, gains))
        for order in permutations(live_b)
        if [KERNEL[b[edge]] for edge in order] == kernels_a
    )


def pairs_that_could_be_equal(count: int) -> list[tuple[Cells, Cells]]:
    """Random cells of different classes that have equally many live convolutions of each kernel."""
    groups: dict[tuple[int, ...], list[Cells]] = defaultdict(list)
    for members in classes(linear_pooling=True).values():
        live = tuple(sorted(kernels(members[0])))
        if len(live) <= 3:
            groups[live].append(members[-1])
    rng = np.random.default_rng(7)
    keys = [key for key in sorted(groups) if len(groups[key]) > 1]
    pairs = []
    for _ in range(count):
        group = groups[keys[int(rng.integers(len(keys)))]]
        i, j = rng.choice(len(group), 2, replace=False)
        pairs.append((group[i], group[j]))
    return pairs


def test_different_classes_compute_different_functions() -> None:
    for seed, (a, b) in enumerate(pairs_that_could_be_equal(100)):
        assert closest_pairing(a, b, seed) > DIFFERENT, (a, b)


def test_a_convolution_reached_twice_is_not_two_convolutions() -> None:
    by_string: dict[str, dict[str, Cells]] = defaultdict(dict)
    for cell in ALL:
        form = normal_form(cell)
        by_string[form.text.replace("'", "")].setdefault(form.text, cell)
    confused = [tuple(forms.values()) for forms in by_string.values() if len(forms) > 1]
    assert len(confused) > 100
    for seed, forms in enumerate(confused[:60]):
        # two convolutions of one input, and one that is reached twice
        two, one = sorted(forms, key=lambda cell: len(kernels(cell)), reverse=True)[:2]
        assert len(kernels(two)) > len(kernels(one))
        weights, gains = draw(two, seed)
        expected = output(two, list(normal_form(two).convolutions), weights, gains)
        for chosen in permutations(range(len(weights)), len(kernels(one))):
            if [weights[i].shape[-1] for i in chosen] == kernels(one):
                live = list(normal_form(one).convolutions)
                single = output(one, live, [weights[i] for i in chosen], [gains[i] for i in chosen])
                assert distance(expected, single) > DIFFERENT


def test_networks_of_a_class_agree_end_to_end(space: NASBench201) -> None:
    """Whole networks in float64, weights copied edge by edge from the representative."""
    rng = np.random.default_rng(2)
    compared = 0
    while compared < 6:
        arch = space.sample(rng)
        first = space.canonical(arch)
        if first == arch:
            continue
        compared += 1
        nets = [
            space.build(a, num_classes=3, channels=2, cells=1).double().train()
            for a in (first, arch)
        ]
        pairs = zip(
            *(normal_form(space.operations(a)).convolutions for a in (first, arch)), strict=True
        )
        rename = dict(pairs)
        state = nets[1].state_dict()
        for key, value in nets[0].state_dict().items():
            parts = key.split(".")
            if "layers" in parts:
                if int(parts[3]) not in rename:
                    continue
                parts[3] = str(rename[int(parts[3])])
            state[".".join(parts)].copy_(value)
        x = torch.randn(5, 3, 8, 8, dtype=torch.float64)
        with torch.no_grad():
            assert distance(nets[0](x), nets[1](x)) < EQUAL


@pytest.mark.parametrize("linear_pooling", [False, True])
def test_canonical_is_the_first_member_and_stays(space: NASBench201, linear_pooling: bool) -> None:
    first: dict[str, str] = {}
    for arch in space:
        form = normal_form(space.operations(arch), linear_pooling=linear_pooling).text
        expected = first.setdefault(form, arch.text)
        assert space.canonical(arch, linear_pooling=linear_pooling).text == expected
