"""NATS-Bench accuracies of all 32,768 sizes on three datasets, from a Parquet table."""

from untrained.spaces.registry import register_benchmark
from untrained.spaces.table import ParquetBenchmark

register_benchmark(ParquetBenchmark("natsbench_sss", space="natsbench_sss"), origin=__name__)
