"""The notation of a supernet's parts, and the architecture of weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrained.foundation import MalformedInput
from untrained.spaces import SearchSpace, spaces
from untrained.spaces.framework.supernet_layout import OperationMask, SupernetLayout

NAMES = ("nasbench201", "darts")


@st.composite
def masks(draw: st.DrawFn) -> OperationMask:
    layout = spaces[draw(st.sampled_from(NAMES))].supernet_layout
    least = 0 if layout.inputs_per_node else 1
    some = st.sets(st.sampled_from(layout.operations), min_size=least)
    chosen = [draw(some) for _ in layout.edges]
    for places in layout.nodes():
        if not any(chosen[e] for e in places):
            chosen[places[0]] = {layout.operations[0]}
    edges = tuple(tuple(o for o in layout.operations if o in names) for names in chosen)
    return OperationMask(layout, edges)


@given(masks())
def test_parse_undoes_text(mask: OperationMask) -> None:
    assert OperationMask.parse(mask.layout, mask.text) == mask
    assert OperationMask.parse(mask.layout, f" {mask.text} ".replace(",", " , ")) == mask


@given(masks())
def test_weights_of_an_edge_sum_to_one_or_are_gone(mask: OperationMask) -> None:
    weights = mask.weights()
    assert weights.shape == mask.layout.shape
    for names, row in zip(mask.edges, weights, strict=True):
        expected = [1 / len(names) if o in names else 0 for o in mask.layout.operations]
        assert row.tolist() == expected
    assert mask.num_operations == np.count_nonzero(weights)


@pytest.mark.parametrize("name", NAMES)
def test_an_architecture_is_the_mask_of_one_operation_an_edge(name: str) -> None:
    space = spaces[name]
    rng = np.random.default_rng(0)
    for _ in range(50):
        arch = space.sample(rng)
        mask = OperationMask.parse(space.supernet_layout, arch)
        assert mask.text == arch.text
        assert mask.architecture() == arch
        assert space.supernet_layout.derive(mask.weights()) == arch


def test_edges_are_those_of_the_notation() -> None:
    nasbench201, darts = (spaces[name].supernet_layout for name in NAMES)
    assert [nasbench201.name_of(e) for e in range(6)] == ["0>1", "0>2", "1>2", "0>3", "1>3", "2>3"]
    assert darts.shape == (28, 8)
    assert [darts.name_of(e) for e in (0, 2, 27)] == ["normal 0>2", "normal 0>3", "reduction 4>5"]
    assert [len(places) for places in darts.nodes()] == [2, 3, 4, 5] * 2


def derived_slowly(layout: SupernetLayout, weights: np.ndarray) -> str:
    """The rule of the DARTS paper, node by node."""
    cells = []
    for cell in range(2):
        nodes = []
        for target in range(2, 6):
            edges = []
            for place, edge in enumerate(layout.edges):
                if (edge.cell, edge.target) == (cell, target):
                    rows = list(zip(layout.operations, weights[place], strict=True))
                    operation, height = max(
                        (row for row in rows if row[0] != "none"), key=lambda r: r[1]
                    )
                    edges.append((height, edge.source, operation))
            best = sorted(edges, key=lambda e: -e[0])[:2]
            kept = sorted(best, key=lambda e: e[1])
            nodes.append("|" + "|".join(f"{op}~{source}" for _, source, op in kept) + "|")
        cells.append("+".join(nodes))
    return ";".join(cells)


def test_darts_keeps_the_two_edges_of_the_largest_weights() -> None:
    layout = spaces["darts"].supernet_layout
    rng = np.random.default_rng(0)
    for _ in range(20):
        weights = rng.normal(size=layout.shape)
        arch = layout.derive(weights)
        assert arch.text == derived_slowly(layout, weights)
        assert spaces["darts"].parse(arch) == arch


def test_nasbench201_takes_the_largest_weight_of_each_edge_and_the_first_of_equal_ones() -> None:
    layout = spaces["nasbench201"].supernet_layout
    assert layout.derive(np.zeros((6, 5))).text == "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    weights = np.zeros((6, 5))
    weights[4, [2, 3]] = 1
    assert "nor_conv_1x1~1" in layout.derive(weights).text


def test_weights_that_are_no_weights_are_refused() -> None:
    layout = spaces["nasbench201"].supernet_layout
    with pytest.raises(MalformedInput, match=r"shape \(6, 5\).*shape \(5, 6\)"):
        layout.derive(np.zeros((5, 6)))
    with pytest.raises(MalformedInput, match="1 NaN"):
        layout.derive(np.where(np.arange(30).reshape(6, 5) == 3, np.nan, 0.0))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("nasbench201", "|none~0|+|none~0|", "it has 2 nodes, separated by '\\+', instead of 3"),
        ("nasbench201", "|none~0|;|none~0|", "has 2 cells, separated by ';', instead of 1"),
        (
            "nasbench201",
            "|none~0|+|none~0|none~1|+|none~0|none~1|none|",
            "an edge of node 3 is 'none'",
        ),
        (
            "nasbench201",
            "|none~0|+|none~0|none~0|+|none~0|none~1|none~2|",
            "a source occurs once and is one of 0 to 1",
        ),
        (
            "nasbench201",
            "|none,skip_conect~0|+|none~0|none~1|+|none~0|none~1|none~2|",
            "operation 'skip_conect'; did you mean skip_connect",
        ),
        (
            "nasbench201",
            "|none,none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
            "an operation twice: 'none,none'",
        ),
        (
            "nasbench201",
            "|none~0|+|none~0|none~1|+|none~0|none~2|",
            "the edge 1>3 has no operation",
        ),
        (
            "darts",
            "|none~0|+|none~0|;|none~0|",
            "it has 2 nodes of the normal cell, separated by '\\+', instead of 4",
        ),
        ("nasbench201", "none~0+|none~0|none~1|+|none~0|none~1|none~2|", "is 'none~0', expected"),
    ],
)
def test_bad_texts_name_the_place(name: str, text: str, message: str) -> None:
    with pytest.raises(MalformedInput, match=message) as caught:
        OperationMask.parse(spaces[name].supernet_layout, text)
    operations = ", ".join(spaces[name].supernet_layout.operations)
    assert f"each edge with some of {operations}" in str(caught.value)


def test_an_architecture_of_another_space_is_refused() -> None:
    nasbench201, darts = (spaces[name] for name in NAMES)
    arch = nasbench201.sample(np.random.default_rng(0))
    with pytest.raises(MalformedInput, match="belongs to 'nasbench201'"):
        OperationMask.parse(darts.supernet_layout, arch)


def test_taking_away_one_operation_or_the_edge() -> None:
    space: SearchSpace = spaces["darts"]
    mask = OperationMask.full(space.supernet_layout, without=("none",))
    less = mask.without(3, "skip_connect")
    assert mask.num_operations == 28 * 7
    assert less.num_operations == 28 * 7 - 1
    assert "skip_connect" not in less.edges[3]
    gone = mask.without(3)
    assert gone.edges[3] == ()
    assert gone.num_operations == 27 * 7
    assert OperationMask.parse(space.supernet_layout, str(gone)) == gone
