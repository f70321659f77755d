"""NAS-Bench-Graph: members, published parameter counts, and layers against their formulas."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from untrained.foundation import MalformedInput
from untrained.harness.data.inputs import batches
from untrained.harness.study.conditions import resolve
from untrained.harness.study.study import Conditions
from untrained.indicators import Measurement, indicators, read
from untrained.spaces import Architecture, benchmarks, datasets, spaces
from untrained.spaces.framework.network import NetworkSize
from untrained.spaces.nasbenchgraph.layers import adjacency, operation_of
from untrained.spaces.nasbenchgraph.notation import LINKS, is_normal, normal, numbered, trees
from untrained.spaces.nasbenchgraph.space import SETTINGS, GraphNetwork, NASBenchGraph

NODES, DEGREE = 7, 2.0
ATTENTIVE = "0013:gat,arma,sage,graph"


@pytest.fixture
def space() -> NASBenchGraph:
    found = spaces["nasbenchgraph"]
    assert isinstance(found, NASBenchGraph)
    return found


def count(space: NASBenchGraph, text: str, name: str) -> int:
    one = SETTINGS[name]
    return space.num_parameters(
        text, num_classes=one.classes, channels=16, cells=5, in_channels=one.features
    )


@pytest.mark.parametrize(
    ("text", "normal_form"),
    [
        ("0112:gcn,gin,fc,cheb", "0112:gcn,gin,fc,cheb"),
        # the node that is read comes first
        ("0121:gcn,fc,cheb,gin", "0112:gcn,fc,gin,cheb"),
        ("0000:fc,gat,gcn,gat", "0000:gat,gat,gcn,fc"),
        ("0012:sage,gcn,fc,fc", "0012:gcn,sage,fc,fc"),
        # a skip that passes something on, or is alone, comes first
        ("0123:gcn,skip,fc,arma", "0123:skip,gcn,fc,arma"),
        ("0123:gcn,fc,arma,skip", "0123:skip,gcn,fc,arma"),
        ("0000:gcn,skip,fc,arma", "0111:skip,gcn,arma,fc"),
        # a skip beside another node is an output of its own
        ("0112:gcn,gin,skip,cheb", "0112:gcn,gin,skip,cheb"),
        (" 0122:skip,skip,skip,gat ", "0123:skip,skip,skip,gat"),
    ],
)
def test_texts_of_one_network_have_one_normal_form(
    space: NASBenchGraph, text: str, normal_form: str
) -> None:
    assert space.parse(text).text == normal_form


def test_the_normal_form_is_told_as_it_is_made() -> None:
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(2000):
        links, kinds = LINKS[rng.integers(9)], tuple(map(int, rng.choice([0, 1, 8], 4)))
        made = set(kinds) != {8} and numbered(normal(trees(links, kinds))) == (links, kinds)
        assert is_normal(links, kinds) is made
        found += made
    assert 300 < found < 1700


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0123", "it is not four inputs, a colon and four operations"),
        ("0124:gcn,gcn,gcn,gcn", "it is not four inputs"),
        ("0132:gcn,gcn,gcn,gcn", "a node reads a later one or itself"),
        ("0123:gcn,gcn,gcn,mlp", "'mlp' is not one of gat, gcn, gin, cheb, sage, arma, graph, fc"),
        ("0111:skip,skip,skip,skip", "it has no operation but skip"),
    ],
)
def test_what_is_no_network_is_refused(space: NASBenchGraph, text: str, told: str) -> None:
    with pytest.raises(MalformedInput) as caught:
        space.parse(text)
    assert str(caught.value).startswith(f"cannot read {text!r} as an architecture of nasbenchgraph")
    assert told in str(caught.value)
    assert str(caught.value).endswith("Write, for example, 0112:gcn,gin,fc,cheb.")


def test_neighbours_differ_in_one_operation_or_one_input(space: NASBenchGraph) -> None:
    texts = {arch.text for arch in space.neighbors("0123:gcn,gat,fc,fc")}
    assert {"0123:gcn,gat,fc,sage", "0123:skip,gat,fc,fc", "0122:gcn,gat,fc,fc"} <= texts
    assert "0012:gcn,fc,gat,fc" in texts  # the third node reads the features
    assert "0123:gcn,skip,fc,fc" not in texts
    assert len(texts) == 4 * 7 + 1 + 6


def test_the_table_has_every_member(space: NASBenchGraph) -> None:
    benchmark = benchmarks["nasbenchgraph"]
    if benchmark.missing():
        pytest.skip("no table of NAS-Bench-Graph: set UNTRAINED_DATA to a folder that has it")
    table = benchmark.table(dataset="cora")
    assert set(table["architecture"]) == {arch.text for arch in space}


# of the authors' files; those of proteins have the operations gcn, sage, arma, fc and skip alone
PUBLISHED = {
    "0112:gcn,sage,skip,arma": {
        "cora": 830_471,
        "citeseer": 1_411_334,
        "pubmed": 148_099,
        "cs": 974_735,
        "physics": 2_553_093,
        "photo": 180_744,
        "computers": 83_338,
        "arxiv": 137_768,
        "proteins": 558_448,
    },
    "0000:gat,gcn,gin,cheb": {"cora": 2_102_023, "citeseer": 5_007_366, "computers": 87_626},
}


@pytest.mark.parametrize("text", list(PUBLISHED))
def test_published_parameter_counts(space: NASBenchGraph, text: str) -> None:
    assert {name: count(space, text, name) for name in PUBLISHED[text]} == PUBLISHED[text]


def test_recorded_parameter_counts(space: NASBenchGraph) -> None:
    """All are equal but 6 % of those of physics, of which runs of two widths were averaged."""
    benchmark = benchmarks["nasbenchgraph_cost"]
    if benchmark.missing():
        pytest.skip("no table of NAS-Bench-Graph: set UNTRAINED_DATA to a folder that has it")
    for name in SETTINGS:
        table = benchmark.table(dataset=name, metric="params_millions")
        rows = table.sample(8, random_state=0)
        made = [count(space, text, name) for text in rows["architecture"]]
        assert made == [round(1e6 * millions) for millions in rows["value"]], name
    # of three runs on physics one had a network of half the width and no linear layer ahead
    recorded = benchmark.query("0123:fc,fc,fc,gin", dataset="physics", metric="params_millions")
    narrow = SETTINGS["physics"]._replace(width=128, ahead=False)
    other = GraphNetwork(
        (0, 1, 2, 3), ("fc", "fc", "fc", "gin"), narrow, NetworkSize(5, 16, 5, 8415)
    )
    total = 2 * count(space, "0123:fc,fc,fc,gin", "physics")
    total += sum(p.numel() for p in other.parameters())
    assert total / 3 == pytest.approx(1e6 * recorded, abs=1)


def neighbours(node: int) -> list[int]:
    return [other for other in range(NODES) if adjacency(NODES, DEGREE)[node, other]]


def slowly(layer: nn.Module, name: str, x: Tensor) -> Tensor:
    """The published formula of one layer, node by node."""
    if isinstance(layer, nn.Linear):
        return torch.stack([layer.weight @ row + layer.bias for row in x])
    if name == "gat":
        return attention(layer, x)
    W, b = layer.neighbours.weight, layer.neighbours.bias
    degrees = [len(neighbours(i)) for i in range(NODES)]
    out = []
    for i in range(NODES):
        near, own = neighbours(i), layer.own.weight @ x[i] if layer.own is not None else 0
        if name == "gcn":
            near_and_self = [*near, i]
            total = sum(
                x[j] / math.sqrt((degrees[i] + 1) * (degrees[j] + 1)) for j in near_and_self
            )
        elif name == "gin":
            total = x[i] + sum(x[j] for j in near)
        elif name == "sage":
            total = sum(x[j] for j in near) / max(1, len(near))
        elif name == "graph":
            total = sum(x[j] for j in near)
        else:
            total = sum(x[j] / math.sqrt(degrees[i] * degrees[j]) for j in near)
        total = total + torch.zeros_like(x[i])  # of no neighbour it is the number 0
        if name == "cheb":  # T_1(L) = L, with the Laplacian I - D^-1/2 A D^-1/2 less the identity
            total = -total
        row = W @ total + own + b
        out.append(row.clamp(min=0) if name == "arma" else row)
    return torch.stack(out)


def attention(layer: nn.Module, x: Tensor) -> Tensor:
    values = [layer.linear.weight @ row for row in x]
    width = len(values[0]) // 4
    rows = []
    for i in range(NODES):
        heads = []
        for head in range(4):
            part = slice(head * width, (head + 1) * width)
            near = [*neighbours(i), i]
            scores = [
                layer.receiver[head] @ values[i][part] + layer.sender[head] @ values[j][part]
                for j in near
            ]
            powers = [torch.exp(s if s > 0 else 0.2 * s) for s in scores]
            terms = [p * values[j][part] for p, j in zip(powers, near, strict=True)]
            heads.append(sum(terms) / sum(powers))
        rows.append(torch.cat(heads) + layer.bias)
    return torch.stack(rows)


@pytest.mark.parametrize("name", ["gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc"])
def test_a_layer_is_its_formula_node_by_node(name: str) -> None:
    torch.manual_seed(0)
    layer = operation_of(name, 5, 8, DEGREE).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(NODES, 5, dtype=torch.float64)
    assert 0 in [len(neighbours(i)) for i in range(NODES)]  # one node has no neighbour
    torch.testing.assert_close(layer(x), slowly(layer, name, x))


def test_layers_are_drawn_as_the_library_of_the_benchmark_draws_them() -> None:
    torch.manual_seed(0)
    for name, bound in (
        *((one, math.sqrt(6 / 400)) for one in ("gcn", "cheb", "arma")),
        *((one, 1 / math.sqrt(300)) for one in ("gin", "sage", "graph")),
    ):
        layer = operation_of(name, 300, 100, DEGREE)
        for linear in filter(None, (layer.neighbours, layer.own)):
            assert 0.98 * bound < float(linear.weight.detach().abs().max()) <= bound
        assert bool(layer.neighbours.bias.any()) is (name in ("gin", "sage", "graph"))


@pytest.mark.parametrize("name", ["pubmed", "arxiv", "computers"])
def test_a_network_is_its_operations_one_after_the_other(space: NASBenchGraph, name: str) -> None:
    """`0112`: the second and the third node read the first, the fourth the second."""
    torch.manual_seed(0)
    one = SETTINGS[name]
    network = space.build(
        "0112:gcn,gin,skip,sage",
        num_classes=one.classes,
        channels=1,
        cells=5,
        in_channels=one.features,
    ).double()
    assert isinstance(network, GraphNetwork)
    x = torch.randn(NODES, one.features, dtype=torch.float64)

    def hidden(value: Tensor) -> Tensor:
        mean, deviation = value.mean(0), value.std(0, correction=0)
        return ((value - mean) / torch.sqrt(deviation**2 + 1e-5)).clamp(min=0)

    gcn, gin, _, sage = network.cells[0].operations
    first = gcn(hidden(network.stem(x)) if one.ahead else x)
    second, third = gin(hidden(first)), hidden(first)
    fourth = sage(hidden(second))
    out = torch.cat([third, fourth], dim=1).clamp(min=0)
    if one.behind:
        out = functional.linear(out, network.head.weight, network.head.bias)
    torch.testing.assert_close(network(x), network.classifier(out))
    assert isinstance(network.stem, nn.Linear) is one.ahead


def test_the_graph_has_the_published_numbers() -> None:
    cora = SETTINGS["cora"]
    joined = adjacency(cora.nodes, cora.degree)
    assert joined.sum() == 2 * 5278
    assert (joined == joined.T).all()
    assert not joined.diagonal().any()
    assert adjacency(4, 597.0).sum() == 12  # no more than all
    assert adjacency(1, 3.5).tolist() == [[3.5]]


@pytest.mark.parametrize("name", ["gat", "gcn", "gin", "cheb", "sage", "arma", "graph"])
def test_a_single_node_is_one_of_a_regular_graph_of_equal_nodes(name: str) -> None:
    """Every node of a ring has two neighbours; so has the single node."""
    torch.manual_seed(0)
    layer = operation_of(name, 5, 8, 2.0).double()
    x = torch.randn(1, 5, dtype=torch.float64)
    three = layer(x.expand(3, -1))  # the only graph of three nodes and three edges is a ring
    torch.testing.assert_close(layer(x).expand(3, -1), three)


@pytest.mark.parametrize("name", ["pubmed", "proteins"])
def test_nodes_have_the_features_of_their_data_set(name: str) -> None:
    conditions = Conditions(dataset=name, batch_size=6)
    protocol = resolve(indicators["zico"].protocol, conditions)
    pairs = batches(protocol)
    assert [x.shape for x, _ in pairs] == [(6, datasets[name].features)] * 2
    assert all(0 <= int(labels.max()) < datasets[name].num_classes for _, labels in pairs)
    assert f"{datasets[name].features} features a node" in protocol.describe()
    assert protocol == resolve(indicators["zico"].protocol, Conditions(inputs=name, batch_size=6))
    [(ones, _)] = batches(resolve(indicators["params"].protocol, conditions))
    assert ones.shape == (2, datasets[name].features)
    with pytest.raises(MalformedInput, match="'cora' has nodes of a graph"):
        resolve(indicators["snip"].protocol, Conditions(inputs="words", dataset="cora"))


def scores(space: NASBenchGraph, arch: str | Architecture, names: list[str]) -> dict[str, object]:
    torch.manual_seed(0)
    network = space.build(arch, num_classes=5, channels=2, cells=1)
    generator = torch.Generator().manual_seed(0)
    pairs = [
        (torch.randn(6, 3, generator=generator), torch.tensor([0, 1, 2, 3, 4, 0])) for _ in range(2)
    ]
    with Measurement(network, pairs) as measurement:
        return dict(read(measurement, names))


def test_scores_are_of_nodes_or_unsupported_and_never_errors(space: NASBenchGraph) -> None:
    names = [name for name in indicators if not name.startswith(("gennas_", "linear_", "regions"))]
    found = scores(space, ATTENTIVE, names)
    by_status = {
        status: {name for name, reading in found.items() if reading.status == status}
        for status in ("ok", "unsupported", "error")
    }
    assert not by_status["error"]
    sizes = {"depth", "flops", "params", "l2_norm", "random"}
    gradients = {"grad_norm", "snip", "grasp", "fisher", "plain", "nasi", "gradsign", "epe_nas"}
    kernels = {"ntk_trace", "ntk_condition", "naswot", "jacov", "zico", "synflow"}
    assert sizes | gradients | kernels <= by_status["ok"]
    separate = {"ntk_condition_frozen", "rbflex", "vkdnw"}
    assert separate | {"zen", "meco", "hidden_covariance_1"} <= by_status["unsupported"]
    for name in separate:
        assert "as those of a node on its neighbours" in found[name].reason
    assert "which reads nodes (nodes, 3 features)" in found["zen"].reason


def test_flow_through_absolute_weights_has_a_logarithm_but_for_cheb(space: NASBenchGraph) -> None:
    positive, negative = "0012:gcn,sage,arma,graph", "0012:gcn,sage,arma,cheb"
    assert scores(space, positive, ["logsynflow"])["logsynflow"].status == "ok"
    assert "output falls as some" in scores(space, negative, ["logsynflow"])["logsynflow"].reason


def test_sizes_by_hand(space: NASBenchGraph) -> None:
    network = space.build(ATTENTIVE, num_classes=7, channels=16, cells=5, in_channels=1433)
    with Measurement(network, [(torch.ones(2, 1433), None)]) as measurement:
        found = read(measurement, ["depth", "params", "flops"])
    assert found["depth"].value == 5  # gat, sage, graph, and two linear layers
    assert found["params"].value == count(space, ATTENTIVE, "cora")
    products = (1433 + 2 * 1433 + 2 * 256 + 2 * 256) * 256 + 2 * 256 * 256 + 256 * 7
    # and the sum over the one neighbour, of arma, sage and graph
    assert found["flops"].value == products + 1433 + 256 + 256
