"""What a report says beside a search: random search for its price, and runs that are read again."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from untrained.foundation import StorageError
from untrained.harness.search import searchers
from untrained.harness.search.driver import run_search
from untrained.harness.search.experiment import reporting
from untrained.harness.search.experiment.reporting import _notes, is_comparable
from untrained.harness.search.experiment.run import GroundTruth
from untrained.harness.search.experiment.run_files import UnfinishedRuns, read_runs
from untrained.harness.search.experiment.setup import benchmark_of, prepare_search
from untrained.harness.search.experiment.study import load_search_study
from untrained.harness.study.search_study import SearchSpec
from untrained.results.searches.table import published_searches
from untrained.spaces import Architecture

STUDY = """
space = "nasbench201"
benchmark = "nasbench201-analog"
scores = "{store}"
runs = 4

[[search]]
label = "evolution"
searcher = "gennas"
indicator = ["params"]
settings = {{ population = 3, steps = 5 }}
confined = true
against = "short"

[[search]]
label = "ranks"
searcher = "gennas"
indicator = ["params", "depth"]
settings = {{ population = 3, steps = 5 }}
confined = true

[[search]]
label = "short"
searcher = "gennas"
indicator = ["depth"]
settings = {{ population = 2, steps = 2 }}
confined = true
"""


@pytest.fixture
def study(scored, monkeypatch, tmp_path):
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    store = scored(40, "params,depth")
    path = tmp_path / "study.toml"
    path.write_text(STUDY.format(store=store), "utf-8")
    return path


def test_random_search_at_equal_cost_is_the_mean_of_many_such_searches(untrained, study):
    code, out, err = untrained("search", study, "--format", "json")
    assert code == 0, err
    found = {one["search"]: one for one in json.loads(out)["equal_cost"]}
    named = load_search_study(str(study))
    benchmark = benchmark_of(named.study)
    looked_up = GroundTruth(benchmark)
    rng = np.random.default_rng(0)
    for one in named.study.search[:2]:
        prepared = prepare_search(one, named.study, benchmark)
        texts = list(prepared.stored.values)
        truth = looked_up.values(looked_up.main("cifar10"), texts)
        scored = [
            prepared.evaluator.score(Architecture("nasbench201", text))
            for text, value in zip(texts, truth, strict=True)
            if not np.isnan(value)
        ]
        truth = truth[~np.isnan(truth)]
        draws = []
        for _ in range(3000):
            drawn = rng.integers(len(scored), size=8)  # 8 evaluations cost as much as 8
            best = np.argmax(prepared.estimator.fitness([scored[i] for i in drawn]))
            draws.append(truth[drawn[best]])
        said = found[one.label]
        assert said["n"] == 8
        error = np.std(draws) * (1 / 3000 + 1 / 1000) ** 0.5
        assert said["mean"] == pytest.approx(np.mean(draws), abs=4 * error)
        assert said["simulated"] == (0 if one.label == "evolution" else 1000)
    [speed] = json.loads(out)["speed_ups"]
    assert (speed["search"], speed["against"], speed["runs"]) == ("evolution", "short", 4)


def test_the_listing_of_a_front_loses_no_level(untrained, study, undrawn, tmp_path, monkeypatch):
    monkeypatch.setattr(reporting, "LEVELS", (0.9,))
    front = """
