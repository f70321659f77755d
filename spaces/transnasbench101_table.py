"""TransNAS-Bench-101: seven tasks for both spaces, from Parquet tables.

The tasks are the tables' datasets; whatever the metric, larger is better.
"""

from untrained.spaces.registry import register_benchmark
from untrained.spaces.table import ParquetBenchmark

for _space in ("transnasbench101_micro", "transnasbench101_macro"):
    register_benchmark(ParquetBenchmark(_space, space=_space), origin=__name__)
