"""NAS-Bench-101 accuracies of all 423,624 architectures on CIFAR-10, from a Parquet table."""

from untrained.spaces.registry import register_benchmark
from untrained.spaces.table import ParquetBenchmark

register_benchmark(ParquetBenchmark("nasbench101", space="nasbench101"), origin=__name__)
