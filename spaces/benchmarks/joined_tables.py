"""Further tables of spaces that have one: attacks, hardware, recorded seconds, other tasks.

Each is a benchmark of its own, chosen only by name; those of all networks of NAS-Bench-201, and of
NAS-Bench-Graph, are joined in one besides, in which a search or a report finds an accuracy and any
of them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from untrained.spaces import Benchmark, Provenance, Target, register_benchmark
from untrained.spaces.benchmarks.benchmark import MEAN
from untrained.spaces.benchmarks.tables import ParquetBenchmark

if TYPE_CHECKING:
    import pandas as pd


class JoinedTables(Benchmark):
    """Several tables of one space as one; of a column that two have, the first is taken."""

    kind = "tabular"
    named_only = True

    def __init__(self, name: str, tables: tuple[ParquetBenchmark, ...]) -> None:
        """Join tables of one space; the first must be there, the others may be missing."""
        self.name = name
        self.space = tables[0].space
        self.tables = tables

    def _there(self) -> tuple[ParquetBenchmark, ...]:
        self.check_present()
        return tuple(table for table in self.tables if table.missing() is None)

    @property
    def provenance(self) -> Provenance:
        """Name all files that are there; the hash is that of their hashes."""
        parts = [table.provenance for table in self._there()]
        return Provenance(
            title=" and ".join(dict.fromkeys(part.title for part in parts)),
            kind=self.kind,
            file=", ".join(part.file for part in parts),
            sha256=hashlib.sha256("".join(part.sha256 for part in parts).encode()).hexdigest(),
            note="; ".join(part.note for part in parts if part.note),
        )

    def missing(self) -> str | None:
        """Return what is missing of the first table."""
        text = self.tables[0].missing()
        return None if text is None else f"{self.name} joins tables: {text}"

    def targets(self) -> tuple[Target, ...]:
        """Return the targets of all tables that are there."""
        return tuple(sorted({target for table in self._there() for target in table.targets()}))

    def clean_target(self, target: Target) -> Target | None:
        """Return the test accuracy on the same data set where a target is one under attack."""
        if "_eps" not in target.metric or not target.metric.endswith("_accuracy"):
            return None
        return self.target(dataset=target.dataset, metric="test_accuracy", seed=MEAN)

    def _values(self, target: Target) -> pd.Series[float]:
        first = next(table for table in self._there() if target in table.targets())
        return first._values(target)


_OF_NASBENCH201 = tuple(
    ParquetBenchmark(f"nasbench201_{name}", space="nasbench201", named_only=True)
    for name in (
        "robustness",
        "seconds",
        "hwnasbench",
        "latency_help",
        "hw360_cifar100",
        "hw360_darcy",
        "hw360_ninapro",
        "nasbench360",
        "suitezero_9x",
    )
)
_OTHERS = {
    "darts214_cifar10": "darts",
    "darts_once545": "darts",
    "darts_suitezero_9x": "darts",
    "nasbench1shot1_cells": "nasbench101",
    "nasbenchgraph_cost": "nasbenchgraph",
    "nds_darts_lr-wd_in": "nds_darts",
    "nds_resnet_lr-wd_in": "nds_resnet",
    "nds_resnet_reruns": "nds_resnet",
    "transnasbench101_micro_suitezero_9x": "transnasbench101_micro",
}
"""The space of each further table."""
for _table in (
    *_OF_NASBENCH201,
    *(ParquetBenchmark(name, space=space, named_only=True) for name, space in _OTHERS.items()),
    JoinedTables(
        "nasbench201_targets",
        (ParquetBenchmark("nasbench201", space="nasbench201"), *_OF_NASBENCH201),
    ),
    JoinedTables(
        "nasbenchgraph_targets",
        (
            ParquetBenchmark("nasbenchgraph", space="nasbenchgraph"),
            ParquetBenchmark("nasbenchgraph_cost", space="nasbenchgraph"),
        ),
    ),
):
    register_benchmark(_table, origin=__name__)
