"""Searches where only a part of the space is scored."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from untrained.harness.search import Domain
from untrained.results import ScoreStore
from untrained.spaces import spaces

SPACE = spaces["nasbench201"]


def distance(one, other) -> int:
    return sum(a != b for a, b in zip(SPACE.operations(one), SPACE.operations(other), strict=True))


def test_what_lies_next_to_a_network_are_the_nearest_members():
    rng = np.random.default_rng(0)
    members = list({SPACE.sample(rng) for _ in range(60)})
    domain = Domain(SPACE, members=members, confined=True)
    for one in [*members[:15], *(SPACE.sample(rng) for _ in range(15))]:
        others = [member for member in members if member != one]
        least = min(distance(one, other) for other in others)
        nearest = {other for other in others if distance(one, other) == least}
        assert set(domain.neighbors(one)) == nearest
        assert {domain.mutate(one, rng) for _ in range(30 * len(nearest))} == nearest


def test_a_single_member_has_nowhere_to_go():
    [only] = [SPACE.sample(np.random.default_rng(1))]
    domain = Domain(SPACE, members=[only], confined=True)
    assert domain.neighbors(only) == []
    assert domain.mutate(only, np.random.default_rng(0)) == only


@pytest.fixture
def partial(scored, monkeypatch):
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    return [
        *("search", "--space", "nasbench201", "--benchmark", "nasbench201-analog"),
        *("--scores", scored(12, "params"), "--indicator", "params", "--runs", 2),
    ]


@pytest.mark.parametrize("searcher", ["rea", "local", "evolution", "pareto"])
def test_a_search_that_would_leave_the_scored_networks_is_refused_or_confined(
    untrained, partial, scored, searcher, tmp_path
):
    settings = ["--set", "by=scores"] if searcher in ("rea", "local") else []
    arguments = [*partial, "--searcher", searcher, "--evaluations", 20, *settings]
    code, _, err = untrained(*arguments)
    assert code == 2
    assert "only 12 of 15,625 have what it asks for" in err
    assert "--confined" in err
    folder = tmp_path / "out"
    code, out, err = untrained(*arguments, "--confined", "--output", folder)
    assert code == 0, err
    assert "the search stays among the 12 of 15,625 networks" in out
    with ScoreStore.read(scored(12, "params")) as scores:
        members = set(scores.frame(space="nasbench201")["architecture"])
    assert set(pd.read_parquet(folder / "trajectories.parquet")["incumbent"]) <= members


def test_a_search_that_only_draws_needs_no_leave(untrained, partial):
    code, out, err = untrained(*partial, "--searcher", "random", "--set", "n=5")
    assert code == 0, err
    assert "networks are drawn from the 12 of 15,625" in out
