import json
import platform
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy
import pytest

from untrained.results import Environment, current_environment
from untrained.results.store import score as module


def test_it_names_versions_machine_and_threads():
    environment = current_environment(device="cpu", threads=2)
    assert environment.numpy == numpy.__version__
    assert environment.python == platform.python_version()
    assert (environment.device, environment.threads) == ("cpu", 2)
    assert environment.torch is not None


def test_torch_is_not_imported_for_its_version():
    code = (
        "import sys; from untrained.results import current_environment; "
        "assert current_environment(device='cpu', threads=1).torch; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_digest_changes_with_every_field():
    base = current_environment(device="cpu", threads=1)
    assert base.digest == replace(base).digest
    assert len({base.digest, replace(base, threads=2).digest, replace(base, torch="0").digest}) == 3


def test_canonical_json_gives_the_environment_back():
    environment = current_environment(device="gpu é", threads=1)
    assert Environment.from_json(environment.canonical) == environment
    assert list(json.loads(environment.canonical)) == sorted(json.loads(environment.canonical))


def test_json_of_another_version_of_the_project_is_readable():
    environment = Environment.from_json('{"torch": "9.9", "interconnect": "none"}')
    assert (environment.torch, environment.device) == ("9.9", None)


@pytest.fixture
def checkout(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "README.md").write_text("text\n")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "m"]):
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True)
    return tmp_path


def test_a_clean_checkout_gives_its_commit(checkout):
    commit, dirty = module._checkout_state(checkout)
    assert len(commit) == 40
    assert dirty is False


@pytest.mark.parametrize(
    ("name", "dirty"), [("a.py", True), ("new.py", True), ("README.md", False)]
)
def test_a_checkout_is_dirty_when_code_differs_from_the_commit(checkout, name, dirty):
    (checkout / name).write_text("x = 2\n")
    assert module._checkout_state(checkout)[1] is dirty


def test_a_package_installed_inside_a_foreign_checkout_claims_no_commit(checkout):
    installed = checkout / "site-packages" / "untrained"
    installed.mkdir(parents=True)
    assert module._checkout_state(installed) == (None, None)


def test_a_broken_repository_claims_no_commit(tmp_path):
    (tmp_path / ".git").mkdir()
    assert module._checkout_state(tmp_path) == (None, None)
