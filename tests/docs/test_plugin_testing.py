"""What docs/plugin-testing.md and the files beside it show is so.

`python tests/docs/test_plugin_testing.py --write` writes the tables of promises anew.
"""

import re
import shlex
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from untrained.harness import pytest_plugin
from untrained.harness.cli.main import app
from untrained.harness.contract import indicator_promises, searcher_promises, space_promises
from untrained.harness.search import searchers
from untrained.indicators import indicators
from untrained.spaces import spaces

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "plugin-testing.md"
EXAMPLE = DOCS / "examples" / "plugin"
WORKFLOW = DOCS / "examples" / "untrained-contract.yml"
MARK = "<!-- promises: written by tests/docs/test_plugin_testing.py --write -->\n"


def tables() -> str:
    suites = {
        "indicators of images": indicator_promises(indicators["naswot"]),
        "indicators of recurrent networks": indicator_promises(indicators["gennas_combo_nlp"]),
        "search spaces": space_promises(spaces["nasbench201"]),
        "searchers": searcher_promises(searchers["random"]),
    }
    parts = []
    for kind, suite in suites.items():
        rows = [f"| `{one.name}` | {one.statement} |" for one in suite]
        parts.append("\n".join([f"### Of {kind}", "", "| test | promise |", "|---|---|", *rows]))
    return "\n" + "\n\n".join(parts) + "\n"


def test_the_promises_are_listed() -> None:
    assert PAGE.read_text("utf-8").partition(MARK)[2] == tables()


def test_the_code_shown_is_that_of_the_example() -> None:
    files = "\n".join(path.read_text("utf-8") for path in sorted(EXAMPLE.rglob("*.[pt][yo]*")))
    blocks = re.findall(r"```(?:toml|python)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    shown = [block for block in blocks if "examine" not in block]
    assert len(shown) == 3
    for block in shown:
        assert block in files


def test_the_code_that_examines_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (source,) = (block for block in blocks if "examine" in block)
    names: dict[str, object] = {}
    exec(compile(source, str(PAGE), "exec"), names)
    assert names["broken"] == []


def test_fixtures_are_those_of_the_plug_in() -> None:
    shown = set(re.findall(r"`(untrained_[a-z_]+)`", PAGE.read_text("utf-8")))
    given = {name for name in vars(pytest_plugin) if name.startswith("untrained_")}
    assert shown == given


def test_the_workflow_is_one_and_its_commands_exist() -> None:
    yaml = pytest.importorskip("yaml")
    workflow = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    assert {"push", "pull_request", "schedule"} <= set(workflow[True])  # YAML 1.1 reads `on` so
    (job,) = workflow["jobs"].values()
    assert job["runs-on"].startswith("ubuntu")
    steps = [step for step in job["steps"] if "run" in step]
    assert all(step["name"] for step in steps)
    commands = [shlex.split(step["run"]) for step in steps]
    for command in commands:
        assert command[:3] in (["python", "-m", "pip"], ["python", "-m", "pytest"]) or (
            command[0] == "untrained"
        )
    (listing,) = (command for command in commands if command[0] == "untrained")
    assert CliRunner().invoke(app, listing[1:]).exit_code == 0
    (tests,) = (command for command in commands if command[2:3] == ["pytest"])
    assert pytest_plugin.OPTION in tests
    assert all(
        "." in step["uses"] or "@v" in step["uses"] for step in job["steps"] if "uses" in step
    )


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    page = PAGE.read_text("utf-8")
    PAGE.write_text(page.partition(MARK)[0] + MARK + tables(), "utf-8")
