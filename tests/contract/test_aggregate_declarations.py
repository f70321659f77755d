"""What every registered aggregate must keep, whoever wrote it."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from untrained.indicators import indicators
from untrained.results.aggregates import BoundAggregate, MemberScores, aggregates

NAMES = list(aggregates)
every_aggregate = pytest.mark.parametrize("name", NAMES)
TWO = ("naswot", "ntk_condition")


def bound(name: str) -> BoundAggregate:
    item = aggregates[name]
    members = item.members or TWO
    given = {
        key: [1.0 + i for i in range(len(members))]
        for key, parameter in item.parameters.items()
        if parameter.default is None and parameter.per_member
    }
    return BoundAggregate.of(item, members=members, parameters=given)


def scores(members: tuple[str, ...], n: int = 12) -> MemberScores:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        rng.uniform(1, 200, (n, len(members))), columns=list(members), index=map(str, range(n))
    )
    return MemberScores(frame, {m: indicators[m].higher_is_better for m in members})


@every_aggregate
def test_it_says_what_it_is(name: str) -> None:
    item = aggregates[name]
    assert item.id == name
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
    assert name not in indicators, "a table has one row of a name"
    assert item.title
    assert item.formula
    assert "\n" not in item.formula
    assert re.search(r"(17|19|20)\d\d|arXiv:\d", item.reference)
    assert item.version >= 1
    assert item.function.__doc__
    for key, parameter in item.parameters.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", key)
        assert parameter.meaning
        if parameter.default is not None:
            assert parameter.check(key, parameter.default, num_members=len(item.members))


def test_titles_are_unique_and_not_those_of_indicators() -> None:
    titles = [item.title for item in (*aggregates.values(), *indicators.values())]
    assert len(set(titles)) == len(titles)


@every_aggregate
def test_its_members_are_indicators(name: str) -> None:
    for member in aggregates[name].members:
        assert member in indicators


@every_aggregate
def test_values_are_numbers_that_differ_and_repeat(name: str) -> None:
    made = bound(name)
    first = made(scores(made.members))
    assert first.dtype == np.float64
    assert first.name == name
    assert np.isfinite(first).all()
    assert first.nunique() > 1
    pd.testing.assert_series_equal(made(scores(made.members)), first)


@every_aggregate
def test_the_scores_are_left_as_they_were(name: str) -> None:
    made = bound(name)
    given = scores(made.members)
    given.raw.iloc[0, 0] = np.nan
    before = given.raw.copy()
    made(given)
    pd.testing.assert_frame_equal(given.raw, before)


@every_aggregate
def test_a_missing_member_is_missing_in_the_aggregate_alone_there(name: str) -> None:
    made = bound(name)
    given = scores(made.members)
    given.raw.iloc[3, -1] = np.nan
    assert made(given).isna().tolist() == [i == 3 for i in range(12)]


@every_aggregate
def test_it_depends_on_other_candidates_exactly_if_it_is_relative(name: str) -> None:
    made = bound(name)
    given = scores(made.members)
    part = MemberScores(given.raw.iloc[:6], given.higher_is_better)
    same = bool((made(part) == made(given).iloc[:6]).all())
    assert same != aggregates[name].relative


@every_aggregate
def test_it_has_the_direction_of_what_it_combines(name: str) -> None:
    """Of ranks: a candidate better under every member is better."""
    made = bound(name)
    if not made.aggregate.relative:
        return
    given = scores(made.members)
    for member in made.members:
        given.raw.loc["0", member] = 1e6 if given.higher_is_better[member] else 1e-6
    values = made(given)
    best = values.idxmax() if made.aggregate.higher_is_better else values.idxmin()
    assert best == "0"
