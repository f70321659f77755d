"""What the documentation shows exists: commands, options, links, code; a build checks the rest."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from untrained.harness.cli.main import app

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
