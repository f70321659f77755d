"""Searches on random pools of the scored networks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from untrained.foundation import UserError
from untrained.harness.search import searchers
from untrained.harness.search.experiment.setup import draw_pools
from untrained.harness.search.problem import Domain
from untrained.harness.study.search_study import SearchStudy
from untrained.results.searches.speed import speed_ups
from untrained.spaces import spaces

STUDY = """
space = "nasbench201"
benchmark = "nasbench201-analog"
scores = "{store}"
runs = 6
pools = 3
pool_size = {size}

[[search]]
label = "evolution"
searcher = "gennas"
indicator = ["params"]
settings = {{ population = 3, steps = 5 }}
confined = true
against = "ranks"

[[search]]
label = "ranks"
searcher = "random"
indicator = ["params", "depth"]
settings = {{ n = 3 }}
"""


@pytest.fixture
def study(scored, monkeypatch, tmp_path):
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)

    def write(size: int):
        path = tmp_path / f"study{size}.toml"
        path.write_text(STUDY.format(store=scored(40, "params,depth"), size=size), "utf-8")
        return path

    return write


def drawn(number: int, size: int | None, *, count: int = 8, runs: int = 60, population: int = 1):
    space = spaces["nasbench201"]
    members = [next(all_of) for all_of in [iter(space)] for _ in range(count)]
    study = SearchStudy.model_validate(
        {
            "space": space.name,
            "scores": "x",
            "pools": number,
            "pool_size": size,
            "search": [{"searcher": "gennas"}],
        }
    )
    settings = {"population": population}
    return draw_pools(study, searchers["gennas"], settings, Domain(space, members=members), runs)


def test_pools_are_different_samples_that_a_larger_number_begins_with() -> None:
    pools, domains = drawn(20, None)
    found = [one.members for one in domains]
    assert (pools.number, pools.size, pools.drawn_from, pools.space_size) == (20, 4, 8, 15625)
    assert len({frozenset(one) for one in found}) == 20
    assert all(len(set(one)) == 4 for one in found)
    assert [one.members for one in drawn(7, 4)[1]] == found[:7]
    assert [one.members for one in drawn(20, 4, runs=5)[1]] == found[:5]
    assert len(drawn(8, 7)[1]) == 8


def test_every_network_is_in_a_pool_as_often() -> None:
    _, domains = drawn(400, 5, count=12, runs=400)
    counts = pd.Series([a.text for one in domains for a in one.members]).value_counts()
    assert len(counts) == 12
    # 400 pools of 5 of 12: 167 each, standard deviation 10
    assert counts.between(125, 208).all()


def test_pools_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(UserError, match=r"9 different pools of 7 .* the 8 scored networks have 8"):
        drawn(9, 7)
    with pytest.raises(UserError, match=r"pools of 9 networks: the 8 scored networks have 0"):
        drawn(2, 9)
    with pytest.raises(UserError, match=r"gennas on pools of 4 networks: its population is 5"):
        drawn(2, 4, population=5)
    with pytest.raises(ValueError, match="add their number, pools"):
        SearchStudy.model_validate({"space": "s", "pool_size": 3, "search": [{"searcher": "rea"}]})
    with pytest.raises(ValueError, match="add scores, or leave pools out"):
        SearchStudy.model_validate({"space": "s", "pools": 3, "search": [{"searcher": "rea"}]})


def test_a_study_divides_its_runs_and_reports_both_errors(
    untrained, study, undrawn, tmp_path
) -> None:
    out = tmp_path / "out"
    code, shown, err = untrained("search", study(10), "--output", out)
    assert code == 0, err
    assert "Pools: 3 of 10 networks each, drawn from 40 that have scores." in shown
    runs = pd.read_csv(out / "runs.csv")
    assert runs[runs.search == "evolution"].pool.tolist() == [1, 2, 3, 1, 2, 3]
    assert runs[runs.search == "ranks"].pool.tolist() == [1, 2, 3, 1, 2, 3]
    steps = pd.read_parquet(out / "trajectories.parquet")
    seen = steps.groupby(steps.run % 3).incumbent.unique()
    assert all(len(one) <= 10 for one in seen)
    report = (out / "report.md").read_text("utf-8")
    assert "## Between pools" in report
    assert "in the same pools of 10 (" in report
    again = tmp_path / "again"
    code, _, err = untrained("search", study(10), "--from", out, "--output", again)
    assert code == 0, err
    assert (again / "report.md").read_text("utf-8") == report
    code, _, err = untrained("search", study(10), "--from", out, "--runs", 2)
    assert code == 2
    assert "they are on other pools than those of the study, which has 2" in err


def test_whole_pools_are_drawn_anew_for_the_interval_of_a_ratio() -> None:
    # both runs of a pool are equally fast: by runs the median is nearly sure, by pools it is not
    rng = np.random.default_rng(0)
    times = np.exp(np.tile(rng.standard_normal(5), 40))
    costs = ([np.array([one]) for one in times], [np.array([1.0])] * 4)
    values = ([np.array([1.0])] * len(times), [np.array([1.0])] * 4)
    widths = []
    for pools in ((0, 0), (5, 0)):
        [found] = speed_ups(
            ("a", "b"), costs, values, {1.0: 1.0}, higher_is_better=True, pools=pools
        )
        widths.append(found.high / found.low)
    assert widths[0] < 2 < widths[1]
