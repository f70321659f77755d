"""Indicator files to validate, and a place without any data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from textwrap import dedent

import pytest

from untrained.harness.execution.executors import SerialExecutor
from untrained.harness.study.study import Conditions
from untrained.harness.validation import comparison_setting, measuring, validation
from untrained.harness.validation.comparison_setting import StoredBaselines, stored_baselines

DECORATED = """
from untrained.indicators import Measurement, Need, Protocol, indicator

@indicator(
    title="{title}",
    formula="{name}",
    reference="nobody, unpublished, 2026",
    needs={needs},
    protocol=Protocol({protocol}),
    cost="{cost}",
    higher_is_better={higher},
)
def {name}(m: Measurement) -> float:
    \"\"\"For tests.\"\"\"
    {body}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of Python."""

    def make(text: str, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return make


@pytest.fixture
def decorated() -> Callable[..., str]:
    """The text of a file with one decorated indicator."""

    def make(name: str = "mine", body: str = "return 1.0", **fields: object) -> str:
        values = {
            "title": f"Title of {name}",
            "needs": "set()",
            "protocol": 'inputs="none", labels="none"',
            "cost": "none",
            "higher": True,
        }
        return DECORATED.format(name=name, body=body, **(values | fields))

    return make


@pytest.fixture
def no_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder with nothing in it."""
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path / "no-data"))


@cache
def baselines_of(space: str) -> StoredBaselines:
    return stored_baselines(space)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """As few trials as there can be, on networks a fraction of the baselines' size, serially.

    Stored scores are read once: no candidate that gets so far has any.
    """
    monkeypatch.setattr(
        comparison_setting, "stored_baselines", lambda space, **_: baselines_of(space)
    )
    monkeypatch.setattr(validation, "make_executor", lambda *_, **__: SerialExecutor())
    smaller = partial(measuring.Settings, trials=1, beside=("params",))
    monkeypatch.setattr(measuring, "Settings", smaller)
    resolved = comparison_setting._conditions

    def tiny(*args: object) -> tuple[Conditions, tuple[str, ...]]:
        conditions, notes = resolved(*args)
        return conditions.model_copy(update={"channels": 4, "cells": 1}), notes

    monkeypatch.setattr(comparison_setting, "_conditions", tiny)
