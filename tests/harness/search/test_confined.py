"""Searches where only a part of the space is scored."""

from __future__ import annotations

import numpy as np
import pytest

from untrained.foundation import UserError
from untrained.harness.search import Domain
from untrained.harness.search.experiment.run import run_study
from untrained.harness.search.experiment.study import SEARCH_STUDIES
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


@pytest.mark.parametrize("count", [20, 300])
def test_members_are_in_the_order_of_a_breadth_first_search(count: int) -> None:
    rng = np.random.default_rng(2)
    members = list(dict.fromkeys(SPACE.sample(rng) for _ in range(count)))
    domain = Domain(SPACE, members=members, confined=True)
    for here in [*members[:3], *(SPACE.sample(rng) for _ in range(3))]:
        ring, seen = [here], {here}
        while not (found := [one for one in ring if one in members and one != here]):
            after = dict.fromkeys(near for one in ring for near in SPACE.neighbors(one))
            ring = [one for one in after if one not in seen]
            seen.update(ring)
        assert domain.neighbors(here) == found


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


def test_a_search_that_would_leave_the_scored_networks_is_refused(untrained, partial):
    arguments = [*partial, "--searcher", "rea", "--evaluations", 20, "--set", "by=scores"]
    code, _, err = untrained(*arguments)
    assert code == 2
    assert "only 12 of 15,625 have what it asks for" in err
    assert "--confined" in err
    code, out, err = untrained(*arguments, "--confined")
    assert code == 0, err
    assert "the search stays among the 12 of 15,625 networks" in out


@pytest.mark.parametrize("searcher", ["rea", "local", "evolution", "pareto"])
def test_a_confined_search_stays_among_the_scored_networks(scored, searcher, monkeypatch):
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    spec = {"searcher": searcher, "indicator": ["params"], "evaluations": 20}
    spec["settings"] = {"by": "scores"} if searcher in ("rea", "local") else {}
    whole = {"space": "nasbench201", "benchmark": "nasbench201-analog", "runs": 2}
    whole["scores"] = str(scored(12, "params"))

    def run(**options: bool):
        values = {**whole, "search": [{**spec, **options}]}
        return run_study(SEARCH_STUDIES.make(values, name=searcher, command="untrained search"))

    with pytest.raises(UserError, match="only 12 of 15,625 have what it asks for"):
        run()
    [found], _, _ = run(confined=True)
    with ScoreStore.read(whole["scores"]) as scores:
        members = set(scores.frame(space="nasbench201")["architecture"])
    assert {text for one in found.trajectories for text in one.incumbents} <= members


def test_a_search_that_only_draws_needs_no_leave(untrained, partial):
    code, out, err = untrained(*partial, "--searcher", "random", "--set", "n=5")
    assert code == 0, err
    assert "networks are drawn from the 12 of 15,625" in out
