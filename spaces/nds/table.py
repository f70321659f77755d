"""Accuracies of the NDS sets: from a table of the space's own, else from one of all sets.

Its own is what `untrained data convert` makes of the official files, CIFAR-10 and ImageNet.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from untrained.spaces.benchmarks.benchmark import Target
from untrained.spaces.benchmarks.benchmark_choice import data_folder
from untrained.spaces.benchmarks.table import ParquetBenchmark
from untrained.spaces.framework.registry import register_benchmark

if TYPE_CHECKING:
    import pandas as pd

SETS = {
    "nds_amoeba": "Amoeba",
    "nds_darts": "DARTS",
    "nds_darts_fix-w-d": "DARTS_fix-w-d",
    "nds_enas": "ENAS",
    "nds_nasnet": "NASNet",
    "nds_pnas": "PNAS",
    "nds_resnet": "ResNet",
    "nds_resnext-a": "ResNeXt-A",
    "nds_resnext-b": "ResNeXt-B",
}
"""The set of each space, with `_in` on ImageNet.

In the table of all sets `DARTS_fix-w-d_in` was trained for 5 epochs only."""
_NOT_SHARED = ("nds_resnet",)
"""Spaces that the table of all sets has nothing of."""


class NDSTable(ParquetBenchmark):
    """The rows of one set."""

    def __init__(self, space: str, set_name: str) -> None:
        """Describe it.

        Args:
            space: registered name of the search space, and of this benchmark.
            set_name: what its architectures begin with, before `_in` and the `#`.
        """
        super().__init__(space, space=space)
        self.prefixes = (f"{set_name}#", f"{set_name}_in#")

    @property
    def path(self) -> Path:
        """The space's own table if it is there, else that of all sets, whether it exists or not."""
        own = super().path
        shared = data_folder() / "tables" / "nds.parquet"
        return own if own.is_file() or self.name in _NOT_SHARED else shared

    def targets(self) -> tuple[Target, ...]:
        """See `Benchmark.targets`; those that the set has values of."""
        return tuple(target for target in super().targets() if len(self._values(target)))

    def _values(self, target: Target) -> pd.Series[float]:
        values = super()._values(target)
        return values[values.index.str.startswith(self.prefixes)]


for _space, _set in SETS.items():
    register_benchmark(NDSTable(_space, _set), origin=__name__)
