from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from untrained.foundation import MalformedInput, Unsupported
from untrained.spaces import Architecture, benchmarks, data_folder, spaces
from untrained.spaces.nasbench101.cell import (
    Cell,
    edge_bit,
    graph_hash,
    in_normal_order,
    pruned,
    vertex_channels,
)
from untrained.spaces.nasbench101.space import NASBench101, format_cell

FULL = {"num_classes": 10, "channels": 128, "cells": 3}
# key, normal order and parameters of the first entry of the benchmark's file
FIRST = ("00005c142e6f48ac74fdcf73e3439874", "02001:100110100001001010101", 8_555_530)
# the Inception-like cell of the benchmark's own example: as written there, as stored there
INCEPTION = ("10002:111010000010001100011", "01200:111100000010001001101", 2_694_282)


@pytest.fixture
def nasbench101() -> NASBench101:
    found = spaces["nasbench101"]
    assert isinstance(found, NASBench101)
    return found


@pytest.fixture
def table() -> Path:
    path = data_folder() / "tables" / "nasbench101.parquet"
    if not path.is_file():
        pytest.skip("no NAS-Bench-101 table: set UNTRAINED_DATA to a folder that has it")
    return path


def matrix_cell(operations: str, *rows: str) -> Cell:
    edges = {(i, j) for i, row in enumerate(rows) for j, entry in enumerate(row) if entry == "1"}
    return Cell(tuple(map(int, operations)), frozenset(edges))


@st.composite
def drawn_cells(draw: st.DrawFn) -> Cell:
    """Any graph whose edges lead forward, with vertices that lead nowhere."""
    operations = tuple(draw(st.lists(st.integers(0, 2), max_size=5)))
    vertices = range(len(operations) + 2)
    pairs = [(i, j) for j in vertices for i in range(j)]
    return Cell(operations, draw(st.frozensets(st.sampled_from(pairs))))


def slow_is_member(cell: Cell) -> bool:
    """Whether some path leads through, and the number of edges on paths is small enough."""

    def paths(vertex: int) -> list[list[tuple[int, int]]]:
        if vertex == cell.output:
            return [[]]
        return [[(s, t), *rest] for s, t in cell.edges if s == vertex for rest in paths(t)]

    through = paths(0)
    return bool(through) and len({edge for path in through for edge in path}) <= 9


@given(cell=drawn_cells())
def test_a_text_is_a_member_if_its_paths_have_few_enough_edges(cell: Cell) -> None:
    text = format_cell(cell)
    assert (text in spaces["nasbench101"]) == slow_is_member(cell)


def test_published_cells_have_their_key_order_and_parameters(nasbench101: NASBench101) -> None:
    key, text, parameters = FIRST
    assert nasbench101.parse(text).text == text
    assert graph_hash(nasbench101.cell(text)) == key
    assert nasbench101.num_parameters(text, **FULL) == parameters
    written, stored, parameters = INCEPTION
    assert nasbench101.parse(written).text == stored
    assert nasbench101.num_parameters(written, **FULL) == parameters


def test_the_smallest_cells_by_hand(nasbench101: NASBench101) -> None:
    def projections(width_in: int, width: int) -> int:
        return width_in * width + 2 * width

    stem = 27 * 128 + 256
    between = [(128, 128), (128, 256), (256, 512)]
    steps = [pair for i, c in between for pair in ((i, c), (c, c), (c, c))]
    only_projections = stem + sum(projections(i, c) for i, c in steps) + 512 * 10 + 10
    assert nasbench101.num_parameters(":1", **FULL) == only_projections
    conv = sum(9 * c * c + 2 * c for _, c in steps)
    assert nasbench101.num_parameters("0:101", **FULL) == only_projections + conv
    assert nasbench101.num_parameters("2:101", **FULL) == only_projections
    both = only_projections + sum(projections(i, c) for i, c in steps)
    assert nasbench101.num_parameters("2:111", **FULL) == both


@pytest.mark.parametrize(
    ("cell", "width", "channels"),
    [
        (matrix_cell("00", "0110", "0001", "0001"), 15, (8, 7)),
        (matrix_cell("000", "01110", "00001", "00001", "00001"), 8, (3, 3, 2)),
        (matrix_cell("000", "01000", "00110", "00001", "00001"), 9, (5, 5, 4)),
        (matrix_cell("000", "01010", "00101", "00010", "00001"), 15, (8, 7, 7)),
    ],
)
def test_widths_of_vertices_are_those_of_the_benchmark(
    cell: Cell, width: int, channels: tuple[int, ...]
) -> None:
    assert vertex_channels(cell, width) == channels


