"""Searches as a user types them."""

from __future__ import annotations

import json

import pandas as pd
import pytest

TINY = ["--batch-size", "4", "--channels", "2", "--cells", "1", "--resolution", "8"]


@pytest.fixture
def on_analog(monkeypatch):
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    return ["--space", "nasbench201", "--benchmark", "nasbench201-analog"]


def test_nasi_runs_to_an_architecture_with_its_accuracy(untrained, on_analog, tmp_path):
    arguments = ["search", "--searcher", "nasi", *on_analog, *TINY, "--set", "steps=2"]
    arguments += ["--runs", "2", "--format", "json"]
    code, out, err = untrained(*arguments, "--output", tmp_path / "out")
    assert code == 0, err
    assert "a supernet of NAS-Bench-201 is measured on gaussian inputs, batch size 4" in out
    json.loads(out)
    runs = pd.read_csv(tmp_path / "out" / "runs.csv")
    assert len(runs) == 2
    assert runs.filter(like="accuracy").notna().all(axis=None)
    assert runs["measured_on"].str.match(r"cpu, \d+ threads?$").all()
    report = tmp_path / "out" / "report.md"
    assert f"nasi steps=2: seconds were measured on {runs['measured_on'][0]}" in report.read_text(
        "utf-8"
    )
    again = [*arguments, "--from", tmp_path / "out", "--output", tmp_path / "again"]
    code, _, err = untrained(*again)
    assert code == 0, err
    first, second = (
        report.read_text("utf-8"),
        (tmp_path / "again" / "report.md").read_text("utf-8"),
    )
    body = slice(first.index("## What was found"), None)
    assert first[body] == second[second.index("## What was found") :]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--space", "nds_pnas"], "'nds_pnas': it has none. Take one of darts, nasbench201"),
        (["--space", "nasbench201", "--limit", "params=1"], "cannot keep a network below params"),
        (["--space", "nasbench201", "--store", "s.sqlite"], "leave out --scores and --store"),
        (["--space", "nasbench201", "--input", "nois"], "no input source named 'nois'"),
    ],
)
def test_what_a_supernet_search_cannot_do_is_said(
    untrained, arguments, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, _, err = untrained("search", "--searcher", "nasi", "--runs", "1", *arguments)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mrkdown", "no report format named 'mrkdown'; did you mean markdown"),
        ("figures", "cannot print a table of searches as figures: the format makes pictures"),
        ("svg", "cannot print a table of searches as svg"),
        ("pdf", "cannot print a table of searches as pdf"),
    ],
)
def test_a_format_that_cannot_be_printed_is_refused_before_anything_runs(untrained, name, message):
    arguments = ["--searcher", "random", "--space", "nasbench201", "--format", name]
    code, _, err = untrained("search", *arguments)
    assert code == 2
    assert message in err


def test_a_folder_that_cannot_be_written_is_found_before_anything_runs(untrained, tmp_path):
    (tmp_path / "file").write_text("")
    search = ["search", "--searcher", "random", "--space", "nasbench201", "--indicator", "params"]
    scores = ["--scores", tmp_path / "gone.sqlite"]  # what a run would complain about
    code, _, err = untrained(*search, *scores, "--output", tmp_path / "file")
    assert code == 2
    assert "cannot write the report into" in err
    code, _, err = untrained(*search, *scores, "--output", tmp_path / "new")
    assert "gone.sqlite" in err
    assert not list((tmp_path / "new").iterdir())


def test_a_random_search_looks_its_scores_up(untrained, scored, on_analog):
    arguments = ["search", "--searcher", "random", *on_analog, "--scores", scored(12, "params")]
    code, out, err = untrained(
        *arguments, "--indicator", "params", "--set", "n=3", "--runs", "5", "--format", "json"
    )
    assert code == 0, err
    assert "12 of 15,625" in out
    again = untrained(
        *arguments, "--indicator", "params", "--set", "n=3", "--runs", "5", "--format", "json"
    )
    assert again[1] == out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--budget", "inf"], "search.seconds = inf: input should be a finite number\n"),
        (["--evaluations", "2", "--dataset", "cifar7"], "no dataset named 'cifar7'"),
    ],
)
def test_what_cannot_be_searched_is_said_before_anything_runs(
    untrained, on_analog, arguments, message
):
    code, _, err = untrained("search", "--searcher", "rea", *on_analog, "--runs", "1", *arguments)
    assert code == 2
    assert message in err
    assert "tuple" not in err


def test_options_of_measuring_do_not_go_with_a_study(untrained):
    code, _, err = untrained("search", "darts-search", "--batch-size", "4", "--seed", "1")
    assert code == 2
    assert "cannot combine the study darts-search with --batch-size" in err


def test_te_nas_prunes_by_a_named_score_under_the_conditions_of_the_options(untrained, on_analog):
    arguments = ["search", "--searcher", "te_nas", *on_analog, *TINY, "--indicator", "params"]
    code, out, err = untrained(
        *(*arguments, "--set", "repeats=1", "--set", "prune_number=3", "--runs", "1"),
        *("--resolution", "16", "--labels", "random", "--initialisation", "gaussian"),
    )
    assert code == 0, err
    assert "te_nas" in out
    assert "resolution 16, initialisation gaussian, labels random" in " ".join(out.split())
    code, _, err = untrained("search", "darts-search", "--labels", "random")
    assert code == 2
    assert "cannot combine the study darts-search with --labels" in err


def test_every_name_of_a_search_study_is_looked_up_with_its_line(untrained, tmp_path):
    file = tmp_path / "s.toml"
    file.write_text(
        'space = "nasbench201"\ndataset = "cifar7"\nbenchmark = "nasbench201-analog"\n'
        '[measuring]\ninputs = "gausian"\ntimeout_s = 1.0\n'
        '[[search]]\nsearcher = "random"\nsettings = { m = 3 }\n'
        '[[search]]\nsearcher = "evolutoin"\nindicator = ["naswto"]\nlimits = { energy = 3.0 }\n'
    )
    code, _, err = untrained("search", file)
    assert code == 2
    lines = [line.split("s.toml:")[1].split(":")[0] for line in err.splitlines()]
    assert lines == ["2", "5", "9", "11", "12"]
    file.write_text(file.read_text().replace("cifar7", "cifar10"))
    code, _, err = untrained("search", file)
    assert "s.toml:13: no cost of a network named 'energy'; there are: flops, params" in err
    file.write_text(file.read_text().replace("1.0", "inf"))
    code, _, err = untrained("search", file)
    assert (code, "s.toml:6: measuring.timeout_s = inf: input should be a finite" in err) == (
        2,
        True,
    )
