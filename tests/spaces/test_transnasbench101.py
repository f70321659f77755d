from collections import defaultdict
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from untrained.foundation import MalformedInput
from untrained.harness.study.plan import plan_study
from untrained.harness.study.study import Population, Study
from untrained.indicators import indicators
from untrained.spaces import benchmarks, data_folder, spaces
from untrained.spaces.nasbench201.function import REDUCTION, normal_form
from untrained.spaces.transnasbench101.space import (
    OPERATIONS,
    Cell,
    TransNASBench101Macro,
    TransNASBench101Micro,
)

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


@pytest.fixture
def micro() -> TransNASBench101Micro:
    found = spaces["transnasbench101_micro"]
    assert isinstance(found, TransNASBench101Micro)
    return found


@pytest.fixture
def macro() -> TransNASBench101Macro:
    found = spaces["transnasbench101_macro"]
    assert isinstance(found, TransNASBench101Macro)
    return found


def require_table(name: str) -> None:
    if not (data_folder() / "tables" / f"{name}.parquet").is_file():
        pytest.skip(f"no {name} table: set UNTRAINED_DATA to a folder that has it")


class SlowNetwork:
    """The network from its weights in the order of the modules, in train mode, module-free."""

    def __init__(self, network: nn.Module) -> None:
        self.weights: Iterator[nn.Module] = iter(
            m for m in network.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.Linear)
        )

    def conv(self, x: Tensor, stride: int) -> Tensor:
        weight = next(self.weights).get_parameter("weight")
        return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2)

    def norm(self, x: Tensor, epsilon: float = 1e-5) -> Tensor:
        module = next(self.weights)
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, correction=0)
        gain, shift = (module.get_parameter(p).view(1, -1, 1, 1) for p in ("weight", "bias"))
        return gain * (x - mean) / torch.sqrt(var + epsilon) + shift

    def relu_conv_norm(self, x: Tensor, stride: int = 1) -> Tensor:
        return self.norm(self.conv(x.clamp(min=0), stride))

    def basic(self, x: Tensor, stride: int, *, changed: bool) -> Tensor:
        deep = self.relu_conv_norm(self.relu_conv_norm(x, stride))
        return deep + (self.norm(self.conv(x, stride), epsilon=1.0) if changed else x)

    def factorized(self, x: Tensor, stride: int) -> Tensor:
        x = x.clamp(min=0)
        even = self.conv(x, stride)
        b, c, h, w = x.shape
        shifted = torch.zeros(b, c, h, w, dtype=x.dtype)
        shifted[:, :, :-1, :-1] = x[:, :, 1:, 1:]
        return self.norm(torch.cat([even, self.conv(shifted, stride)], 1))

    def cell(self, operations: str, x: Tensor, stride: int, *, changed: bool, out: int) -> Tensor:
        b, _, h, w = x.shape
        nodes = [x, *(torch.zeros(b, out, h // stride, w // stride, dtype=x.dtype) for _ in "123")]
        for (source, target), operation in zip(EDGES, operations, strict=True):
            here = nodes[source]
            s = stride if source == 0 else 1
            if operation in "23":
                nodes[target] = nodes[target] + self.relu_conv_norm(here, s)
            elif operation == "1":
                moved = self.factorized(here, s) if source == 0 and changed else here
                nodes[target] = nodes[target] + moved
        return nodes[3]

    def logits(self, text: str, x: Tensor) -> Tensor:
        _, modules, block = text.split("-")
        x = self.relu_conv_norm(self.norm(self.conv(x, 2)), 2)
        for digit in modules:
            stride, factor = {"1": (1, 1), "2": (1, 2), "3": (2, 1), "4": (2, 2)}[digit]
            out = x.shape[1] * factor
            for s, changed in ((stride, digit != "1"), (1, False)):
                if block == "basic":
                    x = self.basic(x, s, changed=changed)
                else:
                    x = self.cell(block.replace("_", ""), x, s, changed=changed, out=out)
        classifier = next(self.weights)
        weight, bias = (classifier.get_parameter(p) for p in ("weight", "bias"))
        return x.mean((2, 3)) @ weight.T + bias


@pytest.mark.parametrize(
    "text",
    [
        "64-41414-1_02_333",
        "64-41414-1_11_110",
        "64-41414-0_20_013",
        "64-41414-3_12_121",
        "64-1234-basic",
        "64-4111-basic",
        "64-331243-basic",
    ],
)
def test_forward_is_that_of_a_plain_reimplementation(text: str) -> None:
    space = spaces["transnasbench101_macro" if text.endswith("basic") else "transnasbench101_micro"]
    network = space.build(text, num_classes=5, channels=4, cells=2).double()
    for parameter in network.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    x = torch.randn(3, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        expected = SlowNetwork(network).logits(text, x)
        torch.testing.assert_close(network(x), expected, rtol=1e-8, atol=1e-9)


def test_stages_stand_before_each_halving_and_at_the_end(macro: TransNASBench101Macro) -> None:
    def shapes(text: str) -> list[tuple[int, ...]]:
        space = spaces[
            "transnasbench101_macro" if text.endswith("basic") else "transnasbench101_micro"
        ]
        network = space.build(text, num_classes=5, channels=8, cells=1).eval()
        with torch.no_grad():
            stages = network.stages(torch.randn(1, 3, 256, 256))
            assert torch.equal(
                network.features(torch.ones(1, 3, 64, 64)),
                network.stages(torch.ones(1, 3, 64, 64))[-1],
            )
        return [tuple(stage.shape[1:3]) for stage in stages]

    assert shapes("64-41414-3_33_333") == [(8, 64), (16, 32), (32, 16), (64, 8)]
    assert shapes("64-1234-basic") == [(16, 64), (16, 32), (32, 16)]
    assert shapes("64-4111-basic") == [(8, 64), (16, 32)]


def test_initialisation_is_kaiming_normal_by_fan_out(macro: TransNASBench101Macro) -> None:
    network = macro.build("64-4111-basic", num_classes=5, channels=32, cells=2)
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() > 4000:
            fan_out = module.weight[0, 0].numel() * module.out_channels
            relative = 5 / np.sqrt(2 * module.weight.numel())
            spread = float(module.weight.detach().std())
            assert spread == pytest.approx(np.sqrt(2 / fan_out), rel=float(relative))


def paired(a: str, b: str, stride: int) -> tuple[Tensor, Tensor]:
    """Outputs of two cells whose live convolutions have equal weights, in pairs."""
    outputs = []
    for digits in (a, b):
        names = [OPERATIONS[int(digit)] for digit in digits]
        for edge in (0, 1, 3) if stride == 2 else ():
            names[edge] = REDUCTION if names[edge] == "skip_connect" else names[edge]
        generator = torch.Generator().manual_seed(5)
        cell = Cell([int(digit) for digit in digits], 4, 4 * stride, stride).double()
        for edge in normal_form(names).convolutions:
            for parameter in cell.edges[edge].parameters():
                drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                # shifts stay zero, as they are initialised
                if parameter.ndim == 4:
                    parameter.data.copy_(drawn)
        x = torch.randn(3, 4, 6, 6, generator=torch.Generator().manual_seed(6)).double()
        with torch.no_grad():
            outputs.append(cell(x))
    return outputs[0], outputs[1]


def test_members_of_a_class_compute_one_function(micro: TransNASBench101Micro) -> None:
    members = defaultdict(list)
    for arch in micro:
        members[micro.canonical(arch)].append(arch)
    assert len(members) == 1376
    rng = np.random.default_rng(0)
    shared = [group for group in members.values() if len(group) > 1]
    for index in rng.permutation(len(shared))[:60]:
        group = shared[index]
        other = group[1 + int(rng.integers(len(group) - 1))]
        a, b = ("".join(map(str, micro.operations(arch))) for arch in (group[0], other))
        for stride in (1, 2):
            torch.testing.assert_close(*paired(a, b, stride), rtol=1e-9, atol=1e-9)


def test_a_skip_connection_that_has_weights_in_half_of_the_cells_is_told_apart(
    micro: TransNASBench101Micro,
) -> None:
    first, second = micro.parse("64-41414-1_00_010"), micro.parse("64-41414-1_01_001")
    assert micro.canonical(first) == micro.canonical(second)  # one reduction, then copies
    # where the shape is kept, both are the input twice; where it changes, the third is the sum of
    # two reductions and the fourth twice the same one
    third = micro.parse("64-41414-1_00_110")
    fourth = micro.parse("64-41414-1_01_011")
    assert micro.canonical(third) != micro.canonical(fourth)
    same = [normal_form([OPERATIONS[i] for i in micro.operations(a)]).text for a in (third, fourth)]
    assert same[0] == same[1] == "x+x"


def test_169_cells_are_constant(micro: TransNASBench101Micro) -> None:
    def connected(digits: tuple[str, ...]) -> bool:
        reached = {0}
        for (source, target), digit in sorted(zip(EDGES, digits, strict=True)):
            if source in reached and digit != "0":
                reached.add(target)
        return 3 in reached

    constant = [arch for arch in micro if micro.is_constant(arch)]
    assert len(constant) == 169 == sum(not connected(d) for d in product("0123", repeat=6))
    network = micro.build(constant[-1], num_classes=3, channels=4, cells=2)
    x = torch.randn(4, 3, 32, 32, requires_grad=True)
    logits = network(x)
    assert torch.equal(logits, logits[:1].expand_as(logits))
    logits.sum().backward()
    assert x.grad is not None  # zeros stay connected to what they were made from
    assert not x.grad.any()


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("micro", "64-41414-1_02_33", "its cell is '1_02_33' (write 64-41414-a_bc_def"),
        ("micro", "64-41414-1_02_334", "its cell is '1_02_334'"),
        ("micro", "64-41414-1_02_33³", "its cell is '1_02_33³'"),
        ("micro", "32-41414-1_02_333", "it does not begin with '64-41414-'"),
        ("macro", "64-1234", "it is not a '64', modules and 'basic', joined by '-'"),
        ("macro", "32-1234-basic", "it is not a '64'"),
        ("macro", "64-1235-basic", "module 4 is '5'"),
        ("macro", "64-123-basic", "it has 3 modules, not 4 to 6"),
        ("macro", "64-1222-basic", "it halves the resolution 0 times, not 1 to 4 times"),
        ("macro", "64-33333-basic", "it halves the resolution 5 times"),
        ("macro", "64-1133-basic", "it doubles the channels 0 times, not 1 to 3 times"),
    ],
)
def test_a_malformed_text_is_refused_with_the_place(name: str, text: str, reason: str) -> None:
    with pytest.raises(MalformedInput) as caught:
        spaces[f"transnasbench101_{name}"].parse(text)
    message = str(caught.value)
    assert f"{text!r} is not a TransNAS-Bench-101 {name} architecture: {reason}" in message


def test_scores_of_the_former_macro_networks_are_not_taken_for_current_ones() -> None:
    study = Study(
        title="two spaces",
        spaces=["transnasbench101_macro", "transnasbench101_micro"],
        indicators=["params"],
        population=Population(kind="sample", n=2),
    )
    macro, micro = plan_study(study)
    own = indicators["params"].version
    assert {key.version for key in macro.keys} == {own + 1}
    assert {key.version for key in micro.keys} == {own}


def test_a_stem_needs_two_channels(micro: TransNASBench101Micro) -> None:
    with pytest.raises(
        MalformedInput, match=r"channels=1: channels must be a whole number of at least 2"
    ):
        micro.build("64-41414-3_33_333", num_classes=2, channels=1, cells=1)


def test_neighbors_of_a_macro_network_are_one_edit_away(macro: TransNASBench101Macro) -> None:
    found = {a.text.split("-")[1] for a in macro.neighbors("64-4111-basic")}
    edited = {"4111"[:i] + d + "4111"[i + 1 :] for i in range(4) for d in "1234"}
    edited |= {"4111"[:i] + d + "4111"[i:] for i in range(5) for d in "1234"}
    everyone = {a.text.split("-")[1] for a in macro}
    assert found == (edited & everyone) - {"4111"}


def test_the_micro_space_is_its_table(micro: TransNASBench101Micro) -> None:
    require_table("transnasbench101_micro")
    benchmark = benchmarks["transnasbench101_micro"]
    table = benchmark.table(dataset="class_scene")
    assert set(table["architecture"]) == {arch.text for arch in micro}
    # a constant network can do no better than the most frequent class
    values = table.set_index("architecture")["value"]
    constant = [arch.text for arch in micro if micro.is_constant(arch)]
    assert values[constant].max() < values.median() / 2


def test_the_macro_space_is_its_table_and_one_more(macro: TransNASBench101Macro) -> None:
    require_table("transnasbench101_macro")
    benchmark = benchmarks["transnasbench101_macro"]
    assert len({target.dataset for target in benchmark.targets()}) == 7
    assert all(benchmark.higher_is_better(target.metric) for target in benchmark.targets())
    rows = set(benchmark.table(dataset="class_object")["architecture"])
    assert {arch.text for arch in macro} - rows == {"64-113444-basic"}
    assert rows < {arch.text for arch in macro}
    assert np.isnan(benchmark.query("64-113444-basic", dataset="class_object"))
