"""NAS-Bench-Macro accuracies of all 6,561 architectures on CIFAR-10, from a Parquet table."""

from untrained.spaces.registry import register_benchmark
from untrained.spaces.table import ParquetBenchmark

register_benchmark(ParquetBenchmark("nasbenchmacro", space="nasbenchmacro"), origin=__name__)
