"""What the tests of the conductor share: tiny networks, the command line in this process."""

from __future__ import annotations

import io
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from untrained.harness.cli.main import main
from untrained.harness.execution.executors import worker_context
from untrained.harness.study.study import Study
from untrained.harness.study.study_file import checked
from untrained.indicators import indicators
from untrained.indicators.framework.indicator import Function
from untrained.results import ScoreStore

HERE = Path(__file__).parent
TINY = ["--channels", "4", "--cells", "1", "--batch-size", "8"]
MEASURED = ["alone_s", "peak_bytes", "environment"]
"""Columns that say how a score was obtained; all others are what it is."""


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def untrained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """The command line, called in this process: exit status, standard output and error."""

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["untrained", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        try:
            main()
        except SystemExit as leave:
            code = leave.code
        else:
            code = 0
        captured = capsys.readouterr()
        return Outcome(0 if code is None else int(code), captured.out, captured.err)

    return call


class Program:
    """The command line in a process of its own, with the methods of `subprocess.Popen`."""

    def __init__(self, process: BaseProcess, outputs: Sequence[Connection]) -> None:
        self._process = process
        self._outputs = outputs
        assert process.pid is not None
        self.pid: int = process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def communicate(self, timeout: float) -> list[str]:
        """What it has written to standard output and error, when it has ended."""
        end = time.monotonic() + timeout
        written = dict.fromkeys(self._outputs, b"")
        open_ones = list(self._outputs)
        while open_ones:
            ready = wait(open_ones, end - time.monotonic())
            if not ready:
                os.killpg(self.pid, signal.SIGKILL)
                raise TimeoutError(written)
            for output in ready:
                more = os.read(output.fileno(), 65536)
                written[output] += more
                if not more:
                    open_ones.remove(output)
                    output.close()
        self._process.join(timeout)
        return [text.decode() for text in written.values()]


@pytest.fixture(scope="session")
def start() -> Callable[..., Program]:
    """The command line in a process and a process group of its own, started as workers are."""
    context = worker_context(gpus=False)

    def begin(*arguments: object, file_size: int | None = None) -> Program:
        pipes = [context.Pipe(duplex=False) for _ in range(2)]
        given = {
            "arguments": [*map(str, arguments)],
            "outputs": [write for _, write in pipes],
            "file_size": file_size,
        }
        process = context.Process(
            target=runpy.run_path, args=(str(HERE / "forked.py"), given), daemon=True
        )
        process.start()
        for _, write in pipes:
            write.close()
        return Program(process, [read for read, _ in pipes])

    return begin


@pytest.fixture(scope="session")
def score_arguments() -> Callable[..., list[str]]:
    """Arguments of a small run with tiny networks."""

    def arguments(store: Path, *, sample: int, indicators: str, workers: int = 1) -> list[str]:
        return [
            *("score", "--space", "nasbench201", "--sample", str(sample)),
            *("--indicators", indicators, "--store", str(store)),
            *("--workers", str(workers), "--device", "cpu", *TINY),
        ]

    return arguments


@pytest.fixture(scope="session")
def rows() -> Callable[[Path], pd.DataFrame]:
    """What a store holds, without how long it took and where."""

    def read(path: Path) -> pd.DataFrame:
        with ScoreStore(path, create=False) as store:
            return store.frame().drop(columns=MEASURED)

    return read


@pytest.fixture(scope="session")
def tiny_study() -> Callable[..., Study]:
    """A study of a few tiny networks."""

    def make(**changes: object) -> Study:
        values = {
            "spaces": ["nasbench201"],
            "indicators": ["naswot", "grad_norm", "synflow", "params"],
            "population": {"kind": "sample", "n": 3},
            "channels": 4,
            "cells": 1,
            "batch_size": 8,
        }
        return checked(Study, values | changes)

    return make


@pytest.fixture(scope="session")
def write_images() -> Callable[..., None]:
    """Writes an image set in the common hub layout."""

    def write(path: Path, pixels: list[np.ndarray], labels: list[int]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        cells = [{"bytes": _png(p), "path": f"{i}.png"} for i, p in enumerate(pixels)]
        table = pa.table({"img": cells, "label": pa.array(labels, pa.int64())})
        pq.write_table(table, path)

    return write


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def pictures() -> list[np.ndarray]:
    """24 random pictures of CIFAR-10's shape."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(24)]


@pytest.fixture
def image_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pictures: list[np.ndarray],
    write_images: Callable[..., None],
) -> Path:
    """The file of `pictures`, label i % 10, in a data folder that UNTRAINED_DATA names."""
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    path = tmp_path / "images" / "cifar10-train.parquet"
    write_images(path, pictures, [i % 10 for i in range(len(pictures))])
    return path


@pytest.fixture
def add_indicator(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Registers an indicator for the length of a test."""

    def add(name: str, function: Function, **fields: Any) -> None:
        model = indicators["params"]
        made = replace(model, id=name, title=name, function=function, **fields)
        monkeypatch.setitem(indicators._items, name, made)

    return add
