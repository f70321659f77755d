"""What the documentation shows exists: commands, options, links, code; a build checks the rest."""

from __future__ import annotations

import re
import shlex
import shutil
from functools import cache
from pathlib import Path
from runpy import run_path
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


@cache
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
IN_ORDER = (
    "untrained score --space nasbench201 --sample 100 ",
    "untrained correlate --store my",
    "untrained run my-study.toml",
    "untrained check baselines/mine --study",
    "untrained check baselines/mine",
)
CHEAP_ON_A_STORE = (
    "untrained data convert nasbench201 ",
    "untrained data list",
    "untrained merge ",
    "untrained new indicator ",
    "untrained report ",
    "untrained status scores.sqlite",
    "untrained search --searcher random",
)
STUDY = """
spaces = ["nasbench201"]
indicators = ["params", "l2_norm"]
seeds = [0, 1]
resolution = 8
channels = 4
cells = 1

[population]
kind = "sample"
n = 8

[truth]
benchmark = "nasbench201-analog"

[statistics]
resamples = 50

[report]
formats = ["csv"]
"""
NOT_RUN = {
    "--aggregates": "needs a store of the indicators of az_nas: tests/harness/test_aggregating.py",
    "--dataset": "needs a table of the space: tests/harness/test_correlating.py",
    "--watch": "does not end: tests/harness/test_run_log.py",
    "untrained check golden": "measures 5 s of networks: tox.ini runs it",
    "untrained check nasbench201-gate": "measures for minutes: the Makefile runs it",
    "untrained data verify": "needs the official values: tests/harness/test_data_command.py",
    "untrained run nasbench201-quick": "measures for minutes, as my-study.toml does in small",
    "untrained score --space nasbench201 --all": "as the first score: the whole space",
    "untrained score --space nasbench201 --sample 1000": "as the first score: 16 processes",
    "untrained score --space nasbench201 --sample 500": "as the first score",
    "untrained search": "searches for more than 2 s: tests/harness/search",
    "untrained validate": "as the page: tests/harness/validate/test_new_indicator_page.py",
}
"""Parts of commands, and why a command with them is not run here."""


def ordered() -> list[str]:
    """The commands that run here, each once."""
    starts = (*IN_ORDER, *CHEAP_ON_A_STORE)
    lines = (line for start in starts for line in commands() if line.startswith(start))
    return [
        line
        for line in dict.fromkeys(lines)
        if not re.search("--aggregates|--dataset|--watch", line)
    ]


def test_each_command_runs_here_or_has_a_reason_why_not() -> None:
    here = {*ordered(), *(line for line in commands() if line.startswith(CHEAP))}
    used = {line: [part for part in NOT_RUN if part in line] for line in commands()}
    assert [line for line, parts in used.items() if line not in here and not parts] == []
    left = {part for line, parts in used.items() if line not in here for part in parts}
    assert set(NOT_RUN) == left
    places = [found[0] for why in NOT_RUN.values() if (found := re.findall(r"tests/\S+", why))]
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_the_commands_on_a_store_run_in_small(tmp_path: Path, monkeypatch) -> None:
    """One after another as shown, of eight tiny networks; the store bears all of their names."""
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").symlink_to(ROOT / "results")
    Path("my-study.toml").write_text(STUDY, encoding="utf-8")
    official = run_path(str(ROOT / "tests" / "spaces" / "official" / "conftest.py"))
    official["write_official"](Path("NAS-Bench-201-v1_1-096897.pth"))
    for line in ordered():
        call = re.sub(r"--sample \d+", SMALL, re.sub(r"--runs \d+", "--runs 2", line))
        call = call.replace("parts/*.sqlite", "old.sqlite new.sqlite")  # of the shell
        call = call.replace("--output scores.sqlite", "--output merged.sqlite")
        if call.startswith(("untrained run ", "untrained check ")):
            call += " --workers 1"
        done = CliRunner().invoke(app, shlex.split(call)[1:])
        assert done.exit_code == 0, (call, done.output)
        if "untrained score" in line:
            scored = frame("my.sqlite")["params"].rename("latency_ms").reset_index()
            scored.assign(accuracy=range(8)).to_csv("accuracies.csv", index=False)
            for name in ("old", "new", "scores"):
                shutil.copy("my.sqlite", f"{name}.sqlite")
    made = {p.name for p in tmp_path.iterdir()}
    assert {"my-report", "merged.sqlite", "mean_gradient.py", "none"} <= made
    assert len(list(Path("baselines/mine").iterdir())) > 1
    assert list(Path("none").rglob("*.parquet"))


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


def test_the_versions_of_python_are_those_that_are_tested() -> None:
    places = {
        "pyproject.toml": r"Python :: 3\.\d+",
        "README.md": r"With Python [^;]+;",
        ".github/workflows/ci.yml": r'python(?:-version)?: "3\.\d+"',
        "docs/examples/untrained-contract.yml": r'"3\.\d+"',
        "docs/quickstart.md": r"# Python [^;]+;",
    }
    found = {}
    for place, form in places.items():
        spoken = re.findall(form, (ROOT / place).read_text("utf-8"))
        found[place] = set(re.findall(r"3\.\d+", " ".join(spoken)))
    assert len(set(map(frozenset, found.values()))) == 1, found
