"""What a user of `untrained check` types, sees and finds on disk."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from untrained.harness.gate import baseline_files
from untrained.harness.gate.baseline_files import builtin_baselines, load_baseline, write_baseline
from untrained.indicators import Measurement, indicators


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def measured(measure) -> tuple[dict[str, str], Path]:
    """A smaller baseline: what a command says and writes depends on no size."""
    return measure(indicators='["naswot", "params", "snip"]', n="12")


@pytest.fixture
def broken_naswot(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = indicators["naswot"].function
    broken = replace(indicators["naswot"], function=lambda m: -honest(m))
    monkeypatch.setitem(indicators._items, "naswot", broken)


@pytest.fixture
def sometimes_no_naswot(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = indicators["naswot"].function

    def function(m: Measurement) -> float:
        value = honest(m)
        return math.nan if m.seed % 2 else value

    broken = replace(indicators["naswot"], function=function)
    monkeypatch.setitem(indicators._items, "naswot", broken)


def test_a_regression_is_in_every_output_and_the_exit_status(
    untrained, folder: Path, tmp_path: Path, broken_naswot
):
    junit, summary = tmp_path / "out" / "gate.xml", tmp_path / "summary.md"
    summary.write_text("# Job\n")
    code, out, err = untrained(
        *("check", folder, "--workers", "1", "--junit", junit, "--summary", summary, "--json")
    )
    assert code == 1, err
    document = json.loads(out)
    assert document["baseline"] == "toy"
    assert document["failed"] == 3
    failed = [one for one in document["findings"] if one["failed"]]
    assert [(one["tier"], one["subject"]) for one in failed] == [
        ("golden", "naswot"),
        ("scores", "naswot"),
        ("correlation", "naswot"),
    ]
    assert failed[1]["value"] == -1
    suite = ElementTree.parse(junit).getroot()[0]
    assert suite.get("failures") == "3"
    assert suite.get("tests") == str(len(suite)) == str(len(document["findings"]))
    cases = [case for case in suite if case.find("failure") is not None]
    assert {case.get("name") for case in cases} == {"naswot"}
    assert "rho -1.0000 at the same seed" in cases[1].find("failure").get("message")
    text = summary.read_text()
    assert text.startswith("# Job\n## untrained check toy\n")
    assert "3 of " in text
    assert "| moved   | scores      | naswot" in text
    assert "<details><summary>" in text


def test_what_holds_is_said_in_few_lines_and_a_rerun_appends(untrained, folder: Path, tmp_path):
    summary = tmp_path / "summary.md"
    for _ in range(2):
        code, out, err = untrained("check", folder, "--workers", "1", "--summary", summary)
        assert code == 0, err
    assert out.splitlines()[-1] == "Nothing has moved: 13 statements, none fails."
    assert "scores: 3 holds" in out
    assert "naswot" not in out
    assert summary.read_text().count("## untrained check toy") == 2


def cut_short(folder: Path) -> None:
    file = folder / "scores.csv"
    file.write_bytes(file.read_bytes()[:-40])


def edited(folder: Path) -> None:
    file = folder / "scores.csv"
    file.write_text(file.read_text().replace("6", "7", 1))


def not_a_number(folder: Path) -> None:
    file = folder / "networks.csv"
    lines = file.read_text().splitlines()
    lines[3] = lines[3].rpartition(",")[0] + ",ninety"
    file.write_text("\n".join(lines) + "\n")


def other_columns(folder: Path) -> None:
    file = folder / "golden.csv"
    file.write_text(file.read_text().replace("version", "versoin", 1))


def without_scores(folder: Path) -> None:
    (folder / "scores.csv").unlink()


def no_provenance(folder: Path) -> None:
    (folder / "provenance.json").write_text("{")


def later_format(folder: Path) -> None:
    file = folder / "provenance.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 99'))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_short, "the last line is cut short"),
        (edited, "scores.csv: is not as --update wrote it: it was edited or cut short"),
        (not_a_number, "networks.csv:4: truth = 'ninety': should be a number"),
        (other_columns, "golden.csv:1: the columns are"),
        (other_columns, "'versoin': did you mean version?"),
        (without_scores, "the baseline 'toy' lacks its file"),
        (no_provenance, "provenance.json: is no provenance of a baseline"),
        (later_format, "has the format 99; this version reads 1"),
    ],
)
def test_a_damaged_baseline_is_named_with_file_and_line(
    damage: Callable[[Path], None], message, untrained, folder: Path
):
    damage(folder)
    before = bytes_of(folder)
    code, out, err = untrained("check", folder)
    assert (code, out) == (2, "")
    assert message in err
    assert "git checkout" in err
    assert "Traceback" not in err
    assert bytes_of(folder) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nasbench201-gat"], "no baseline named 'nasbench201-gat'; did you mean nasbench201-gate"),
        (["empty"], "the folder 'empty' holds no baseline: it has no provenance.json"),
        (["golden", "--seed", "3"], "golden scores alone, which know no seed"),
        (["golden", "--update", "--seed", "3"], "--seed and --update do not go together"),
        (["nasbench201-gate", "--golden-only", "--update"], "'nasbench201-gate' has one already"),
        (
            ["new", "--golden-only", "--update", "--study", "nasbench201-quick"],
            "without a study, and --study names one",
        ),
        (["golden", "--golden-only"], "--golden-only is about updates; give --update too"),
        (["golden", "--junit", "file/gate.xml"], "cannot write to 'file/gate.xml'"),
        (["golden", "--summary", "empty"], "cannot write to 'empty'"),
        (["new", "--update"], "untrained check new --study STUDY --update makes one"),
        (["new", "--study", "nasbench201-quik", "--update"], "did you mean nasbench201-quick"),
        (["new", "--study", "nasbench201-quick", "--update"], "a baseline needs scores of several"),
        (["new", "--study", "shared.toml", "--update"], "leave share_classes out"),
        (["new", "--study", "factors.toml", "--update"], "leave [factors] out"),
    ],
)
def test_bad_input_is_answered_before_anything_is_measured(
    arguments, message, untrained, tmp_path: Path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("file").write_text("")
    study = 'spaces = ["nasbench201"]\nindicators = ["params"]\nseeds = [0, 1]\n'
    rest = '[population]\nkind = "sample"\nn = 2\n'
    Path("shared.toml").write_text(f"{study}share_classes = true\n{rest}")
    Path("factors.toml").write_text(f"{study}{rest}[factors]\nbatch_size = [4]\n")
    code, out, err = untrained("check", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
    assert not Path("new").exists()


def test_an_update_without_a_change_writes_the_same_bytes(untrained, folder: Path, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder / "README.md").write_text("mine\n")
    before = bytes_of(folder)
    code, out, err = untrained("check", "toy", "--update", "--workers", "1")
    assert (code, out) == (0, "nothing has changed in toy\n"), err
    assert bytes_of(folder) == before


def test_an_update_that_covers_less_is_refused_unless_told(
    untrained, folder: Path, sometimes_no_naswot, monkeypatch
):
    monkeypatch.chdir(folder.parent)
    before = bytes_of(folder)
    code, out, err = untrained("check", "toy", "--update", "--workers", "1")
    assert code == 1
    assert "naswot has scores for" in out
    assert "before 100.0 %" in out
    assert "--accept-lower-coverage" in err
    assert bytes_of(folder) == before
    code, out, err = untrained(
        "check", "toy", "--update", "--workers", "1", "--accept-lower-coverage"
    )
    assert code == 0, err
    assert "scores.csv" in out
    after = bytes_of(folder)
    assert {name for name in before if before[name] != after[name]} >= {
        "correlations.csv",
        "provenance.json",
        "scores.csv",
    }
    for name in ("networks.csv", "study.toml", "indicators.csv"):
        assert after[name] == before[name]


def test_an_update_cut_off_while_it_writes_leaves_the_old_baseline(
    folder: Path, contents: dict[str, str], monkeypatch
):
    before = bytes_of(folder)
    written = []

    def interrupted(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(baseline_files.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_baseline(folder, contents | {"study.toml": "changed = true\n"})
    monkeypatch.undo()
    there = (
        bytes_of(folder)
        if not (folder / ".update.partial").exists()
        else {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.is_file()}
    )
    assert there == before
    assert write_baseline(folder, contents) == []
    assert bytes_of(folder) == before


def test_an_update_cut_off_between_two_files_is_finished_by_the_next_reader(
    folder: Path, contents: dict[str, str], monkeypatch
):
    longer = contents | {"golden.csv": "".join(contents["golden.csv"].splitlines(True)[:-1])}
    with monkeypatch.context() as patch:
        patch.setattr(baseline_files, "_finish_update", lambda folder: None)
        write_baseline(folder, longer)
    # one file has been moved, the others have not
    (folder / ".update" / "golden.csv").replace(folder / "golden.csv")
    count = len(load_baseline(str(folder)).golden)
    assert count == len(longer["golden.csv"].splitlines()) - 1
    assert not (folder / ".update").exists()


def test_the_disk_is_full(folder: Path, contents: dict[str, str], monkeypatch):
    from untrained.foundation import StorageError

    before = bytes_of(folder)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(baseline_files.os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device; what was there before is"):
        write_baseline(folder, contents)
    assert bytes_of(folder) == before


@pytest.mark.parametrize("name", builtin_baselines())
def test_built_in_baselines_are_about_what_is_installed(name: str):
    baseline = load_baseline(name)
    assert baseline.golden
    for one in baseline.golden:
        assert indicators[one.indicator].version == one.version
    scored = {one.indicator for one in baseline.golden if math.isfinite(one.value)}
    assert scored == {one.indicator for one in baseline.golden}
    for definition in baseline.definitions.values():
        assert definition.repeatable
    assert baseline.provenance["command"] == f"untrained check {name} --update"
