import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from untrained.foundation import MalformedInput
from untrained.spaces import benchmarks, data_folder, spaces
from untrained.spaces.benchmarks.tables import NDS_SETS, NDSTable
from untrained.spaces.framework.network import scaled
from untrained.spaces.nds.cells import NDSCells
from untrained.spaces.nds.record import format_record

NAMES = [name for name, space in spaces.items() if isinstance(space, NDSCells)]
FULL = {"num_classes": 10, "channels": 16, "cells": 5}
# output of the AmoebaNet-A genotype as published: nodes 4, 5, 6 and 3, 4, 6
AMOEBANET = {
    "normal": [
        ["avg_pool_3x3", 0], ["max_pool_3x3", 1], ["sep_conv_3x3", 0], ["sep_conv_5x5", 2],
        ["sep_conv_3x3", 0], ["avg_pool_3x3", 3], ["sep_conv_3x3", 1], ["skip_connect", 1],
        ["skip_connect", 0], ["avg_pool_3x3", 1],
    ],
    "normal_concat": [4, 5, 6],
    "reduce": [
        ["avg_pool_3x3", 0], ["sep_conv_3x3", 1], ["max_pool_3x3", 0], ["sep_conv_7x7", 2],
        ["sep_conv_7x7", 0], ["avg_pool_3x3", 1], ["max_pool_3x3", 0], ["max_pool_3x3", 1],
        ["conv_7x1_1x7", 0], ["sep_conv_3x3", 5],
    ],
    "reduce_concat": [3, 4, 6],
}  # fmt: skip


def record(set_name: str = "Amoeba", genotype: Any = AMOEBANET, **changes: Any) -> str:
    found = {"aux": False, "depth": 6, "drop_prob": 0.0, "genotype": genotype, "width": 32}
    return f"{set_name}#{json.dumps({**found, **changes})}"


def cells_of(name: str) -> NDSCells:
    found = spaces[name]
    assert isinstance(found, NDSCells)
    return found


def test_texts_are_those_of_the_notation() -> None:
    for name in ("nds_amoeba", "nds_darts"):
        arch = spaces[name].sample(np.random.default_rng(0))
        for text in (arch.text, arch.text.replace("false", "true").replace("0.0", "0.25")):
            set_name, _, description = text.partition("#")
            assert spaces[name].parse(text).text == text
            assert format_record(set_name, json.loads(description)) == text


def test_the_published_amoebanet_is_a_member() -> None:
    space = cells_of("nds_amoeba")
    arch = space.parse(record())
    assert arch.text == record()
    assert space.parse(record(drop_prob=0)) == arch
    _, _, genotype = space.description(arch)
    assert genotype.normal.concat == (4, 5, 6)
    assert genotype.reduction.nodes[4] == (("conv_7x1_1x7", 0), ("sep_conv_3x3", 5))
    swapped = {**AMOEBANET, "normal": [AMOEBANET["normal"][i] for i in (1, 0, *range(2, 10))]}
    other = space.parse(record(genotype=swapped, aux=True, drop_prob=0.2))
    assert other != arch
    assert space.canonical(other) == space.canonical(arch)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_loose_nodes_or_all(name: str) -> None:
    space = cells_of(name)
    rng = np.random.default_rng(0)
    operations = set()
    for _ in range(300):
        _, found, genotype = space.description(space.sample(rng))
        for cell in (genotype.normal, genotype.reduction):
            read = {source for node in cell.nodes for _, source in node}
            everything = set(range(2, 2 + space.nodes))
            expected = everything - read if name[4:] in ("amoeba", "enas", "nasnet") else everything
            assert set(cell.concat) == expected
            operations |= {operation for node in cell.nodes for operation, _ in node}
        assert found["width"] in space.widths
        assert found["depth"] in space.depths
    assert operations == set(space.operations)
    sizes = {"nds_amoeba": 8, "nds_enas": 5, "nds_nasnet": 13, "nds_pnas": 8}
    assert len(space.operations) == sizes.get(name, 8)


