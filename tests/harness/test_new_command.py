"""`untrained new indicator` writes a file that is an indicator already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from untrained.harness.cli.new import indicator_template
from untrained.harness.contract import examine
from untrained.harness.validation.candidate import find_candidate

Run = Callable[..., Any]


def test_it_writes_an_indicator(
    untrained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = untrained("new", "indicator", "mean_saliency")
    assert (done.code, done.out) == (0, "mean_saliency.py\n")
    candidate = find_candidate(tmp_path / "mean_saliency.py")
    with candidate.registered() as item:
        assert (item.id, item.title) == ("mean_saliency", "Mean saliency")
    text = (tmp_path / "mean_saliency.py").read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 100


def test_what_is_there_is_left_as_it_is(untrained: Run, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "mine.py"
    assert untrained("new", "indicator", "mine", "--output", path).code == 0
    path.write_text("precious", encoding="utf-8")
    done = untrained("new", "indicator", "mine", "--output", path)
    assert done.code == 2
    assert "exists already and is left as it is" in done.err
    assert path.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("My-Score", "my_score"),
        ("MyScore", "my_score"),
        ("2nd", "nd"),
        ("class", "class_score"),
        ("", "my_indicator"),
        ("é", "my_indicator"),
        ("../x", "x"),
        ("NASWOT", "naswot_score"),
    ],
)
def test_a_name_that_no_function_can_have_is_refused(
    untrained: Run, tmp_path: Path, name: str, proposed: str
) -> None:
    done = untrained("new", "indicator", "--output", tmp_path / "x.py", "--", name)
    assert done.code == 2
    assert f"try {proposed!r}" in done.err
    assert not (tmp_path / "x.py").exists()


def test_a_name_that_is_taken_is_refused(untrained: Run, tmp_path: Path) -> None:
    done = untrained("new", "indicator", "naswot", "--output", tmp_path / "x.py")
    assert (done.code, "exists already (NASWOT" in done.err) == (2, True)


def test_the_year_is_given() -> None:
    assert "unpublished, 2031" in indicator_template("mine", year=2031)


def test_what_it_writes_keeps_every_promise(tmp_path: Path) -> None:
    path = tmp_path / "mean_saliency.py"
    path.write_text(indicator_template("mean_saliency", year=2026), encoding="utf-8")
    candidate = find_candidate(path)
    with candidate.registered() as item:
        findings = examine(item)
    assert len(findings) > 20
    assert [one for one in findings if one.kept is False] == []
