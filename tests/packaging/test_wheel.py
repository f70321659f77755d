"""What ships: every module, template and data file of the rooms, and nothing beside them."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

pytest.importorskip("build", reason="needs the package `build` (dependency group packaging)")
pytest.importorskip("hatchling", reason="needs hatchling (dependency group packaging)")

ROOT = Path(__file__).parents[2]
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
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    return wheel, sdist


def test_wheel_holds_every_file_of_the_rooms_and_nothing_else(built):
    wheel, _ = built
    with zipfile.ZipFile(wheel) as archive:
        shipped = {n for n in archive.namelist() if ".dist-info/" not in n}
    assert shipped == {f"untrained/{name}" for name in tracked(*ROOMS)}


def test_wheel_holds_templates_studies_and_type_markers(built):
    wheel, _ = built
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    kinds = {PurePosixPath(n).suffix for n in names}
    assert {".py", ".toml", ".j2"} <= kinds
    assert {f"untrained/{room}/py.typed" for room in ROOMS} <= names
    assert "untrained/harness/templates/indicator.py.txt" in names


def test_wheel_holds_the_scores_that_new_indicators_are_compared_with(built):
    wheel, _ = built
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for study in ("nasbench201-cifar10", "nasbench101-quick", "darts-quick"):
        assert f"untrained/results/{study}/scores.parquet" in names


def test_sdist_holds_what_the_tests_need(built):
    _, sdist = built
    with tarfile.open(sdist) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    assert tracked(*ROOMS, "tests", "pyproject.toml", "constraints.txt") <= names


def test_wheel_installs_one_command(built):
    wheel, _ = built
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = (n for n in archive.namelist() if n.endswith("entry_points.txt"))
        text = archive.read(entry).decode()
    assert "untrained = untrained.harness.cli.main:main" in text
