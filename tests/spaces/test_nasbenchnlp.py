import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from untrained.foundation import MalformedInput
from untrained.indicators import Measurement, indicators, read
from untrained.spaces import benchmarks, data_folder, spaces
from untrained.spaces.nasbenchnlp.recipe import OPERATIONS
from untrained.spaces.nasbenchnlp.space import NASBenchNLP, NASBenchNLPNetwork

RNN = (
    '{"f":{"op":"linear","input":["x","h_prev_0"]},'
    '"h_new_0":{"op":"activation_tanh","input":["f"]}}'
)
GRU = (
    '{"r":{"op":"linear","input":["x","h_prev_0"]},"r_act":{"op":"activation_sigm","input":["r"]},'
    '"z":{"op":"linear","input":["x","h_prev_0"]},"z_act":{"op":"activation_sigm","input":["z"]},'
    '"rh":{"op":"elementwise_prod","input":["r_act","h_prev_0"]},'
    '"h_tilde":{"op":"linear","input":["x","rh"]},'
    '"h_tilde_act":{"op":"activation_tanh","input":["h_tilde"]},'
    '"h_new_0":{"op":"blend","input":["z_act","h_prev_0","h_tilde_act"]}}'
)


@pytest.fixture
def nlp() -> NASBenchNLP:
    found = spaces["nasbenchnlp"]
    assert isinstance(found, NASBenchNLP)
    return found


@pytest.fixture
def table() -> Path:
    path = data_folder() / "tables" / "nasbenchnlp.parquet"
    if not path.is_file():
        pytest.skip("no NAS-Bench-NLP table: set UNTRAINED_DATA to a folder that has it")
    return path


def cell(**nodes: tuple[str, list[str]]) -> str:
    return json.dumps({name: {"op": op, "input": given} for name, (op, given) in nodes.items()})


def test_white_space_and_key_order_are_no_part_of_a_cell(nlp: NASBenchNLP) -> None:
    loose = '{ "f": {"input": ["x", "h_prev_0"], "op": "linear"},\n "h_new_0": '
    loose += '{"input":["f"], "op": "activation_tanh"}}'
    assert nlp.parse(loose).text == RNN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "it is no object of 1 to 100 nodes"),
        ("{", "it is no JSON"),
        ("[" * 10_000, "it is no JSON"),
        ("x" * 20_001, "it has 20,001 characters"),
        (RNN.replace('"f"', '"a.b"'), "a node is called 'a.b', not by up to 40 letters"),
        (RNN.replace('"f"', '"x"'), "a node is called 'x', which is an input of the cell"),
        (RNN.replace('"f"', '"h_prev_0"'), "called 'h_prev_0', which is an input"),
        (RNN.replace("tanh", "gelu"), "the op of h_new_0 is 'activation_gelu', not one of linear"),
        (RNN.replace('"op":"linear",', ""), "the node f is not an object with op and input"),
        (RNN.replace('["f"]', '"f"'), "the input of h_new_0 is not a list of names"),
        (RNN.replace('["f"]', '["f",3]'), "the input of h_new_0 is not a list of names"),
        (RNN.replace('["f"]', '["f","f"]'), "h_new_0 has 2 inputs, but activation_tanh reads 1"),
        (RNN.replace('["x","h_prev_0"]', "[]"), "f has 0 inputs, but linear reads 1 to 16"),
        (RNN.replace('["f"]', '["x"]'), "h_new_0 applies activation_tanh to x, whose width"),
        (RNN.replace('["f"]', '["g"]'), "h_new_0 reads 'g', which is no node, not x and none of"),
        (RNN.replace("h_prev_0", "h_prev_1"), "f reads 'h_prev_1', which is no node"),
        (RNN.replace("h_new_0", "h_new_1"), "its hidden states are h_new_1, not h_new_0"),
        (RNN.replace("h_new_0", "h_new_00"), "its hidden states are h_new_00, not h_new_0"),
        (RNN.replace("h_new_0", "out"), "its hidden states are none"),
        (RNN.replace('"h_prev_0"', '"h_new_0"'), "the nodes f, h_new_0 wait for each other"),
        (RNN.replace('"f":', '"h_new_0":'), "a name occurs twice"),
    ],
)
def test_what_is_no_cell_is_refused_with_the_place(nlp: NASBenchNLP, text: str, told: str) -> None:
    with pytest.raises(MalformedInput) as caught:
        nlp.parse(text)
    assert told in str(caught.value)
    assert "write a JSON object of nodes" in str(caught.value)


