"""What a user types, what comes back, and with which exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from untrained.harness.cli.main import COMMANDS
from untrained.harness.study.study import Study
from untrained.results import ScoreStore

BAD_STUDIES = {
    "open.toml": 'spaces = ["nasbench201"\n',
    "typo.toml": 'spcaes = ["nasbench201"]\n',
    "name.toml": 'spaces = ["nasbench201"]\nindicators = ["nasw0t"]\n[population]\nkind = "all"\n',
}


@pytest.fixture
def scored(untrained, score_arguments, tmp_path: Path) -> Path:
    """A store with six tiny networks."""
    store = tmp_path / "s.sqlite"
    code, _, err = untrained(*score_arguments(store, sample=6, indicators="naswot,synflow,params"))
    assert code == 0, err
    return store


ONE = ["--sample", "2", "--store", "a.sqlite"]


def score(*options: str) -> list[str]:
    return ["score", "--space", "nasbench201", "--indicators", "params", "--store", *options]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["score", "--space", "nasbench2O1", "--indicators", "naswot", *ONE],
            "no search space named 'nasbench2O1'; did you mean nasbench201",
        ),
        (
            ["score", "--space", "nasbench201", "--indicators", "nasw0t", *ONE],
            "no indicator named 'nasw0t'; did you mean naswot",
        ),
        (score("a.sqlite", "--sample", "2", "--input", "noise"), "no input source named"),
        (score("a.sqlite", "--sample", "2", "--dataset", "cifar1O"), "did you mean cifar10"),
        (
            score("a.sqlite", "--sample", "2", "--initialisation", "kaiming_fanin"),
            "no initialisation named 'kaiming_fanin'; did you mean kaiming_normal_fan_in",
        ),
        (score("a.sqlite"), "none of --architectures, --sample and --all were given; give exactly"),
        (score("a.sqlite", "--all", "--sample", "2"), "several of --architectures, --sample"),
        (score("a.sqlite", "--all", "--notation", "naslib"), "cannot use the notation 'naslib'"),
        (score("a.sqlite", "--architectures", "gone.txt"), "gone.txt: the file does not exist"),
        (score("a.sqlite", "--architectures", "bad.txt"), "bad.txt:1: "),
        (score("a.sqlite", "--sample", "2", "--timeout", "-1"), "timeout_s = -1.0: input should"),
        (
            score("a.sqlite", "--sample", "2", "--executor", "dask", "--wait", "0"),
            "wait_s = 0.0: input should be greater than 0",
        ),
        (["run", "nasbench201-quick", "--wait", "-1"], "wait_s = -1.0: input should be greater"),
        (score("a.csv", "--sample", "2"), "cannot make the score store 'a.csv': a file of this"),
        (score("a.sqlite", "--sample", "99999"), "only 15,625 architectures"),
        (score("no.sqlite", "--sample", "2"), "no.sqlite"),
        (score("file/s.sqlite", "--sample", "2"), "cannot make the folder 'file'"),
        (["report", "--store", "no.sqlite"], "no.sqlite"),
        (
            ["report", "--store", "nasbench201-quick"],
            "cannot write the report beside the scores of nasbench201-quick: they come with the "
            "project, and so does a report there. Name a folder with --output.",
        ),
        (["correlate", "--store", "missing.sqlite"], "missing.sqlite"),
        (
            ["correlate", "--store", "x.db", "--confidence", "2"],
            "confidence = 2.0: input should be",
        ),
        (["run", "no-such-study"], "no study named 'no-such-study'"),
        (["run", "gone.toml"], "gone.toml does not exist"),
        (["run", "open.toml"], "open.toml:1: not TOML: Unclosed array"),
        (["run", "typo.toml"], "typo.toml:1: unknown key 'spcaes'; did you mean spaces or scores?"),
        (["run", "name.toml"], "name.toml:2: no indicator named 'nasw0t'; did you mean naswot"),
        (["run", "nasbench201-quick", "--output", "file/sub"], "file/sub"),
        (["check", "nasbench201-gat"], "did you mean nasbench201-gate?"),
        (["list", "indicator"], "did you mean indicators?"),
    ],
)
def test_bad_input_is_answered_in_words_with_status_2(
    arguments, message, untrained, tmp_path: Path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)
    for name, text in BAD_STUDIES.items():
        Path(name).write_text(text)
    Path("bad.txt").write_text("|nor_conv_9x9~0|+|x\n")
    Path("no.sqlite").write_text("hello\n")
    Path("file").write_text("")
    code, out, err = untrained(*arguments)
    assert code == 2
    assert out == ""
    assert "untrained: " in err
    assert message in err
    assert "Traceback" not in err
    assert Path("no.sqlite").read_text() == "hello\n"


@pytest.mark.parametrize(
    "arguments", [score("a.sqlite", "--sample", "-3"), ["score"], ["lst"], ["list", "--jso"]]
)
def test_wrong_usage_has_status_2_and_says_what_is_wrong(arguments, untrained):
    code, _, err = untrained(*arguments)
    assert code == 2
    assert "Usage: untrained" in err
    assert "Traceback" not in err


def test_an_image_file_cut_short_is_found_before_anything_is_scored(
    untrained, image_file: Path, tmp_path: Path
):
    image_file.write_bytes(image_file.read_bytes()[:500])
    arguments = ["score", "--space", "nasbench201", "--sample", "2", "--input", "cifar10"]
    code, _, err = untrained(*arguments, "--indicators", "naswot", "--store", tmp_path / "a.sqlite")
    assert code == 2
    assert "cifar10-train.parquet cannot be read as Parquet" in err
    assert not (tmp_path / "a.sqlite").exists()


def test_help_shows_examples_and_loads_no_torch():
    script = (  # one process: what none of the commands loads, each of them does not load
        "import sys\n"
        "from untrained.harness.cli.main import main\n"
        "for command in sys.argv[1:]:\n"
        "    sys.argv = ['untrained', *command.split(), '--help']\n"
        "    try: main()\n"
        "    except SystemExit as leave: assert not leave.code\n"
        "    print(end='\\f')\n"
        "    print('torch' in sys.modules, 'pandas' in sys.modules, file=sys.stderr)\n"
    )
    commands = ["", "run", "score", "correlate", "report", "check", "list"]
    done = subprocess.run(
        [sys.executable, "-c", script, *commands],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    *shown, rest = done.stdout.split("\f")
    assert (len(shown), rest) == (len(commands), "")
    for command, text in zip(commands, shown, strict=True):
        assert f"untrained {command or 'run nasbench201-quick'}" in text
    assert done.stderr.split() == ["False", "False"] * len(commands)


def test_help_breaks_lines_where_the_terminal_does(untrained, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = untrained("validate", "--help")
    described = out[out.index("It is examined") : out.index("Exit status")].strip().splitlines()
    assert all(len(line.strip()) > 65 for line in described[:-1])


def test_defaults_of_options_are_those_of_the_study(untrained):
    _, out, _ = untrained("score", "--help")
    assert f"[default: {Study.model_fields['inputs'].default}]" in out
    _, out, _ = untrained("report", "--help")
    assert "[default: markdown,csv,html]" in out


def test_the_version_is_that_of_the_package(untrained):
    from importlib.metadata import version

    assert untrained("--version") == (0, f"untrained {version('untrained')}\n", "")


def test_everything_is_listed_as_json(untrained):
    code, out, _ = untrained("list", "--json")
    assert code == 0
    found = json.loads(out)
    assert set(found) == {
        "indicators",
        "aggregates",
        "spaces",
        "benchmarks",
        "studies",
        "baselines",
        "formats",
        "searchers",
    }
    assert {"name", "title", "formula", "reference"} <= set(found["indicators"][0])
    sizes = {space["name"]: space["architectures"] for space in found["spaces"]}
    assert sizes["nasbench201"] == 15625
    _, out, _ = untrained("list", "benchmarks", "--json")
    analog = next(b for b in json.loads(out) if b["name"] == "nasbench201-analog")
    assert analog["present"]
    assert {t["metric"] for t in analog["targets"]} >= {"baseline_accuracy"}


def test_lists_for_people_name_everything(untrained):
    code, out, _ = untrained("list")
    assert code == 0
    assert all(name in out for name in ("naswot", "nasbench201-analog", "html", "15,625"))


def test_a_dry_run_counts_and_touches_nothing(untrained, scored: Path, tmp_path, score_arguments):
    arguments = score_arguments(tmp_path / "new.sqlite", sample=5, indicators="params,random")
    code, out, _ = untrained(*arguments, "--dry-run")
    assert code == 0
    assert "sample of 5 of 15,625, seed 0" in out
    assert "10 to do on 5 networks" in out
    assert not (tmp_path / "new.sqlite").exists()
    _, out, _ = untrained(*score_arguments(scored, sample=8, indicators="params"), "--dry-run")
    assert "8 scores, 6 of them" in out
    assert "2 to do on 2 networks" in out
    code, out, _ = untrained("run", "nasbench201-quick", "--dry-run")
    assert code == 0
    assert "200 networks" in out


def test_the_resolution_of_synthetic_inputs_is_an_option(untrained, tmp_path, score_arguments):
    arguments = score_arguments(tmp_path / "new.sqlite", sample=2, indicators="naswot")
    code, out, _ = untrained(*arguments, "--resolution", "16", "--dry-run")
    assert code == 0
    assert "16 x 16" in out or "16 px" in out


def test_the_summary_of_a_score_run_is_json_on_request(untrained, scored, score_arguments):
    arguments = score_arguments(scored, sample=7, indicators="naswot,params")
    code, out, _ = untrained(*arguments, "--json")
    assert code == 0
    summary = json.loads(out)
    assert summary == {
        "wanted": 14,
        "stored_before": 12,
        "scored": 2,
        "statuses": {"ok": 14},
        "failures": [],
        "store": str(scored),
    }


def test_failures_give_status_1_and_their_count(
    untrained, tmp_path, score_arguments, add_indicator
):
    def broken(measurement):
        raise RuntimeError("on purpose")

    add_indicator("broken", broken)
    arguments = score_arguments(tmp_path / "s.sqlite", sample=2, indicators="broken,params")
    code, _, err = untrained(*arguments)
    assert code == 1
    assert "2 of 4 scores failed" in err
    assert "--rerun failed" in err


def test_correlate_prints_a_table_with_its_conditions(untrained, scored: Path):
    code, out, _ = untrained("correlate", "--store", scored, "--benchmark", "nasbench201-analog")
    assert code == 0
    for text in (
        "the 6 scored architectures of 15,625",
        "cifar10 baseline accuracy",
        ", SHA-256 ",
        "1,000 resamples, seed 0",
        "naswot",
        "gaussian inputs, batch 8",
        f"untrained correlate --store {scored} --benchmark nasbench201-analog",
    ):
        assert text in out


def test_correlate_gives_json_with_the_same_numbers_as_the_csv_report(
    untrained, scored: Path, tmp_path: Path
):
    import io

    import pandas as pd

    options = ["--store", scored, "--benchmark", "nasbench201-analog", "--resamples", "50"]
    code, out, _ = untrained("correlate", *options, "--json")
    assert code == 0
    text = json.dumps(json.loads(out))
    code, out, _ = untrained(
        "report", *options, "--output", tmp_path / "out", "--formats", "csv,html"
    )
    assert code == 0
    files = out.split()
    assert [Path(f).suffix for f in files] == [".csv", ".html"]
    csv = Path(files[0]).read_text()
    frame = pd.read_csv(io.StringIO(csv), comment="#")
    assert set(frame["indicator"]) == {"naswot", "synflow", "params"}
    assert all(indicator in text for indicator in frame["indicator"])


def test_a_report_into_an_unwritable_place_is_the_users_error(untrained, scored, tmp_path):
    (tmp_path / "file").write_text("")
    unwritable = ["--output", tmp_path / "file" / "sub", "--formats", "csv"]
    code, _, err = untrained("report", "--store", scored, *unwritable)
    assert code == 2
    assert "cannot write the report into" in err
    code, _, err = untrained("report", "--store", scored, "--formats", "htlm")
    assert code == 2
    assert "did you mean html?" in err


STUDY = """\
title = "A tiny study"
spaces = ["nasbench201"]
indicators = ["naswot", "params"]
channels = 4
cells = 1
batch_size = 8

