"""CIFAR-10 accuracies of all NAS-Bench-201 architectures, from inside an installed package.

The package analog-nasbench (AnalogNAS-Bench) ships them in `analognasbench/data.anb`, a pickle.
The package is not imported (its import needs the vanished pkg_resources), and the pickle is read
without running anything. `baseline_accuracy` is the digital network's accuracy in percent; it
agrees with the benchmark's 200-epoch test accuracy at Spearman 0.991. Odd values, 10.0 among them,
are what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from untrained.foundation import MalformedInput, MissingData
from untrained.spaces import Benchmark, Provenance, Target, register_benchmark
from untrained.spaces.converters.safe_pickle import load_inert
from untrained.spaces.nasbench201.notations import EDGES
from untrained.spaces.nasbench201.space import OPERATIONS, format_operations

DISTRIBUTION = "analog-nasbench"
_FILE = "analognasbench/data.anb"
_RECORD = ("analognasbench.data", "Architecture")
_DRIFT = ("analognasbench.data", "DriftMeasurement")
_DATASET = "cifar10"
_KEY_EDGES = tuple(sorted(EDGES))
"""The edge of each place of a key: by source, where the notation goes by target."""
_KEY_DIGIT = {"skip_connect": 0, "none": 1, "nor_conv_3x3": 2, "nor_conv_1x1": 3, "avg_pool_3x3": 4}


class AnalogBenchmark(Benchmark):
    """The embedded ground truth; its metrics are named as in the package."""

    name = "nasbench201-analog"
    space = "nasbench201"
    kind = "tabular"
    fallback = True

    @property
    def default_target(self) -> Target:
        """The accuracy of the ordinary, digital network."""
        return Target(_DATASET, "baseline_accuracy")

    @property
    def provenance(self) -> Provenance:
        """See `Benchmark.provenance`."""
        return Provenance.of_file(
            self._path(),
            "NAS-Bench-201 CIFAR-10 accuracies of AnalogNAS-Bench",
            self.kind,
            f"in the package {DISTRIBUTION} {distribution(DISTRIBUTION).version}; "
            "baseline_accuracy: digital network, percent",
        )

    def missing(self) -> str | None:
        """See `Benchmark.missing`."""
        try:
            self._path()
        except MissingData as error:
            return str(error)
        return None

    def targets(self) -> tuple[Target, ...]:
        """See `Benchmark.targets`; all on CIFAR-10, with the package's own training."""
        return tuple(sorted(Target(_DATASET, metric) for metric in self._frame.columns))

    def _values(self, target: Target) -> pd.Series[float]:
        values: pd.Series[float] = self._frame[target.metric]
        return values

    @cached_property
    def _frame(self) -> pd.DataFrame:
        return read_accuracies(self._path())

    def _path(self) -> Path:
        try:
            files = distribution(DISTRIBUTION)
        except PackageNotFoundError:
            files = None
        if files is not None:
            path = Path(str(files.locate_file(_FILE)))
            if path.is_file():
                return path
        raise MissingData(
            f"the ground truth {self.name!r} was looked for in the file {_FILE} of the package "
            f"{DISTRIBUTION} and is not there; the package is a dependency of this project: "
            f"pip install --force-reinstall {DISTRIBUTION}"
        )


def read_accuracies(path: Path) -> pd.DataFrame:
    """All metrics of a data.anb file: one row an architecture text, one column a metric.

    A metric after drift has a second column `<metric>_uncertainty`, as the file gives it.

    Raises:
        MalformedInput: the file holds something else.
    """
    data = load_inert(path, records=[_RECORD, _DRIFT])
    cells = list(product(OPERATIONS, repeat=len(EDGES)))
    try:
        columns = _columns([vars(data[_key(cell)]) for cell in cells])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _malformed(path, f"{type(error).__name__}: {error}") from error
    numbers = all(np.isfinite(column).all() for column in columns.values())
    if len(data) != len(cells) or "baseline_accuracy" not in columns or not numbers:
        raise _malformed(path, f"{len(data)} entries with the metrics {', '.join(columns)}")
    return pd.DataFrame(columns, index=pd.Index([format_operations(cell) for cell in cells]))


def _key(operations: Sequence[str]) -> tuple[int, ...]:
    """The file's key of a cell whose operations are in the order of the notation."""
    return tuple(_KEY_DIGIT[operations[EDGES.index(edge)]] for edge in _KEY_EDGES)


def _columns(records: list[dict[str, Any]]) -> dict[str, NDArray[np.float64]]:
    columns: dict[str, list[Any]] = {}
    for name, example in records[0].items():
        if isinstance(example, float):
            columns[name] = [record[name] for record in records]
        elif name != "architecture":
            drifts = [vars(record[name]) for record in records]
            columns[name] = [drift["value"] for drift in drifts]
            columns[f"{name}_uncertainty"] = [drift["uncertainty"] for drift in drifts]
    return {name: np.array(column, dtype=np.float64) for name, column in columns.items()}


def _malformed(path: Path, found: str) -> MalformedInput:
    return MalformedInput(
        f"the ground truth {path} was to be read, but it is not a table of all NAS-Bench-201 "
        f"accuracies: {found}; the package {DISTRIBUTION} has one: "
        f"pip install --force-reinstall {DISTRIBUTION}"
    )


register_benchmark(AnalogBenchmark())
