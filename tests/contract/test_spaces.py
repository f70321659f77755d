"""What every registered search space must keep, and every benchmark."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from untrained.harness.contract import Inapplicable, Promise
from untrained.harness.contract.fixtures import drawn
from untrained.harness.contract.spaces import (
    is_refused_or_a_member,
    parses_back,
    space_promises,
)
from untrained.spaces import SearchSpace, benchmarks, spaces

every_space = pytest.mark.parametrize("name", list(spaces))
# what is promised of any text is checked below, on the texts that hypothesis finds
OF_ANY_TEXT = {
    "parsing_the_text_gives_the_architecture_back",
    "a_damaged_text_is_refused_or_another_member",
}
PROMISES = [p for p in space_promises(spaces["nasbench201"]) if p.name not in OF_ANY_TEXT]


@every_space
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_promises(name: str, promise: Promise[SearchSpace]) -> None:
    assert spaces[name].name == name
    try:
        promise(spaces[name])
    except Inapplicable as reason:
        pytest.skip(str(reason))


@every_space
@given(seed=st.integers(0, 2**32))
def test_parsing_the_text_gives_the_architecture_back(name: str, seed: int) -> None:
    parses_back(spaces[name], seed)


@every_space
@given(
    seed=st.integers(0, 2**32),
    place=st.integers(0, 100),
    cut=st.integers(0, 3),
    put=st.text("0123456789|~+:_-#; abc\x00é²٣", max_size=4),
)
def test_a_damaged_text_is_refused_or_another_member(
    name: str, seed: int, place: int, cut: int, put: str
) -> None:
    space = spaces[name]
    text = drawn(space, 1, seed)[0].text
    is_refused_or_a_member(space, text[:place] + put + text[place + cut :])


@every_space
@given(text=st.text(max_size=30))
def test_any_text_is_refused_or_a_member(name: str, text: str) -> None:
    is_refused_or_a_member(spaces[name], text)


@pytest.mark.parametrize("name", list(benchmarks))
def test_a_benchmark_names_its_source_or_what_is_missing(name: str) -> None:
    benchmark = benchmarks[name]
    assert benchmark.name == name
    assert benchmark.kind in ("tabular", "surrogate")
    space = spaces[benchmark.space]
    missing = benchmark.missing()
    if missing is not None:
        assert name in missing
        pytest.skip(f"its data is not there: {missing}")
    source = benchmark.provenance
    assert source.kind == benchmark.kind
    assert source.title
    assert len(source.sha256) == 64
    assert benchmark.default_target in benchmark.targets()
    if not benchmark.enumerable:
        for arch in drawn(space, 3):
            values = benchmark.values([arch.text], benchmark.default_target)
            assert benchmark.query(arch) == values[arch.text]
        return
    best = benchmark.best(n=3)
    assert list(best.columns) == ["architecture", "value"]
    for text, value in best.itertuples(index=False):
        assert space.parse(text).text == text
        assert benchmark.query(text) == value
