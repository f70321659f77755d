"""NAS-Bench-101's files `nasbench_only108.tfrecord` and `nasbench_full.tfrecord`.

Ying et al., "NAS-Bench-101", ICML 2019. A record is a JSON list: hash of the cell, epochs,
adjacency matrix (digits, row by row), operations (separated by commas) and, in base64, a protocol
buffer with evaluations at the start, half way and at the end.
"""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from untrained.spaces.converters.converter import Value, converter
from untrained.spaces.converters.tfrecord import fields, records

_DIGITS = {"conv3x3-bn-relu": "0", "conv1x1-bn-relu": "1", "maxpool3x3": "2"}
_EVALUATION, _PARAMETERS = 1, 2
_TIME, _VALID, _TEST = 2, 4, 5
_FINAL = 2


@converter(
    "nasbench101",
    title="NAS-Bench-101",
    takes="nasbench_only108.tfrecord (108 epochs) or nasbench_full.tfrecord (4, 12, 36, 108)",
    note="accuracy in percent at the end of the training; runs are numbered in the file's order",
)
def read(path: Path) -> Iterator[Value]:
    """Three runs a cell and length of training; the parameter count once."""
    runs: Counter[tuple[str, int]] = Counter()
    for record in records(path):
        _, epochs, adjacency, operations, metrics = json.loads(record)
        text = _text(adjacency, operations.split(","))
        if not any(runs[text, length] for length in (4, 12, 36, 108)):
            yield Value(text, "cifar10", "params_millions", 0, -1, _parameters(metrics) / 1e6)
        run = runs[text, epochs]
        runs[text, epochs] += 1
        seconds, valid, test = _final_evaluation(metrics)
        yield Value(text, "cifar10", "valid_accuracy", epochs, run, 100 * valid)
        yield Value(text, "cifar10", "test_accuracy", epochs, run, 100 * test)
        yield Value(text, "cifar10", "train_time_s", epochs, run, seconds)


def _text(adjacency: str, operations: list[str]) -> str:
    """Digits of the inner vertices, a colon, the strict upper triangle of the matrix."""
    n = len(operations)
    if len(adjacency) != n * n:
        raise ValueError(f"a matrix of {len(adjacency)} entries stands for {n} vertices")
    if "1" in (adjacency[row * n + column] for row in range(n) for column in range(row + 1)):
        raise ValueError("a matrix has an edge that goes backwards")
    upper = "".join(adjacency[row * n + row + 1 : (row + 1) * n] for row in range(n))
    return "".join(_DIGITS[name] for name in operations[1:-1]) + ":" + upper


def _parameters(metrics: str) -> float:
    found = [v for number, v in fields(base64.b64decode(metrics)) if number == _PARAMETERS]
    (count,) = found
    return float(count)


def _final_evaluation(metrics: str) -> tuple[float, float, float]:
    """Seconds of training, validation and test accuracy in [0, 1] at the end."""
    evaluations = [v for number, v in fields(base64.b64decode(metrics)) if number == _EVALUATION]
    final = evaluations[_FINAL]
    if not isinstance(final, bytes):
        raise TypeError("an evaluation is no message")
    numbers = {number: float(v) for number, v in fields(final) if isinstance(v, int | float)}
    return (
        numbers.get(_TIME, math.nan),
        numbers.get(_VALID, math.nan),
        numbers.get(_TEST, math.nan),
    )
