"""Parsers and readers answer any input with a result or an error of the project.

Every target has valid inputs, which are mutated. Whatever comes out: no other exception, no more
than 10 s of a processor and 3 GiB for an input, no process started, and no file written outside of
the temporary ones.

A few mutations of each target are tried in every run of the suite. `tox run -e fuzz` tries as many
as `UNTRAINED_FUZZ` says, over 100,000 by default; an input that fails is printed with its number
and comes again with the same number.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from . import file_targets  # noqa: F401 it adds its targets
from .targets import TARGETS

SAMPLE = 10
"""Inputs of a target in every run of the suite, at most; of a slow one fewer."""


def attempt(
    name: str, numbers: range, folder: Path, mutate: Callable[..., bytes], watched: Any
) -> None:
    """Try numbered mutations of a target's inputs.

    Raises:
        AssertionError: one had another end than a result or an error of the project.
    """
    target = TARGETS[name]
    seeds = target.seeds(folder)
    for seed in seeds:  # imports what is imported at the first use
        with suppress(target.allowed):
            target.read(seed, folder)
    for number in numbers:
        content = mutate(seeds, random.Random(f"{name} {number}"))
        try:
            with suppress(target.allowed), watched():
                target.read(content, folder)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise AssertionError(
                f"{name}, input {number}: {type(error).__name__}: {str(error)[:300]}; "
                f"{len(content)} bytes: {content[:300]!r}"
            ) from error


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TARGETS)
def test_a_few_inputs(name: str, folder: Path, mutate, watched) -> None:
    attempt(name, range(min(SAMPLE, TARGETS[name].share // 250)), folder, mutate, watched)


WHOLE = int(os.environ.get("UNTRAINED_FUZZ", "0"))
SHARES = sum(target.share for target in TARGETS.values())


def test_the_whole_run_has_over_100_000_inputs() -> None:
    assert SHARES > 100_000


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not WHOLE, reason="`tox run -e fuzz` runs it; UNTRAINED_FUZZ: how many inputs")
@pytest.mark.parametrize("name", TARGETS if WHOLE else ["none"])
def test_many_inputs(name: str, folder: Path, mutate, watched) -> None:
    count = TARGETS[name].share * WHOLE // SHARES
    attempt(name, range(SAMPLE, SAMPLE + count), folder, mutate, watched)
