"""docs/new-indicator.md: every file it shows is validated, and its words about them are true."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from untrained.harness.cli.main import COMMANDS
from untrained.harness.study.study_file import builtin_studies
from untrained.harness.validation.candidate import find_candidate
from untrained.harness.validation.trials import traits_of
from untrained.indicators import indicators

PAGE = (Path(__file__).parents[3] / "docs" / "new-indicator.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))

Run = Callable[..., Any]


@pytest.fixture
def validate(untrained: Run, tmp_path: Path, no_data: None, quick: None) -> Run:
    """The command on a few networks of NAS-Bench-201."""

    def call(name: str, networks: int) -> Any:
        path = tmp_path / name
        path.write_text(FILES[name], encoding="utf-8")
        return untrained(
            *("validate", path, "--networks", networks, "--workers", 1),
            *("--spaces", "nasbench201", "--output", tmp_path / "page"),
        )

    return call


def test_the_real_example_gets_its_verdict(validate: Run, tmp_path: Path) -> None:
    done = validate("mean_gradient.py", 3)
    assert done.code == 0, done.err  # in particular, it keeps every promise of the contract
    assert "Better than the parameter count?" in done.out
    assert "They are needed; the score changes when they are permuted." in done.out
    assert "so few networks give a hint, not a verdict" in done.out
    page = (tmp_path / "page" / "verdict.md").read_text(encoding="utf-8")
    assert "## The contract" in page
    assert "BROKEN" not in page


def test_the_renamed_parameter_count_is_unmasked(validate: Run, tmp_path: Path) -> None:
    done = validate("capacity.py", 12)
    assert done.code == 0, done.err
    first = done.out.splitlines()[0]
    assert first == "This is a parameter count: capacity ranks networks as params does."
    assert first in PAGE
    assert "capacity" not in indicators
    for suffix in ("html", "md"):
        text = (tmp_path / "page" / f"verdict.{suffix}").read_text(encoding="utf-8")
        assert first in text
        assert "measured on Gaussian inputs with random labels" in text  # there are no images

    # the same once more: nothing is scored again, and the verdict is the same
    again = validate("capacity.py", 12)
    assert "0 scores to do" in again.err
    assert again.out == done.out


def test_the_plain_function_is_what_the_page_says(tmp_path: Path) -> None:
    path = tmp_path / "logit_spread.py"
    path.write_text(FILES["logit_spread.py"], encoding="utf-8")
    candidate = find_candidate(path, higher_is_better=True)
    with candidate.registered():
        traits = traits_of(candidate)
    assert (traits.labels, traits.gradients, traits.cost) == (False, False, "1 forward")


def test_every_command_and_study_shown_exists() -> None:

    shown = set(re.findall(r"^untrained ([a-z]+)", PAGE, re.MULTILINE))
    assert shown
    assert shown <= COMMANDS.keys()
    for study in re.findall(r"results/([a-z0-9-]+)\)", PAGE):
        assert study in builtin_studies()


def test_every_file_linked_exists() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", PAGE):
        assert (Path(__file__).parents[3] / "docs" / target).exists(), target
