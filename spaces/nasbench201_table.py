"""NAS-Bench-201 accuracies of all 15,625 architectures on three datasets, from a Parquet table."""

from untrained.spaces.registry import register_benchmark
from untrained.spaces.table import ParquetBenchmark

register_benchmark(ParquetBenchmark("nasbench201", space="nasbench201"), origin=__name__)
