"""NATS-Bench's topology space: NAS-Bench-201's architectures with the values of that release."""

from untrained.spaces.registry import register_benchmark
from untrained.spaces.table import ParquetBenchmark

register_benchmark(ParquetBenchmark("natsbench_tss", space="nasbench201"), origin=__name__)
