"""Files of architectures in the forms in which people have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from untrained.foundation import MalformedInput, MissingData, UserError
from untrained.spaces import spaces
from untrained.spaces.framework.architecture_file import read_architectures

CELL = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"
OTHER = "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
GENOTYPE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
    "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
NASBENCH201 = spaces["nasbench201"]


def read(tmp_path: Path, content: str | bytes, space: str = "nasbench201", **options: str):
    path = tmp_path / "list"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_architectures(path, spaces[space], **options)


@pytest.mark.parametrize(
    "content",
    [
        f"# best\n{CELL}\n\n{OTHER}\n{CELL}\n",
        ("\ufeff" + CELL + "\n" + OTHER).encode(),
        (CELL + "\r\n" + OTHER + "\r\n").encode("utf-16"),
        f"Arch,accuracy\n{CELL},91.2\n{OTHER},10\n",
        f"accuracy;network\n91,2;{CELL}\n10;{OTHER}\n",
        f"id\tarch_str\n0\t{CELL}\n1\t{OTHER}\n",
        f"['{CELL}', '{OTHER}']",
        f'"""Best cells."""\nBEST = "{CELL}"\nLAST = BEST\nSEED = 3\nALL = ["{OTHER}"]\n',
        json.dumps({"best": CELL, "rest": [OTHER]}),
        json.dumps({CELL: 91.2, OTHER: None}),
        f"Structure(4 nodes with {CELL})\nx.Structure(4 nodes with {OTHER})\n",
        f"epoch 1\n00:01 best {CELL} 91.2\n00:02 best={OTHER}, loss 3\nend\n",
        "(2, 1, 0, 4, 3, 1)\n(1, 1, 3, 1, 1, 1)\n",
        json.dumps({"(2, 1, 0, 4, 3, 1)": 1.0, "(1, 1, 3, 1, 1, 1)": 2.0}),
    ],
)
def test_every_form_of_two_cells(tmp_path, content):
    assert read(tmp_path, content) == (CELL, OTHER)


@pytest.mark.parametrize(
    "text",
    [
        '{"2_3": "none", "0_1": "conv_3x3", "0_2": "none", "0_3": "skip_connect", '
        '"1_2": "avg_pool_3x3", "1_3": "conv_1x1"}',
        "[[('nor_conv_3x3', 0)], [('avg_pool_3x3', 1), ('none', 0)], "
        "[('skip_connect', 0), ('nor_conv_1x1', 1), ('none', 2)]]",
        "|nor_conv_3x3~0|+|avg_pool_3x3~1|none~0|+|none~2|skip_connect~0|nor_conv_1x1~1|",
    ],
)
def test_edges_may_come_in_any_order(text):
    assert str(NASBENCH201.parse(text)) == CELL


def test_indices_are_read_by_the_tool_that_is_named(tmp_path):
    # edges 01, 02, 03, 12, 13, 23 and skip, none, 3x3, 1x1, pool
    assert read(tmp_path, "[2, 1, 0, 4, 3, 1]", notation="naslib") == (CELL,)
    # edges 01, 02, 12, 03, 13, 23 and none, skip, 1x1, 3x3, pool
    assert read(tmp_path, "[3, 0, 4, 1, 2, 0]", notation="autodl") == (CELL,)
    with pytest.raises(MalformedInput, match="six operation indices mean different cells"):
        read(tmp_path, "[2, 1, 0, 4, 3, 1]")
    with pytest.raises(UserError, match=r"'nni': it is unknown.*naslib, autodl"):
        read(tmp_path, "[2, 1, 0, 4, 3, 1]", notation="nni")
    with pytest.raises(MalformedInput, match="not six numbers from 0 to 4"):
        read(tmp_path, CELL, notation="naslib")


def test_the_genotypes_of_a_module_and_of_a_log(tmp_path):
    here = str(spaces["darts"].parse(GENOTYPE))
    module = (
        "from collections import namedtuple\n\n"
        "Genotype = namedtuple('Genotype', 'normal normal_concat reduce reduce_concat')\n"
        "PRIMITIVES = ['none', 'skip_connect']\n"
        f"FIRST = {GENOTYPE}\nDARTS = FIRST\n"
    )
    assert read(tmp_path, module, "darts") == (here,)
    assert read(tmp_path, f"genotypes.{GENOTYPE}\n", "darts") == (here,)
    log = f"2020 epoch 1 lr 0.1\n2020 genotype = {GENOTYPE}\n2020 acc 99\nnow {here} (again)\n"
    assert read(tmp_path, log, "darts") == (here,)


def test_a_list_a_node_is_the_flat_list():
    flat = GENOTYPE.partition("normal=")[2].partition(", normal_concat")[0]
    edges = eval(flat)  # a literal of this file
    nested = str([list(edges[k : k + 2]) for k in range(0, 8, 2)])
    darts = spaces["darts"]
    assert darts.parse(GENOTYPE.replace(flat, nested)) == darts.parse(GENOTYPE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "it is empty. Write one architecture"),
        (f"{CELL}\n{CELL[:-3]}|\n", r"list:2: .*is not a NAS-Bench-201 architecture"),
        (f"architecture,accuracy\n{CELL},1\n{CELL}x,2\n", r"list:3: "),
        (
            f"architecture,accuracy\n{CELL}\n",
            r"list:2: the line has 1 cells, but the heading has 2",
        ),
        (b"\xff\xfa\x00", "byte 0 is not part of a text"),
        (f"X = '{CELL}'\nY = Structure(4)\n", r"list:2: "),
        (f"a {CELL} b\nc {CELL[:-9]}~7| d\n", r"list:2: "),
        ('{"0_1": "conv_3x3"}', "edges 0>2, 1>2, 0>3, 1>3, 2>3 have no operation"),
        ("epoch 1\n", "has 1 nodes"),
    ],
)
def test_mistakes_are_named_with_their_line(tmp_path, content, message):
    with pytest.raises(MalformedInput, match=message):
        read(tmp_path, content)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingData, match=r"none\.txt: the file does not exist"):
        read_architectures(tmp_path / "none.txt", NASBENCH201)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from([CELL, OTHER, "{", "[", "(", '"', "'", ",", "\n", ": ", "Genotype(",
                             "Structure(4 nodes with ", ")", "architecture", "1", "=", "X"]),
            max_size=12,
        ).map(lambda parts: "".join(parts).encode()),
    ),
    st.sampled_from(["nasbench201", "darts"]),
)  # fmt: skip
def test_any_content_is_read_or_refused(tmp_path, content, space):
    try:
        found = read(tmp_path, content, space)
    except UserError:
        return
    assert found
    assert all(str(spaces[space].parse(text)) == text for text in found)
