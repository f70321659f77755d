from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from untrained.foundation import MalformedInput
from untrained.spaces import benchmarks, data_folder, spaces
from untrained.spaces.darts.configuration import (
    from_configuration,
    has_configuration,
    to_configuration,
)
from untrained.spaces.darts.genotype import (
    CellGenotype,
    Genotype,
    first_order,
    format_genotype,
    parse_genotype,
)
from untrained.spaces.darts.network import DARTS_OPERATIONS
from untrained.spaces.darts.space import DARTS, OPERATIONS

V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
    "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
V2_NORMAL = (
    "|sep_conv_3x3~0|sep_conv_3x3~1|+|sep_conv_3x3~0|sep_conv_3x3~1|"
    "+|skip_connect~0|sep_conv_3x3~1|+|skip_connect~0|dil_conv_3x3~2|"
)
V2_REDUCTION = (
    "|max_pool_3x3~0|max_pool_3x3~1|+|max_pool_3x3~1|skip_connect~2|"
    "+|max_pool_3x3~0|skip_connect~2|+|max_pool_3x3~1|skip_connect~2|"
)
CELL = "|none~0|none~0|+|max_pool_3x3~0|none~2|+|none~0|none~1|+|none~0|none~1|"


@pytest.fixture
def darts() -> DARTS:
    found = spaces["darts"]
    assert isinstance(found, DARTS)
    return found


@st.composite
def cells(draw: st.DrawFn) -> CellGenotype:
    """Any cell of the notation, with `none` and doubled inputs."""
    nodes = []
    for number in range(2, 6):
        edge = st.tuples(st.sampled_from(OPERATIONS), st.integers(0, number - 1))
        pair = sorted((draw(edge), draw(edge)), key=lambda e: (e[1], e[0]))
        nodes.append((pair[0], pair[1]))
    return CellGenotype(tuple(nodes), (2, 3, 4, 5))


genotypes = st.builds(Genotype, cells(), cells())


def test_the_published_genotype_has_this_text(darts: DARTS) -> None:
    arch = darts.parse(V2)
    assert arch.text == f"{V2_NORMAL};{V2_REDUCTION}"
    assert darts.parse(arch.text) == arch
    shuffled = arch.text.replace(
        "|skip_connect~0|dil_conv_3x3~2|", "|dil_conv_3x3~2|skip_connect~0|"
    )
    assert shuffled != arch.text
    assert darts.parse(shuffled) == arch
    assert darts.parse(V2.replace("[2, 3, 4, 5]", "range(2, 6)")) == arch


@given(genotype=genotypes)
def test_texts_of_a_genotype_give_it_back(genotype: Genotype) -> None:
    darts = spaces["darts"]
    assert isinstance(darts, DARTS)
    arch = darts.architecture(genotype)
    assert darts.genotype(arch) == genotype
    assert darts.genotype(format_genotype(genotype)) == genotype
    assert parse_genotype(format_genotype(genotype), OPERATIONS) == genotype
    assert has_configuration(genotype) == (
        "none" not in arch.text
        and all(a[1] != b[1] for c in (genotype.normal, genotype.reduction) for a, b in c.nodes)
    )


@given(seed=st.integers(0, 2**32))
def test_a_configuration_gives_the_genotype_back(seed: int) -> None:
    darts = spaces["darts"]
    assert isinstance(darts, DARTS)
    genotype = darts.genotype(darts.sample(np.random.default_rng(seed)))
    configuration = to_configuration(genotype)
    assert len(configuration) == 2 * (3 + 8)
    assert from_configuration({**configuration, "OptimizerSelector:optimizer": "sgd"}) == genotype
    renamed = {key.replace(":", "_COLON_"): value for key, value in configuration.items()}
    assert from_configuration(renamed) == genotype


def test_the_configuration_of_the_published_genotype(darts: DARTS) -> None:
    found = to_configuration(darts.genotype(V2))
    prefix = "NetworkSelectorDatasetInfo:darts:"
    normal = {k.removeprefix(prefix): v for k, v in found.items() if "normal" in k}
    # node 2 has the edges 0-1, node 3 2-4, node 4 5-8, node 5 9-13
    assert normal == {
        "edge_normal_0": "sep_conv_3x3",
        "edge_normal_1": "sep_conv_3x3",
        "inputs_node_normal_3": "0_1",
        "edge_normal_2": "sep_conv_3x3",
        "edge_normal_3": "sep_conv_3x3",
        "inputs_node_normal_4": "0_1",
        "edge_normal_5": "skip_connect",
        "edge_normal_6": "sep_conv_3x3",
        "inputs_node_normal_5": "0_2",
        "edge_normal_9": "skip_connect",
        "edge_normal_11": "dil_conv_3x3",
    }