[[search]]
label = "front"
searcher = "pareto"
indicator = ["params"]
settings = { population = 4, generations = 2 }
confined = true
against = "short"
"""
    study.write_text(study.read_text("utf-8") + front, "utf-8")
    code, out, err = untrained("search", study, "--output", tmp_path, "--format", "json")
    assert code == 0, err
    truth = GroundTruth(benchmark_of(load_search_study(str(study)).study))
    steps = pd.read_parquet(tmp_path / "trajectories.parquet").query("search == 'front'")
    [said] = [one for one in json.loads(out)["speed_ups"] if one["search"] == "front"]
    times = []
    for _, run in steps[steps["front"] == 0].groupby("run"):
        values = truth.values(truth.main("cifar10"), run["incumbent"])
        below = np.flatnonzero(values < said["level"])
        times.append([*run["cost_s"], np.inf][below[-1] + 1 if len(below) else 0])
    assert said["cost_s"] == sorted(times)[1] < steps["cost_s"].max()


def test_runs_of_a_study_are_reported_again_without_being_run(untrained, study, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    code, _, err = untrained("search", study, "--output", first)
    assert code == 0, err
    code, _, err = untrained("search", study, "--from", first, "--output", second)
    assert code == 0, err
    names = sorted(path.name for path in first.iterdir())
    assert {"landscape.svg", "report.html", "report.md", "runs.csv"} <= set(names)
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    study.write_text(study.read_text("utf-8").replace('"ranks"', '"other"'), "utf-8")
    code, _, err = untrained("search", study, "--from", first)
    assert code == 2
    assert "the study also has other" in err


@pytest.fixture
def kept_after(untrained, study, undrawn, monkeypatch, tmp_path):
    """Interrupt the study after some further runs; return the numbers of runs by label."""
    left = [0]

    def limited(search, *rest):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return run_search(search, *rest)

    def kept(runs: int) -> dict[str, int]:
        left[0] = runs
        code, _, err = untrained("search", study, "--output", tmp_path / "runs")
        left[0] = 1000
        said = "run the same command again and it goes on from there"
        assert (code, said in " ".join(err.split())) == (130, True)
        found = read_runs(tmp_path / "runs" / "unfinished")
        return {label: len(one.trajectories) for label, one in found.items()}

    monkeypatch.setattr("untrained.harness.search.driver.run_search", limited)
    return kept


def test_runs_are_kept_where_searches_change_places(study, kept_after):
    assert kept_after(5) == {"evolution": 4, "ranks": 1}
    head, *searches = study.read_text("utf-8").split("[[search]]")
    study.write_text("[[search]]".join([head, *reversed(searches)]), "utf-8")
    assert kept_after(1) == {"evolution": 4, "ranks": 1, "short": 1}


def test_an_interrupted_study_goes_on_with_the_run_that_was_not_finished(
    untrained, study, kept_after, tmp_path
):
    whole, parts = tmp_path / "whole", tmp_path / "runs"
    assert kept_after(9) == {"evolution": 4, "ranks": 4, "short": 1}
    assert sorted(path.name for path in parts.iterdir()) == ["unfinished"]
    code, _, err = untrained("search", study, "--output", parts, "--seed", "7")
    assert code == 2
    assert "cannot go on with the runs of" in err
    assert "seed was 0 and is 7" in " ".join(err.split())
    text = study.read_text("utf-8")
    study.write_text(text.replace('"ranks"', '"other"'), "utf-8")
    code, _, err = untrained("search", study, "--output", parts)
    assert code == 2
    assert "the study has no search 'ranks'" in " ".join(err.split())
    study.write_text(text, "utf-8")
    code, _, err = untrained("search", study, "--from", parts / "unfinished")
    assert code == 2
    assert "cannot report the runs of 'short' again: 1 of 4 are there. Finish" in one_line(err)
    (parts / "unfinished" / "runs.csv.7.part").write_text("of a killed process", "utf-8")
    code, _, err = untrained("search", study, "--output", parts)
    assert code == 0, err
    assert [path.name for path in (parts / "unfinished").iterdir()] == ["runs.csv.7.part"]
    assert untrained("search", study, "--output", whole)[0] == 0
    for path in whole.iterdir():
        assert path.read_bytes() == (parts / path.name).read_bytes(), path.name


def test_runs_of_another_version_are_not_gone_on_with(untrained, study, kept_after, monkeypatch):
    kept_after(1)
    monkeypatch.setattr("untrained.harness.search.experiment.run.version", lambda name: "0.0.7")
    code, _, err = untrained("search", study, "--output", study.parent / "runs")
    assert code == 2
    assert "untrained was '0.2.0' and is '0.0.7'" in one_line(err)


def test_unfinished_runs_that_cannot_be_read_are_named_with_the_remedy(
    untrained, study, kept_after, tmp_path
):
    kept_after(1)
    folder = tmp_path / "runs" / "unfinished"
    (folder / "runs.csv").write_bytes(b"")
    code, _, err = untrained("search", study, "--output", tmp_path / "runs")
    assert code == 2
    assert f"cannot go on with the runs in {folder}: " in one_line(err)
    assert "Remove this folder, or choose another --output." in one_line(err)


def test_a_search_goes_on_where_its_runs_cannot_be_kept(untrained, study, undrawn, monkeypatch):
    def full(*_):
        raise StorageError("cannot export to 'runs.csv': no space left")

    monkeypatch.setattr(UnfinishedRuns, "every_s", 0)
    monkeypatch.setattr("untrained.harness.search.experiment.run_files.write_runs", full)
    monkeypatch.setattr("untrained.harness.cli.search._write", lambda *_: None)
    code, _, err = untrained("search", study, "--output", study.parent / "runs")
    assert code == 0
    assert "no space left; the search goes on" in one_line(err)


def test_an_interruption_before_a_run_says_how_runs_are_kept(untrained, study, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("untrained.harness.search.driver.run_search", interrupted)
    code, _, err = untrained("search", study)
    assert code == 130
    assert "no run has been kept; with --output, finished runs are" in one_line(err)


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_runs_are_not_reported_under_conditions_that_they_are_not_of(
    untrained, scored, undrawn, monkeypatch, tmp_path
):
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    search = ["search", "--searcher", "random", "--space", "nasbench201", "--indicator", "params"]
    search += ["--benchmark", "nasbench201-analog"]
    mine = ["--scores", scored(12, "params"), "--set", "n=3", "--runs", "2"]
    first, again = tmp_path / "first", tmp_path / "again"
    code, _, err = untrained(*search, *mine, "--limit", "params=1e6", "--output", first)
    assert code == 0, err
    # as a file of a former version, which notes no conditions
    former = tmp_path / "former"
    former.mkdir()
    (former / "runs.csv").write_bytes((first / "runs.csv").read_bytes())
    pd.read_parquet(first / "trajectories.parquet").to_parquet(former / "trajectories.parquet")
    other = ["--scores", scored(40, "params,depth"), "--set", "n=3", "--runs", "50", "--seed", "7"]
    other += ["--budget", "1", "--evaluations", "9", "--confined", "--limit", "params=9e5"]
    code, _, err = untrained(*search, *other, "--from", first)
    assert code == 2
    assert "the runs of 'random by params n=3' again" in err
    for said in (
        "runs was 2 and is 50",
        "seed was 0 and is 7",
        "limits was {'params': 1000000.0} and is {'params': 900000.0}",
        "seconds was None and is 1.0",
        "evaluations was None and is 9",
        "confined was False and is True",
        "scores was ",
    ):
        assert said in " ".join(err.split()), said
    assert "setting" not in err
    code, _, err = untrained(*search, *other, "--from", former, "--output", again)
    assert code == 0, err
    # what nobody noted is not noted now
    code, _, err = untrained(*search, *mine, "--from", again)
    assert code == 0, err


def test_a_series_that_a_run_has_no_value_of_is_reported_again(untrained, study, undrawn, tmp_path):
    text = study.read_text("utf-8").replace('"gennas"', '"teg"').replace('against = "short"', "")
    study.write_text(text[: text.index("[[search]]", text.index("[[search]]") + 1)], "utf-8")
    first, again = tmp_path / "first", tmp_path / "again"
    code, _, err = untrained("search", study, "--output", first)
    assert code == 0, err
    report = (first / "report.md").read_text("utf-8")
    assert "params, diversity, cifar10" in report
    whole = pd.read_parquet(first / "trajectories.parquet")
    for run in (0, 1):
        steps = whole.assign(params=whole["params"].mask(whole["run"] == run))
        steps.to_parquet(first / "trajectories.parquet")
        code, _, err = untrained("search", study, "--from", first, "--output", again)
        assert code == 0, err
        assert (again / "report.md").read_text("utf-8") == report
        pd.testing.assert_frame_equal(pd.read_parquet(again / "trajectories.parquet"), steps)


def test_the_scores_beside_which_searches_are_shown_may_have_a_studys_name(untrained, study):
    old, new = "runs = 4", 'runs = 1\nknown_scores = "nasbench201-quick"'
    study.write_text(study.read_text("utf-8").replace(old, new), "utf-8")
    code, _, err = untrained("search", study)
    assert code == 0, err


def test_runs_outlast_a_report_that_cannot_be_written(untrained, study, undrawn, tmp_path):
    (tmp_path / "out" / "report.md").mkdir(parents=True)
    code, _, err = untrained("search", study, "--output", tmp_path / "out")
    assert code == 2
    assert "cannot write the report into" in err
    code, _, err = untrained("search", study, "--from", tmp_path / "out")
    assert code == 0, err


def test_a_folder_without_runs_is_refused(untrained, study, tmp_path):
    code, _, err = untrained("search", study, "--from", tmp_path)
    assert code == 2
    assert "it has no runs.csv" in err
    for name in ("runs.csv", "trajectories.parquet"):
        (tmp_path / name).write_text("")
    code, _, err = untrained("search", study, "--from", tmp_path)
    assert code == 2
    assert "should be as untrained search --output wrote them" in err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('against = "short"', 'against = "rae"', "is the label of no other search"),
        ('label = "short"', 'label = "short"\ninputs = "ones"', "measures no supernet"),
        ("runs = 4", 'known_scores = "absent.parquet"', "which is not there"),
        ("runs = 4", 'known_scores = "nasbench201-quik"', "no study of this name"),
        ("runs = 4", 'runs = 1\n[landscape]\nsearches = ["x"]', "which the study has not"),
    ],
)
def test_mistakes_of_a_study_are_named(untrained, study, old, new, message):
    study.write_text(study.read_text("utf-8").replace(old, new), "utf-8")
    code, _, err = untrained("search", study)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("changes", "dataset", "comparable"),
    [
        ({"seconds": 12000.0}, "cifar10", True),
        ({"seconds": 12000.0}, "cifar100", False),
        ({"seconds": 500.0}, "cifar10", False),
        ({"evaluations": 12}, "cifar10", False),
        ({"seconds": 12000.0, "limits": {"params": 1e6}}, "cifar10", False),
        ({"seconds": 12000.0, "confined": True}, "cifar10", False),
    ],
)
def test_only_the_published_search_itself_is_set_beside_published_values(
    changes, dataset, comparable
):
    [cell] = [
        one
        for one in published_searches()
        if (one.method, one.dataset, one.metric) == ("rea", "cifar10", "test_accuracy")
    ]
    one = SearchSpec(searcher="rea", label="rea", **changes)
    assert is_comparable(one, cell, dataset) is comparable


def test_published_searches_of_te_nas_were_for_the_dataset_that_they_report():
    cells = [one for one in published_searches() if one.method.startswith("te_nas")]
    assert len(cells) == 8
    one = SearchSpec(searcher="te_nas")
    assert [cell.dataset for cell in cells if is_comparable(one, cell, "cifar10")] == ["cifar10"]
    assert sum(is_comparable(one, cell, "cifar100") for cell in cells) == 6


def test_two_searches_of_one_name_are_refused(untrained, study):
    text = study.read_text("utf-8")
    study.write_text(text + text[text.rindex("[[search]]") :], "utf-8")
    code, _, err = untrained("search", study)
    assert code == 2
    assert "two searches of the study are called 'short'" in err


def test_networks_that_look_like_numbers_are_read_back_as_they_were(tmp_path):
    pd.DataFrame(
        {
            "search": ["10"],
            "run": [0],
            "architecture": ["00112200"],
            "evaluations": [1],
            "cost_s": [1.0],
            "stopped": ["finished"],
        }
    ).to_csv(tmp_path / "runs.csv", index=False)
    pd.DataFrame(
        {
            "step": [1],
            "cost_s": [1.0],
            "evaluations": [1],
            "incumbent": ["00112200"],
            "search": ["10"],
            "run": [0],
        }
    ).to_parquet(tmp_path / "trajectories.parquet")
    [run] = read_runs(tmp_path)["10"].trajectories
    assert run.final == run.incumbents[0] == "00112200"


@pytest.mark.parametrize(
    ("metrics", "seen"),
    [
        (set(), "searches see scores and validation accuracies; what else"),
        (
            {"test_accuracy"},
            "validation accuracies, and of every network the objectives that they name "
            "(test_accuracy); what else",
        ),
    ],
)
def test_a_table_says_what_its_searches_have_seen(metrics, seen):
    prepared = SimpleNamespace(metrics_seen=frozenset(metrics), pools=())
    assert seen in _notes([SimpleNamespace(prepared=prepared)], None, -1)[0]


def test_metrics_that_a_search_takes_as_objectives_are_seen():
    pareto = searchers["pareto"]
    settings = pareto.settings({"by": "accuracy", "first": "test_accuracy", "against": "flops"})
    assert pareto.costs_named(settings) == {"test_accuracy", "flops"}