[population]
n = 5

[truth]
benchmark = "nasbench201-analog"

[statistics]
resamples = 20
"""


def test_a_study_ends_with_a_table_and_a_report_and_is_resumed(untrained, tmp_path: Path):
    study, output = tmp_path / "tiny.toml", tmp_path / "out"
    study.write_text(STUDY)
    arguments = ["run", study, "--output", output, "--workers", "1", "--device", "cpu"]
    code, out, err = untrained(*arguments)
    assert code == 0, err
    assert "sample of 5 of 15,625, seed 0" in out
    assert f"untrained run {study}" in out
    assert {p.suffix for p in output.iterdir()} >= {".md", ".csv", ".html", ".sqlite"}
    assert len(pd.read_parquet(output / "scores.parquet")) == 10
    written = {p.name: p.read_bytes() for p in output.iterdir() if p.suffix in {".md", ".csv"}}
    code, again, err = untrained(*arguments)
    assert code == 0
    assert again == out
    assert "(0 new)" in err
    assert written == {name: (output / name).read_bytes() for name in written}
    with ScoreStore(output / "scores.sqlite", create=False) as store:
        assert len(store.frame()) == 10


def test_a_study_over_exported_scores_computes_none_and_gives_the_same_bytes(untrained, tmp_path):
    study, first, second = tmp_path / "tiny.toml", tmp_path / "first", tmp_path / "second"
    study.write_text(STUDY + '[report]\nformats = ["markdown", "csv"]\n')
    assert untrained("run", study, "--output", first, "--workers", "1")[0] == 0
    known = ["--scores", first / "scores.parquet"]
    code, out, _ = untrained("run", study, "--output", second, *known, "--dry-run")
    assert code == 0
    assert "10 scores, 10 of them in" in out
    assert not second.exists()
    code, _, err = untrained("run", study, "--output", second, *known)
    assert code == 0, err
    assert "(0 new)" in err
    for name in ("report.md", "report.csv", "scores.parquet"):
        assert (second / name).read_bytes() == (first / name).read_bytes()
    # of a study of fewer scores only its own are taken
    part = tmp_path / "part.toml"
    part.write_text(STUDY.replace('["naswot", "params"]', '["params"]').replace("n = 5", "n = 3"))
    code, _, err = untrained("run", part, "--output", tmp_path / "part", *known)
    assert code == 0, err
    assert "(0 new)" in err
    assert len(pd.read_parquet(tmp_path / "part" / "scores.parquet")) == 3


@pytest.mark.parametrize("name", ["gone.parquet", "gone.sqlite", "damaged.parquet"])
def test_scores_that_cannot_be_read_leave_no_empty_store(untrained, tmp_path, name):
    study, output = tmp_path / "tiny.toml", tmp_path / "output"
    study.write_text(STUDY)
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    code, _, err = untrained("run", study, "--output", output, "--scores", tmp_path / name)
    assert code == 2
    assert name in err
    assert not output.exists()
    study.write_text(f'scores = ["{tmp_path / name}"]\n{STUDY}')
    code, _, err = untrained("run", study, "--output", output)
    assert code == 2
    assert name in err
    assert not output.exists()


def test_exported_scores_are_correlated_and_reported_like_a_store(untrained, scored, tmp_path):
    with ScoreStore(scored, create=False) as store:
        export = store.export(tmp_path / "scores.parquet")
    table = untrained("correlate", "--store", scored, "--json")[1]
    code, out, err = untrained("correlate", "--store", export, "--json")
    assert code == 0, err
    assert json.loads(out)["tables"][0]["rows"] == json.loads(table)["tables"][0]["rows"]
    code, _, err = untrained(
        *("report", "--store", export, "--output", tmp_path / "r", "--formats", "markdown")
    )
    assert code == 0, err
    assert (tmp_path / "r" / "report.md").is_file()


def test_a_factorial_study_scores_every_combination_and_reports_effects(untrained, tmp_path):
    study, output = tmp_path / "factors.toml", tmp_path / "out"
    study.write_text(STUDY + '[factors]\ninputs = ["ones"]\nbatch_size = [4]\n')
    code, _, err = untrained("run", study, "--output", output, "--workers", "1")
    assert code == 0, err
    assert "25 scores in" in err  # 5 of params, which no factor changes, and 4 x 5 of naswot
    frame = pd.read_parquet(output / "scores.parquet")
    assert frame.groupby("indicator")["protocol"].nunique().to_dict() == {"naswot": 4, "params": 1}
    text = (output / "report.md").read_text()
    rows = [line.split("|")[1:-1] for line in text.split("Sensitivity")[1].splitlines()]
    cells = [[cell.strip() for cell in row[:3]] for row in rows if len(row) == 8]
    assert cells[2:] == [
        ["naswot", "inputs", "gaussian"],
        ["naswot", "inputs", "ones"],
        ["naswot", "batch_size", "8"],
        ["naswot", "batch_size", "4"],
    ]
    again = untrained("run", study, "--output", output, "--workers", "1")
    assert "(0 new)" in again[2]
    assert text == (output / "report.md").read_text()


def test_a_report_folder_of_a_study_is_relative_to_its_file(untrained, tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "s.toml").write_text(STUDY + '[report]\nfolder = "o"\nformats = ["csv"]\n')
    monkeypatch.chdir(tmp_path)
    code, _, err = untrained("run", "sub/s.toml", "--workers", "1")
    assert code == 0, err
    assert (tmp_path / "sub" / "o" / "report.csv").is_file()


def test_a_wrong_report_format_is_found_before_anything_is_scored(untrained, tmp_path):
    study = tmp_path / "s.toml"
    study.write_text(STUDY + '[report]\nformats = ["csv", "htlm"]\n')
    code, _, err = untrained("run", study, "--output", tmp_path / "out", "--workers", "1")
    assert code == 2
    assert "s.toml:17: no report format named 'htlm'; did you mean html?" in err
    assert not (tmp_path / "out").exists()


def test_the_list_of_commands_says_of_each_what_its_help_says():
    """The list is written without importing the commands, from sentences of its own."""
    for name, (place, text) in COMMANDS.items():
        module, _, attribute = place.partition(":")
        found = getattr(import_module(f"untrained.harness.cli.{module}"), attribute)
        documented = getattr(found, "info", found)
        own = documented.help if documented is not found else found.__doc__
        assert " ".join(own.split("\n\n")[0].split()) == text, name


def test_help_imports_neither_torch_nor_pandas():
    code = (
        "import sys\n"
        "from untrained.harness.cli.main import main\n"
        "sys.argv = ['untrained', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "assert not {'torch', 'pandas', 'pydantic'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
