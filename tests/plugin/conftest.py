"""A package from outside, installed without network or build backend, and pytest run in it."""

import os
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from importlib.metadata import entry_points
from pathlib import Path

import pytest

PLUGIN = "untrained.harness.pytest_plugin"


def install(project: Path, target: Path) -> None:
    """What `pip install --no-deps --target` does with single modules, by hand."""
    table = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    target.mkdir(exist_ok=True)
    for module in project.glob("*.py"):
        (target / module.name).write_bytes(module.read_bytes())
    info = target / f"{table['name'].replace('-', '_')}-{table['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {table['name']}\nVersion: {table['version']}\n"
    )
    lines = [
        line
        for group, entries in table["entry-points"].items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


def run_pytest(
    folder: Path, *options: str, installed: Path | None = None, beside_others: bool = False
):
    """Run pytest in a folder, as a stranger's continuous integration does.

    Without the pytest plug-ins of other packages, which take most of a start, unless asked for.
    """
    known = beside_others and any(e.value == PLUGIN for e in entry_points(group="pytest11"))
    path = [str(installed)] if installed else []
    path += [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"}
    if not beside_others:
        env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        command if known else [*command, "-p", PLUGIN],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def outcomes(report: Path) -> dict[str, dict[str, str]]:
    """By plug-in and promise: `passed`, `skipped` or the text of the failure."""
    found: dict[str, dict[str, str]] = {}
    for case in ET.parse(report).iter("testcase"):
        outcome = "passed"
        for child in case:
            if child.tag in ("failure", "error"):
                outcome = child.text or child.tag
            elif child.tag == "skipped":
                outcome = "skipped"
        subject = case.get("classname", "").rpartition("untrained.")[2]
        found.setdefault(subject, {})[case.get("name", "")] = outcome
    return found


class Outside:
    """A project outside the repository, installed, and the runs of pytest in it."""

    def __init__(self, project: Path, site: Path) -> None:
        self.project = project
        self.site = site
        install(project, site)

    def outcomes(self, *options: str, **how: bool):
        report = self.site / "report.xml"
        options = (f"--junit-xml={report}", *options)
        done = run_pytest(self.project, *options, installed=self.site, **how)
        return done, outcomes(report)


@pytest.fixture
def stranger(tmp_path):
    """Runs pytest in a folder that knows nothing of the project, on the given test file."""

    def run(source: str, *options: str, ini: str = "", **how: bool):
        write_stranger(tmp_path, source, ini)
        return run_pytest(tmp_path, *options, **how)

    return run


@pytest.fixture
def stranger_here(tmp_path, monkeypatch, capfd):
    """The same in this process, which has imported all that a check needs."""

    def run(source: str, *options: str, ini: str = ""):
        write_stranger(tmp_path, source, ini)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.delitem(sys.modules, "test_stranger", raising=False)
        plain = [f"-pno:{name}" for name in ("cacheprovider", "faulthandler")]
        capfd.readouterr()
        code = pytest.main([*plain, "-p", PLUGIN, "--import-mode=importlib", *options])
        sys.modules.pop("test_stranger", None)
        return subprocess.CompletedProcess(options, code, *capfd.readouterr())

    return run


def write_stranger(folder: Path, source: str, ini: str) -> None:
    (folder / "test_stranger.py").write_text(source)
    (folder / "pytest.ini").write_text(f"[pytest]\n{ini}\n")


@pytest.fixture(scope="session")
def outside(tmp_path_factory):
    """Copies a project out of the repository and installs it."""

    def put(project: Path) -> Outside:
        folder = tmp_path_factory.mktemp("outside")
        copied = shutil.copytree(
            project, folder / "project", ignore=shutil.ignore_patterns("__pycache__")
        )
        return Outside(copied, folder / "site")

    return put