def test_broken_configurations_are_refused(darts: DARTS) -> None:
    found = to_configuration(darts.genotype(V2))
    key = "NetworkSelectorDatasetInfo:darts:inputs_node_reduce_4"
    with pytest.raises(MalformedInput, match=r"inputs_node_reduce_4 is missing"):
        from_configuration({k: v for k, v in found.items() if k != key})
    with pytest.raises(MalformedInput, match=r"inputs_node_reduce_4 is '2_9'"):
        from_configuration({**found, key: "2_9"})
    edge = "NetworkSelectorDatasetInfo:darts:edge_normal_0"
    with pytest.raises(MalformedInput, match=r"edge_normal_0 is 'sep_conv_3x2'; did you mean"):
        from_configuration({**found, edge: "sep_conv_3x2"})
    with pytest.raises(MalformedInput, match="two different inputs"):
        to_configuration(darts.genotype(f"{V2_NORMAL};{CELL}"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (V2_NORMAL, "it has 1 cells, separated by ';', instead of 2"),
        (f"{V2_NORMAL};{V2_NORMAL[:-33]}", "the reduction cell has 3 nodes"),
        (V2_NORMAL.replace("~2|", "~4|") + ";" + V2_REDUCTION, None),
        (V2_NORMAL.replace("sep_conv_3x3~1|+", "sep_conv_3x3~2|+", 1) + ";" + V2_REDUCTION,
         "an edge of node 2 of the normal cell is 'sep_conv_3x3~2', expected 'op~input' with an "
         "input of 0 to 1"),
        (f"{V2_NORMAL};" + V2_REDUCTION.replace("max_pool_3x3~0|max", "max_pol_3x3~0|max"),
         "an edge of node 2 of the reduction cell has the operation 'max_pol_3x3'; did you mean"),
        (f"{V2_NORMAL[1:]};{V2_REDUCTION}", "which '|' does not open and close"),
        (f"|none~0|none~1{V2_NORMAL};{V2_REDUCTION}", "with 4 inputs instead of 2"),
        ("Genotype(normal=[])", "its parts are normal instead of normal, normal_concat, reduce"),
        ("Genotype(__import__('os'))", "it is not Genotype(...) with named parts"),
        (V2.replace("('sep_conv_3x3', 0)", "exec('1')", 1), "it cannot be read (ValueError)"),
        (V2.replace("'dil_conv_3x3', 2", "'dil_conv_3x3', 5"), "edge 7 of normal reads 5; node 5"),
        (V2.replace("dil_conv_3x3", "dil_conv_9x9"), "edge 7 of normal has the operation"),
        (V2.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=[2, 3]"), "concatenates (2, 3)"),
        (V2.replace("reduce_concat=[2, 3, 4, 5]", "reduce_concat=[2, 2]"), "distinct nodes"),
        ("Genotype(" + "(" * 5000, "it cannot be read"),
        ("Genotype(" + "9" * 30_000, "it has 30,009 characters"),
    ],
)  # fmt: skip
def test_malformed_texts_say_where(darts: DARTS, text: str, reason: str | None) -> None:
    if reason is None:
        assert text in darts
        return
    with pytest.raises(MalformedInput) as caught:
        darts.parse(text)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 10_000


@settings(max_examples=300)
@given(place=st.integers(0, 520), cut=st.integers(0, 5), put=st.text(max_size=5))
def test_a_damaged_genotype_is_refused_or_a_member(place: int, cut: int, put: str) -> None:
    darts = spaces["darts"]
    text = V2[:place] + put + V2[place + cut :]
    try:
        arch = darts.parse(text)
    except MalformedInput:
        return
    assert darts.parse(arch.text) == arch


def test_every_decision_is_drawn_evenly(darts: DARTS) -> None:
    rng = np.random.default_rng(0)
    drawn = [darts.genotype(darts.sample(rng)) for _ in range(3000)]
    for which in ("normal", "reduction"):
        for place, pairs in enumerate((1, 3, 6, 10)):
            nodes = [getattr(g, which).nodes[place] for g in drawn]
            inputs = [(a[1], b[1]) for a, b in nodes]
            assert len(set(inputs)) == pairs
            if pairs > 1:
                counts = np.unique(inputs, axis=0, return_counts=True)[1]
                assert chisquare(counts).pvalue > 1e-4
            for edge in (0, 1):
                counts = np.unique([n[edge][0] for n in nodes], return_counts=True)[1]
                assert len(counts) == len(DARTS_OPERATIONS) == 7
                assert chisquare(counts).pvalue > 1e-4
    assert len(set(drawn)) == 3000


def test_there_are_120_neighbors_at_one_change(darts: DARTS) -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        arch = darts.sample(rng)
        here = darts.genotype(arch)
        found = [darts.genotype(n) for n in darts.neighbors(arch)]
        assert len(found) == len(set(found)) == 2 * (8 * 6 + 2 + 4 + 6)
        for other in found:
            differing = [
                (a, b)
                for c, d in ((here.normal, other.normal), (here.reduction, other.reduction))
                for a, b in zip(c.nodes, d.nodes, strict=True)
                if a != b
            ]
            ((old, new),) = differing
            assert len(set(old) & set(new)) == 1
            (before,), (after,) = set(old) - set(new), set(new) - set(old)
            assert (before[0] == after[0]) != (before[1] == after[1])
            assert has_configuration(other)


def test_neighbors_of_a_cell_that_is_never_drawn_lead_towards_those_that_are(darts: DARTS) -> None:
    text = f"{CELL};{CELL}"
    for neighbor in darts.neighbors(text):
        assert neighbor.text.count("none") <= text.count("none")
    assert any(n.text.count("none") == text.count("none") - 1 for n in darts.neighbors(text))


@settings(max_examples=50)
@given(cell=cells())
def test_renumbered_cells_have_one_canonical_cell(cell: CellGenotype) -> None:
    first = first_order(cell)
    for order in permutations(range(2, 6)):
        new = {0: 0, 1: 1} | {old: number for number, old in enumerate(order, start=2)}
        nodes: dict[int, list[tuple[str, int]]] = {
            new[old]: [(op, new[source]) for op, source in cell.nodes[old - 2]] for old in order
        }
        if any(source >= number for number, node in nodes.items() for _, source in node):
            continue
        text = "+".join(
            "|" + "|".join(f"{op}~{source}" for op, source in nodes[number]) + "|"
            for number in range(2, 6)
        )
        darts = spaces["darts"]
        assert isinstance(darts, DARTS)
        renumbered = darts.genotype(f"{text};{text}").normal
        assert first_order(renumbered) == first
        assert first <= renumbered


def test_cells_without_a_live_path_are_constant(darts: DARTS) -> None:
    dead = "+".join(["|none~0|none~1|"] * 4)
    # a cell reads the one before the last too, so dead reductions are passed by
    assert not darts.is_constant(f"{V2_NORMAL};{dead}")
    assert darts.is_constant(f"{dead};{V2_REDUCTION}")
    assert not darts.is_constant(V2)
    # only input 0 is read: every second cell hangs on the stem, and all are alive
    skipping = "+".join(["|none~1|skip_connect~0|"] * 4)
    assert not darts.is_constant(f"{skipping};{skipping}")
    # a node that reads only a dead node is dead
    late = "|none~0|none~1|+|skip_connect~2|none~1|+|sep_conv_3x3~3|none~0|+|none~2|none~3|"
    assert darts.is_constant(f"{late};{V2_REDUCTION}")


@pytest.mark.parametrize(("name", "count"), [("nasbench301", 11_946), ("darts1000", 1_000)])
def test_all_architectures_of_the_tables_are_in_normal_notation(
    darts: DARTS, name: str, count: int
) -> None:
    if not (data_folder() / "tables" / f"{name}.parquet").is_file():
        pytest.skip(f"no table {name}: set UNTRAINED_DATA to a folder that has it")
    benchmark = benchmarks[name]
    texts = {text for t in benchmark.targets() for text in benchmark.table(t)["architecture"]}
    assert len(texts) == count
    for text in texts:
        assert darts.parse(text).text == text
    drawable = [has_configuration(darts.genotype(text)) for text in texts]
    assert all(drawable) == (name == "nasbench301")
