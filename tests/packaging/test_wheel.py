"""Check that the wheel holds exactly the modules and the data files that they read."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

pytest.importorskip("build", reason="needs the package `build` (dependency group packaging)")
pytest.importorskip("hatchling", reason="needs hatchling (dependency group packaging)")

ROOT = Path(__file__).parents[2]
UNOPTIMISED = """sh -c 'exec cc "$@" -O0' cc"""
"""A compiler of what is looked at and never run; optimising takes most of a build."""
COMPILED = "untrained/indicators/fused/passes.library"
ROOMS = ("foundation", "harness", "indicators", "reports", "results", "spaces")


def tracked(*patterns: str) -> set[str]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("not a git checkout: nothing to compare the wheel with")
    return {name for name in listing.stdout.splitlines() if (ROOT / name).exists()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist, and the wheel built from it, as a user of the package index gets them."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT],
        env={**os.environ, "CC": UNOPTIMISED},
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return wheel, sdist


def is_read(name: str) -> bool:
    """Tell whether code reads a file of the rooms: of committed results only the data."""
    path = PurePosixPath(name)
    if path.suffix in (".c", ".h"):
        return False
    if not path.is_relative_to("results/committed"):
        return True
    folder = path.relative_to("results/committed").parts[0]
    return folder in ("baselines", "reference") or path.name == "scores.parquet"


@pytest.fixture(scope="module")
def shipped(built):
    with zipfile.ZipFile(built[0]) as archive:
        return {n for n in archive.namelist() if ".dist-info/" not in n}


def test_wheel_holds_every_file_that_code_reads_and_no_other(shipped):
    compiled = {COMPILED} if shutil.which("cc") else set()
    sources = {f"untrained/{name}" for name in tracked(*ROOMS) if is_read(name)}
    assert shipped == sources | compiled


def test_wheel_is_small_and_says_licence_and_version(built):
    assert built[0].stat().st_size < 10 * 2**20
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version = project["version"]
    with zipfile.ZipFile(built[0]) as archive:
        (folder,) = {n.split("/")[0] for n in archive.namelist() if ".dist-info/" in n}
        about = archive.read(f"{folder}/METADATA").decode()
        assert archive.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert f"\nVersion: {version}\n" in about
    assert "\nLicense-Expression: MIT\n" in about
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_wheel_with_compiled_passes_is_of_one_platform(built, shipped):
    assert built[0].name.endswith("-any.whl") == (COMPILED not in shipped)


@pytest.mark.parametrize(
    "name",
    [
        *(f"{room}/py.typed" for room in ROOMS),
        "harness/cli/templates/indicator.py.txt",
        "harness/study/studies/nasbench201-quick.toml",
        "harness/search/experiment/studies/nasbench201-search.toml",
        "reports/formats/templates/report.html.j2",
        "spaces/converters/known_values.toml",
        "spaces/converters/sources.toml",
        "results/committed/baselines/golden/golden.csv",
        "results/committed/baselines/nasbench201-gate/provenance.json",
        "results/committed/reference/published.csv",
        "results/committed/nasbench201-cifar10/scores.parquet",
        "results/committed/nasbench101-quick/scores.parquet",
        "results/committed/darts-quick/scores.parquet",
    ],
)
def test_wheel_holds(shipped, name):
    assert f"untrained/{name}" in shipped


def test_what_the_code_opens_by_name_is_in_the_wheel(shipped):
    """Every `files("untrained.x")` in the code names a package with shipped files."""
    packages = set()
    for name in tracked(*(f"{room}/*.py" for room in ROOMS)):
        packages |= set(re.findall(r'files\("(untrained[.a-z_]+)"\)', (ROOT / name).read_text()))
    assert packages
    for package in packages:
        inside = package.replace(".", "/") + "/"
        assert any(n.startswith(inside) and not n.endswith(".py") for n in shipped)


def test_sdist_holds_what_the_tests_need(built):
    _, sdist = built
    with tarfile.open(sdist) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    assert tracked(*ROOMS, "tests", "pyproject.toml", "constraints.txt") <= names


def test_package_index_would_take_both(built):
    pytest.importorskip("twine", reason="needs twine (dependency group packaging)")
    checked = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *built],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_wheel_installs_one_command(built):
    wheel, _ = built
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = (n for n in archive.namelist() if n.endswith("entry_points.txt"))
        text = archive.read(entry).decode()
    assert "untrained = untrained.harness.cli.main:main" in text
