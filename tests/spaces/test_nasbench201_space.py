import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrained.foundation import MalformedInput
from untrained.spaces import Architecture, spaces
from untrained.spaces.nasbench201.notations import EDGES
from untrained.spaces.nasbench201.space import OPERATIONS, NASBench201, format_operations

TEXT = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"

cells = st.tuples(*[st.sampled_from(OPERATIONS)] * len(EDGES))


def changed_edges(space: NASBench201, a: Architecture, b: Architecture) -> int:
    return sum(x != y for x, y in zip(space.operations(a), space.operations(b), strict=True))


def test_notation_lists_edges_by_target(space: NASBench201) -> None:
    operations = ("nor_conv_3x3", "none", "skip_connect", "avg_pool_3x3", "nor_conv_1x1", "none")
    assert space.operations(TEXT) == operations
    assert format_operations(operations) == TEXT


@given(operations=cells)
def test_operations_survive_writing_and_reading(operations: tuple[str, ...]) -> None:
    space = spaces["nasbench201"]
    assert isinstance(space, NASBench201)
    assert space.operations(format_operations(operations)) == operations


@given(
    operations=cells,
    place=st.integers(0, 80),
    cut=st.integers(0, 3),
    put=st.text("|~+0123 noskiprv_x", max_size=3),
)
def test_a_damaged_text_is_refused_or_another_cell(
    operations: tuple[str, ...], place: int, cut: int, put: str
) -> None:
    text = format_operations(operations)
    damaged = text[:place] + put + text[place + cut :]
    try:
        arch = spaces["nasbench201"].parse(damaged)
    except MalformedInput:
        return
    assert arch.text == "".join(damaged.split())


def test_white_space_is_dropped(space: NASBench201) -> None:
    assert space.parse(" " + TEXT.replace("+", " +\n ")).text == TEXT


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it has 1 nodes, separated by '+', instead of 3"),
        (TEXT.replace("+", "", 1), "it has 2 nodes"),
        (TEXT[1:], "node 1 is 'nor_conv_3x3~0|', which '|' does not open and close"),
        (TEXT.replace("|skip_connect~1", ""), "node 2 is '|none~0|' with 1 inputs instead of 2"),
        (TEXT.replace("none~2", "none~1"), "input 2 of node 3 is 'none~1', expected 'op~2'"),
        (TEXT.replace("none~2", "none2"), "input 2 of node 3 is 'none2', expected 'op~2'"),
        (
            TEXT.replace("3x3~0|+", "5x5~0|+"),
            "the edge 0>1 has the operation 'nor_conv_5x5'; did you mean nor_conv_",
        ),
        (TEXT.replace("none~0", "~0"), "the edge 0>2 has the operation ''; there are: avg_pool"),
    ],
)
def test_a_malformed_text_is_refused_with_the_place(
    space: NASBench201, text: str, reason: str
) -> None:
    with pytest.raises(MalformedInput) as caught:
        space.parse(text)
    message = str(caught.value)
    assert f"{text!r} is not a NAS-Bench-201 architecture" in message
    assert reason in message
    assert "write |op~0|+|op~0|op~1|+|op~0|op~1|op~2| with op one of none, skip" in message


def test_order_is_lexicographic_in_the_operations(space: NASBench201) -> None:
    digits = [tuple(map(OPERATIONS.index, space.operations(arch))) for arch in space]
    assert digits == sorted(digits)
    assert len(set(digits)) == 5**6 == len(space)
    assert digits[0] == (0,) * 6
    assert digits[1] == (0, 0, 0, 0, 0, 1)


def test_neighbors_are_the_24_cells_with_one_other_operation(space: NASBench201) -> None:
    neighbors = space.neighbors(TEXT)
    assert len(set(neighbors)) == len(neighbors) == 24
    assert all(changed_edges(space, space.parse(TEXT), n) == 1 for n in neighbors)


def test_mutation_reaches_every_neighbor_equally_often(space: NASBench201) -> None:
    rng = np.random.default_rng(3)
    draws = [space.mutate(TEXT, rng) for _ in range(24 * 100)]
    counts = np.array([draws.count(n) for n in space.neighbors(TEXT)])
    assert counts.sum() == len(draws)
    # binomial with mean 100: standard deviation 9.8; five of them
    assert np.abs(counts - 100).max() < 50


def test_parameters_of_the_smallest_and_largest_cell_are_the_published_ones(
    space: NASBench201,
) -> None:
    counts = [
        space.num_parameters(arch, num_classes=10, channels=16, cells=5)
        for arch in (format_operations((op,) * 6) for op in OPERATIONS)
    ]
    assert counts == [73_306, 73_306, 241_306, 1_531_546, 73_306]


def test_parameters_equal_the_table_for_every_architecture(
    space: NASBench201, real_table: object
) -> None:
    from untrained.spaces import benchmarks

    for dataset, num_classes in (("cifar10", 10), ("cifar100", 100), ("imagenet16-120", 120)):
        table = benchmarks["nasbench201"].table(dataset=dataset, metric="params_millions")
        assert len(table) == len(space)
        ours = [
            space.num_parameters(text, num_classes=num_classes, channels=16, cells=5)
            for text in table["architecture"]
        ]
        # the table's float32 is exact to less than one parameter
        assert np.array_equal(np.rint(table["value"].to_numpy() * 1e6).astype(int), ours)