@pytest.mark.parametrize("name", NAMES)
def test_neighbors_are_one_change_away(name: str) -> None:
    space = cells_of(name)
    rng = np.random.default_rng(1)
    for _ in range(3):
        arch = space.sample(rng)
        neighbors = space.neighbors(arch)
        inputs = sum(number - 1 for number in range(2, 2 + space.nodes))
        edges = 2 * (2 * space.nodes * (len(space.operations) - 1) + 2 * inputs)
        assert len(neighbors) == edges + len(space.widths) + len(space.depths) - 2
        _, found, genotype = space.description(arch)
        flat = [e for c in (genotype.normal, genotype.reduction) for n in c.nodes for e in n]
        for neighbor in neighbors:
            _, other, changed = space.description(neighbor)
            flat_other = [
                e for c in (changed.normal, changed.reduction) for n in c.nodes for e in n
            ]
            differing = [(a, b) for a, b in zip(flat, flat_other, strict=True) if a != b]
            sizes = [other[key] != found[key] for key in ("width", "depth")]
            assert len(differing) + sum(sizes) == 1
            assert all((a[0] == b[0]) != (a[1] == b[1]) for a, b in differing)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Amoeba", "it begins with 'Amoeba', not with one of Amoeba_in, Amoeba and '#'"),
        (record("ENAS"), "it begins with 'ENAS'"),
        ("Amoeba#{", "what follows '#' is no JSON"),
        ("Amoeba#" + "[" * 9_000, "what follows '#' is no JSON"),
        ("Amoeba#[1]", "its description has list instead of aux, depth, drop_prob"),
        ("Amoeba#" + " " * 20_000, "it has 20,007 characters, more than 20,000"),
        ("9" * 10**6, "it has 1,000,000 characters, more than 20,000"),
        (record(width=0), "width is 0, not a whole number of 1 to 1024"),
        (record(width=True), "width is True"),
        (record(depth=10.0), "depth is 10.0"),
        (record(depth=10**9), "not a whole number of 1 to 1000"),
        (record(aux=0), "aux is 0, not true or false"),
        (record(drop_prob=float("nan")), "NaN is no number here"),
        (record(drop_prob=1), "drop_prob is 1"),
        (record(genotype=[]), "genotype is [], not an object"),
        (record(genotype={**AMOEBANET, "normal_concat": [5, 6]}),
         "normal_concat is [5, 6], but the output of this cell is its loose nodes [4, 5, 6]"),
        (record(genotype={**AMOEBANET, "normal": AMOEBANET["normal"][:8], "normal_concat": [4, 5]}),
         "normal has 4 nodes instead of 5"),
        (record(genotype={**AMOEBANET, "normal": [["conv_1x1", 0], *AMOEBANET["normal"][1:]]}),
         "edge 0 of normal has the operation 'conv_1x1'"),
        (record(genotype={**AMOEBANET, "normal": [[["x"], 0], *AMOEBANET["normal"][1:]]}),
         "edge 0 of normal has the operation ['x']"),
    ],
)  # fmt: skip
def test_malformed_texts_say_where(text: str, reason: str) -> None:
    with pytest.raises(MalformedInput) as caught:
        spaces["nds_amoeba"].parse(text)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 10_000


@given(number=st.integers(1, 5000), by=st.integers(1, 200), of=st.integers(1, 200))
def test_scaling_rounds_to_the_nearest(number: int, by: int, of: int) -> None:
    found = scaled(number, by, of)
    assert found == 1 or abs(found - number * by / of) <= 0.5
    assert scaled(number, of, of) == number


def test_width_and_depth_are_those_of_the_text() -> None:
    space = cells_of("nds_amoeba")
    network = space.build(record(), **FULL)
    cells = list(network.get_submodule("cells").children())
    assert len(cells) == 6
    with torch.no_grad():
        stages = network.eval().stages(torch.randn(1, 3, 32, 32))
    # the second cell concatenates three nodes of width 32; the reductions double the width
    assert [tuple(s.shape[1:]) for s in stages] == [(96, 32, 32), (192, 16, 16), (384, 8, 8)]
    half = space.build(record(), num_classes=10, channels=8, cells=10)
    assert len(list(half.get_submodule("cells").children())) == 12
    assert half.get_submodule("classifier").in_features == 4 * 16 * 3
    with pytest.raises(MalformedInput, match="ImageNet stem"):
        space.build(record(width=33), **FULL, stem="imagenet")
    with pytest.raises(MalformedInput, match="channels=0"):
        space.build(record(), num_classes=10, channels=0, cells=5)


def test_none_in_every_path_is_constant() -> None:
    space = cells_of("nds_darts")
    dead = [["none", 0]] * 8
    alive = [["skip_connect", 0], ["none", 1]] * 4
    for normal, reduce, expected in ((dead, alive, True), (alive, alive, False)):
        genotype = {
            "normal": normal, "normal_concat": [2, 3, 4, 5],
            "reduce": reduce, "reduce_concat": [2, 3, 4, 5],
        }  # fmt: skip
        text = record("DARTS_in", genotype)
        assert space.is_constant(text) is expected
        network = space.build(text, num_classes=3, channels=2, cells=5).eval()
        with torch.no_grad():
            a, b = network(torch.randn(2, 3, 16, 16))
        assert torch.equal(a, b) is expected


@pytest.mark.parametrize("name", [name for name in NDS_SETS if name != "nds_resnet"])
def test_all_records_of_the_table_are_in_normal_notation(name: str) -> None:
    if not (data_folder() / "tables" / "nds.parquet").is_file():
        pytest.skip("no NDS table: set UNTRAINED_DATA to a folder that has it")
    benchmark = benchmarks[name]
    assert isinstance(benchmark, NDSTable)
    (target,) = benchmark.targets()
    assert target.dataset == "imagenet"
    assert target.epochs == (5 if "fix" in name else 50)
    texts = benchmark.table()["architecture"]
    published = {"nds_darts": 121, "nds_amoeba": 124, "nds_darts_fix-w-d": 499}
    assert len(texts) == published.get(name, len(texts)) > 100
    for text in texts:
        assert spaces[name].parse(text).text == text
        assert text.startswith((f"{NDS_SETS[name]}#", f"{NDS_SETS[name]}_in#"))