_names = st.sampled_from(["x", "h_prev_0", "h_prev_1", "h_new_0", "h_new_1", "a", "b", "c"])


@given(
    st.dictionaries(
        _names,
        st.fixed_dictionaries(
            {"op": st.sampled_from(OPERATIONS), "input": st.lists(_names, min_size=1, max_size=3)}
        ),
        max_size=5,
    )
)
def test_any_graph_is_refused_or_a_network_that_runs(recipe: dict[str, object]) -> None:
    space = spaces["nasbenchnlp"]
    try:
        arch = space.parse(json.dumps(recipe))
    except MalformedInput:
        return
    assert space.parse(arch.text) == arch
    network = space.build(arch, num_classes=3, channels=1, cells=1)
    with torch.no_grad():
        logits = network(torch.arange(6).reshape(3, 2) % 3)
    assert logits.shape == (3, 2, 3)
    if space.is_constant(arch):
        torch.testing.assert_close(logits[-1, 0], logits[-1, 1])
    canonical = space.canonical(arch)
    assert space.canonical(canonical) == canonical
    assert space.is_constant(canonical) == space.is_constant(arch)


def test_a_gru_is_torchs(nlp: NASBenchNLP) -> None:
    """Same equations with the gate's sense turned round: h = z h + (1 - z) tanh(W x + U (r h))."""
    torch.manual_seed(0)
    network = nlp.build(GRU, num_classes=7, channels=1, cells=5).double()
    assert isinstance(network, NASBenchNLPNetwork)
    words = torch.arange(12).reshape(4, 3) % 7
    x = network.embedding(words)
    for layer in network.layers:
        reset, update, candidate = layer.linears
        h = torch.zeros(3, layer.hidden, dtype=torch.float64)
        outputs: list[Tensor] = []
        for step in x:
            both = torch.cat([step, h], dim=1)
            r = torch.sigmoid(both @ reset.weight.T + reset.bias)
            z = torch.sigmoid(both @ update.weight.T + update.bias)
            c = torch.tanh(torch.cat([step, r * h], dim=1) @ candidate.weight.T + candidate.bias)
            h = z * h + (1 - z) * c
            outputs.append(h)
        x = torch.stack(outputs)
    expected = x @ network.embedding.weight.T + network.decoder.bias
    torch.testing.assert_close(network(words), expected)


def test_a_plain_cell_is_torchs_rnn(nlp: NASBenchNLP) -> None:
    network = nlp.build(RNN, num_classes=7, channels=2, cells=1).double()
    assert isinstance(network, NASBenchNLPNetwork)
    width = network.embedding_size
    torchs = torch.nn.RNN(width, width).double()
    (linear,) = network.layers[0].linears
    with torch.no_grad():
        torchs.weight_ih_l0.copy_(linear.weight[:, :width])
        torchs.weight_hh_l0.copy_(linear.weight[:, width:])
        torchs.bias_ih_l0.copy_(linear.bias)
        torchs.bias_hh_l0.zero_()
    x = torch.randn(5, 2, width, dtype=torch.float64)
    torch.testing.assert_close(network.recurrent(x), torchs(x)[0])


def test_the_benchmarks_network_has_its_widths_and_its_initialisation(nlp: NASBenchNLP) -> None:
    network = nlp.build(GRU, num_classes=10_000, channels=16, cells=5)
    assert isinstance(network, NASBenchNLPNetwork)
    assert [layer.hidden for layer in network.layers] == [600, 600, 400]
    recurrent = sum(
        3 * ((given + out) * out + out) for given, out in ((400, 600), (600, 600), (600, 400))
    )
    expected = 10_000 * 400 + 10_000 + recurrent
    assert sum(p.numel() for p in network.parameters()) == expected
    assert network.decoder.weight is network.embedding.weight
    for layer in network.layers:
        bound = 1 / math.sqrt(layer.hidden)
        for parameter in layer.parameters():
            assert 0.98 * bound < float(parameter.detach().abs().max()) <= bound
    assert 0.099 < float(network.embedding.weight.detach().abs().max()) <= 0.1


