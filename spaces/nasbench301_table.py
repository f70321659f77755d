"""NAS-Bench-301 accuracies of 11,946 DARTS cells that surrogates predict, from a Parquet table."""

from untrained.spaces.registry import register_benchmark
from untrained.spaces.table import ParquetBenchmark

register_benchmark(
    ParquetBenchmark("nasbench301", space="darts", kind="surrogate"), origin=__name__
)
