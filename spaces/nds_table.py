"""ImageNet accuracies of the NDS sets, all from one Parquet table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from untrained.spaces.data_location import data_folder
from untrained.spaces.registry import register_benchmark
from untrained.spaces.table import ParquetBenchmark
from untrained.spaces.target import Target

if TYPE_CHECKING:
    import pandas as pd

SETS = {
    "nds_amoeba": "Amoeba_in",
    "nds_darts": "DARTS_in",
    "nds_darts_fix-w-d": "DARTS_fix-w-d_in",
    "nds_enas": "ENAS_in",
    "nds_nasnet": "NASNet_in",
    "nds_pnas": "PNAS_in",
    "nds_resnext-a": "ResNeXt-A_in",
    "nds_resnext-b": "ResNeXt-B_in",
}
"""The set of each space that the table has. `DARTS_fix-w-d_in` was trained for 5 epochs only."""


class NDSTable(ParquetBenchmark):
    """The rows of one set."""

    def __init__(self, space: str, set_name: str) -> None:
        """Describe it.

        Args:
            space: registered name of the search space, and of this benchmark.
            set_name: what its architectures begin with, before the `#`.
        """
        super().__init__(space, space=space)
        self.set_name = set_name

    @property
    def path(self) -> Path:
        """The file, whether it exists or not; all sets have the same one."""
        return data_folder() / "tables" / "nds.parquet"

    def targets(self) -> tuple[Target, ...]:
        """See `Benchmark.targets`; those that the set has values of."""
        return tuple(target for target in super().targets() if len(self._values(target)))

    def _values(self, target: Target) -> pd.Series[float]:
        values = super()._values(target)
        return values[values.index.str.startswith(f"{self.set_name}#")]


for _space, _set in SETS.items():
    register_benchmark(NDSTable(_space, _set), origin=__name__)
