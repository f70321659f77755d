"""Scored networks that tests of searches share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from untrained.harness.cli.main import main
from untrained.reports.figures.drawing import Figure


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures with nothing in them, for what is not about figures."""
    monkeypatch.setattr(Figure, "_save", lambda *_, **__: b"<svg></svg>")


@pytest.fixture(scope="session")
def scored(
    tmp_path_factory: pytest.TempPathFactory, score_arguments: Callable[..., list[str]]
) -> Callable[[int, str], Path]:
    """Stores of a sample of tiny networks, each made once; tests only read them."""

    @cache
    def store(sample: int, indicators: str) -> Path:
        path = tmp_path_factory.mktemp("scored") / "s.sqlite"
        arguments = score_arguments(path, sample=sample, indicators=indicators)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["untrained", *arguments])
            with pytest.raises(SystemExit) as end:
                main()
        assert not end.value.code
        return path

    return store