@pytest.mark.parametrize(
    ("text", "constant"),
    [
        (RNN, False),
        (GRU, False),
        (cell(h_new_0=("linear", ["h_prev_0"])), True),
        # a state that begins at zero and is only ever multiplied stays there
        (
            cell(
                a=("linear", ["x"]),
                h_new_1=("elementwise_prod", ["h_prev_1", "a"]),
                h_new_0=("elementwise_sum", ["h_new_1", "h_prev_0"]),
            ),
            True,
        ),
        # x arrives by way of the other state, one step late
        (
            cell(h_new_1=("linear", ["x"]), h_new_0=("activation_tanh", ["h_prev_1"])),
            False,
        ),
    ],
)
def test_a_constant_cell_is_known_as_one(nlp: NASBenchNLP, text: str, constant: bool) -> None:
    assert nlp.is_constant(text) is constant
    torch.manual_seed(0)
    network = nlp.build(text, num_classes=5, channels=1, cells=1).double()
    with torch.no_grad():
        outputs = network.recurrent(torch.randn(4, 2, network.embedding_size).double())
    # the rows of one matrix product may be rounded differently
    difference = float((outputs[:, 0] - outputs[:, 1]).abs().max())
    assert (difference < 1e-12) is constant


def test_names_order_and_unread_nodes_are_not_the_function(nlp: NASBenchNLP) -> None:
    other = cell(
        h_new_0=("blend", ["gate", "h_prev_0", "t"]),
        t=("activation_tanh", ["c"]),
        unread=("linear", ["x", "t"]),
        c=("linear", ["x", "kept"]),
        kept=("elementwise_prod", ["q", "h_prev_0"]),
        gate=("activation_sigm", ["g"]),
        g=("linear", ["x", "h_prev_0"]),
        q=("activation_sigm", ["p"]),
        p=("linear", ["x", "h_prev_0"]),
    )
    assert nlp.canonical(other) == nlp.canonical(GRU) != nlp.canonical(RNN)


def test_generated_cells_keep_the_generators_rules(nlp: NASBenchNLP) -> None:
    rng = np.random.default_rng(0)
    hidden, inputs = [], []
    for _ in range(300):
        recipe = nlp.recipe(nlp.sample(rng))
        nodes = {node.name: node for node in recipe}
        count = sum(name.startswith("h_new_") for name in nodes)
        hidden.append(count)
        read_names = {name for node in recipe for name in node.inputs}
        old = {f"h_prev_{i}" for i in range(count)}
        assert {"x", *old} <= read_names
        assert not any(old & set(nodes[f"h_new_{i}"].inputs) for i in range(count))
        assert all(name in read_names or name.startswith("h_new_") for name in nodes)
        assert all(len(set(node.inputs)) == len(node.inputs) for node in recipe)
        inputs += [len(node.inputs) for node in recipe if node.operation == "linear"]
    assert set(inputs) == {2, 3}
    assert np.mean(np.array(inputs) == 2) == pytest.approx(0.8, abs=0.06)
    assert np.bincount(hidden, minlength=4)[1:] == pytest.approx([100] * 3, abs=30)


def test_scores_of_images_are_unsupported_and_never_errors(nlp: NASBenchNLP) -> None:
    network = nlp.build(RNN, num_classes=5, channels=1, cells=1)
    batch = torch.randn(4, 3, 8, 8), torch.arange(4)
    names = [name for name in indicators if not name.startswith("gennas_")]
    with Measurement(network, [batch, batch]) as measurement:
        readings = read(measurement, [*names, "gennas_single_dot_nlp"])
    ok = {name for name, reading in readings.items() if reading.status == "ok"}
    recurrent = {"hidden_covariance_1", "jacobian_cosine"}  # of one layer; words are drawn
    assert ok == {"params", "l2_norm", "random", "gennas_single_dot_nlp", *recurrent}
    others = {(r.status, r.reason) for name, r in readings.items() if name not in ok}
    assert {status for status, _ in others} == {"unsupported"}


def test_the_tables_cells_are_in_normal_form(nlp: NASBenchNLP, table: Path) -> None:
    benchmark = benchmarks["nasbenchnlp"]
    assert benchmark.default_target.metric == "test_loss"
    texts = list(benchmark.table()["architecture"])
    assert len(texts) == 289
    assert all(nlp.parse(text).text == text for text in texts)
    # one cell of the table multiplies a state that is zero at first, and so never reads a word
    constant = [text for text in texts if nlp.is_constant(text)]
    assert len(constant) == 1
    assert benchmark.query(constant[0]) > 6.5
    best = benchmark.best()
    assert best["value"][0] == min(benchmark.table()["value"])
    assert benchmark.query(texts[1]) < benchmark.query(texts[0])  # LSTM, plain RNN