@settings(max_examples=50)
@given(cell=drawn_cells())
def test_isomorphic_cells_are_one_architecture(cell: Cell) -> None:
    whole = pruned(cell)
    if whole is None or len(whole.edges) > 9:
        return
    inner = range(1, whole.output)
    normal = in_normal_order(whole)
    numbers = []
    for ordered in permutations(inner):
        place = {0: 0, whole.output: whole.output, **{v: i + 1 for i, v in enumerate(ordered)}}
        edges = frozenset((place[s], place[t]) for s, t in whole.edges)
        if any(s >= t for s, t in edges):
            continue
        other = Cell(tuple(whole.operations[v - 1] for v in ordered), edges)
        assert in_normal_order(other) == normal
        assert graph_hash(other) == graph_hash(normal)
        numbers.append((sum(2 ** edge_bit(s, t) for s, t in edges), other.operations))
    assert min(numbers) == (
        sum(2 ** edge_bit(s, t) for s, t in normal.edges),
        normal.operations,
    )


def test_up_to_four_vertices_the_space_is_every_valid_matrix_once(
    nasbench101: NASBench101,
) -> None:
    keys: dict[str, str] = {}
    for inner in range(3):
        for digits in product("012", repeat=inner):
            for entries in product("01", repeat=(inner + 2) * (inner + 1) // 2):
                text = f"{''.join(digits)}:{''.join(entries)}"
                if text in nasbench101:
                    parsed = nasbench101.parse(text).text
                    assert keys.setdefault(graph_hash(nasbench101.cell(text)), parsed) == parsed
    small = [a.text for a in nasbench101 if len(a.text.partition(":")[0]) <= 2]
    assert len(small) == 1 + 6 + 84
    assert sorted(keys.values()) == sorted(small)


def test_pruning_leaves_out_what_lies_on_no_path(nasbench101: NASBench101) -> None:
    # vertex 1 leads nowhere, vertex 2 is not reached
    assert nasbench101.parse("01:101001") == nasbench101.parse(":1")
    assert nasbench101.parse("01:010011") == nasbench101.parse("1:101")
    with pytest.raises(MalformedInput, match="no path leads from the input to the output"):
        nasbench101.parse("0:100")


def edges(arch: Architecture) -> int:
    return arch.text.partition(":")[2].count("1")


def vertices(arch: Architecture) -> int:
    return len(arch.text.partition(":")[0])


def test_neighbors_differ_by_one_operation_edge_or_vertex(nasbench101: NASBench101) -> None:
    rng = np.random.default_rng(1)
    for start in [*(nasbench101.sample(rng) for _ in range(3)), nasbench101.parse("01:111111")]:
        for other in nasbench101.neighbors(start):
            step = (vertices(other) - vertices(start), edges(other) - edges(start))
            if abs(step[0]) == 1:
                # the two edges of the vertex, and the edge it may stand beside stays
                assert step[1] == 2 * step[0]
            else:
                assert step in {(0, 0), (0, 1), (0, -1)}
    assert [a.text for a in nasbench101.neighbors(":1")] == ["0:111", "1:111", "2:111"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no ':' between operations and triangle"),
        ("012", "there is no ':'"),
        ("0120120:" + "1" * 36, "it has 7 inner vertices, the space has 5 at most"),
        ("03:111111", "the operation of vertex 2 is '3'"),
        ("0²:111111", "the operation of vertex 2 is '²'"),
        ("01:11111", "its triangle has 5 entries, with 2 inner vertices it needs 6"),
        ("01:111:11", "the entry of the edge 1>2 is ':'"),
        ("01:111121", "the entry of the edge 1>3 is '2'"),
        (":0", "no path leads from the input to the output"),
        ("000:1111111111", "it has 10 edges on paths, the space has 9 at most"),
    ],
)
def test_a_malformed_text_is_refused_with_the_place(
    nasbench101: NASBench101, text: str, reason: str
) -> None:
    with pytest.raises(MalformedInput) as caught:
        nasbench101.parse(text)
    message = str(caught.value)
    assert f"{text!r} is not a NAS-Bench-101 architecture: {reason}" in message
    assert "write operations:triangle, such as 012:1110001101" in message


def test_too_few_channels_to_share_are_refused(nasbench101: NASBench101) -> None:
    with pytest.raises(Unsupported, match=r"channels=2.* 3 vertices of .* share the channels"):
        nasbench101.build("000:1110001011", num_classes=2, channels=2, cells=1)


def test_the_space_is_the_table_text_by_text(nasbench101: NASBench101, table: Path) -> None:
    texts = benchmarks["nasbench101"].table()["architecture"]
    assert set(texts) == {arch.text for arch in nasbench101}
    keys = [graph_hash(nasbench101.cell(text)) for text in texts[:500]]
    assert keys == sorted(keys)  # the order of the benchmark's file
    assert keys[0] == FIRST[0]


def test_parameters_equal_the_table(nasbench101: NASBench101, table: Path) -> None:
    published = benchmarks["nasbench101"].table(metric="params_millions")
    chosen = published.sample(2000, random_state=0)
    ours = [nasbench101.num_parameters(text, **FULL) for text in chosen["architecture"]]
    # float32 holds millions to within four parameters at the largest
    assert np.abs(chosen["value"].to_numpy() * 1e6 - ours).max() < 4
