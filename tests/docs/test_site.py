"""What the documentation shows exists: commands, options, links, code; a build checks the rest."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from untrained.harness.cli.main import app
from untrained.results import frame

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
CHEAP = "untrained list "
SYNTAX = re.compile(r"\[|\bPATH\b|\bNAME\b|\bFOLDER\b|\bFILE\b|\$|…|\.\.\.")
"""Lines that describe a form instead of a call."""


def code(page: Path, language: str) -> list[str]:
    fence = rf"^```{language}\n(.*?)^```"
    return re.findall(fence, page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """The calls of untrained in blocks of shell code, without comments."""
    found = set()
    for block in (block for page in PAGES for block in code(page, "sh")):
        for line in block.replace("\\\n", " ").splitlines():
            call = re.sub(r"\s#.*", "", line).split("&&")[0].split("|")[0].strip()
            if call.startswith("untrained ") and not SYNTAX.search(call):
                found.add(call)
    return sorted(found)


@pytest.mark.parametrize("line", commands())
def test_a_command_is_understood(line: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, *words = shlex.split(line)
    for word in words:  # files of the reader's
        if re.fullmatch(r"[\w/-]+\.\w{2,7}", word) and not (ROOT / word).exists():
            Path(word).parent.mkdir(parents=True, exist_ok=True)
            Path(word).touch()
        elif "/" in word and (ROOT / word).exists():
            Path(word).parent.mkdir(parents=True, exist_ok=True)
            Path(word).symlink_to(ROOT / word)
    command, name = get_command(app), "untrained"
    while isinstance(command, click.Group):
        context = command.make_context(name, list(words))
        rest = [*context._protected_args, *context.args]
        name, command, words = command.resolve_command(context, rest)
    command.make_context(name, list(words))


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith(CHEAP)])
def test_a_cheap_command_runs(line: str) -> None:
    done = CliRunner().invoke(app, shlex.split(line)[1:])
    assert done.exit_code == 0, done.output
    assert done.stdout


SMALL = "--sample 8 --channels 4 --cells 1 --resolution 8 --workers 1"
IN_ORDER = ("untrained score --space nasbench201 --sample 100 ", "untrained correlate --store my")
CHEAP_ON_A_STORE = (
    "untrained data list",
    "untrained merge ",
    "untrained new indicator ",
    "untrained report ",
    "untrained status scores.sqlite",
    "untrained search --searcher random",
)


def test_the_commands_on_a_store_run_in_small(tmp_path: Path, monkeypatch) -> None:
    """One after another as shown, of eight tiny networks; the store bears all of their names."""
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").symlink_to(ROOT / "results")
    lines = [line for start in IN_ORDER for line in commands() if line.startswith(start)]
    lines += [line for line in commands() if line.startswith(CHEAP_ON_A_STORE)]
    for line in lines:
        if re.search("--aggregates|--dataset|--watch", line):
            continue  # needs other scores or a table, or does not end
        call = re.sub(r"--sample \d+", SMALL, re.sub(r"--runs \d+", "--runs 2", line))
        call = call.replace("parts/*.sqlite", "old.sqlite new.sqlite")  # of the shell
        call = call.replace("--output scores.sqlite", "--output merged.sqlite")
        done = CliRunner().invoke(app, shlex.split(call)[1:])
        assert done.exit_code == 0, (call, done.output)
        if "untrained score" in line:
            scored = frame("my.sqlite")["params"].rename("latency_ms").reset_index()
            scored.assign(accuracy=range(8)).to_csv("accuracies.csv", index=False)
            for name in ("old", "new", "scores"):
                shutil.copy("my.sqlite", f"{name}.sqlite")
    assert len(lines) > 11
    assert {"my-report", "merged.sqlite", "mean_gradient.py"} <= {
        p.name for p in tmp_path.iterdir()
    }


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)", text)
    assert [target for target in targets if not (page.parent / unquote(target)).exists()] == []


@pytest.mark.parametrize("name", ["howto/network", "concepts/protocol", "concepts/functions"])
def test_code_runs_as_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for block in code(ROOT / "docs" / f"{name}.md", "python"):
        exec(compile(block, name, "exec"), {"__name__": "page"})
    assert capsys.readouterr().out


def test_every_figure_is_of_a_page_that_the_site_has() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    drawn = [p for p in PAGES if "```python figure" in p.read_text("utf-8")]
    assert len(drawn) == 7
    for page in drawn:
        assert str(page.relative_to(ROOT / "docs")) in navigation
