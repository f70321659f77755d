"""Measured CIFAR-10 accuracies of 1,000 random DARTS cells, from a Parquet table.

Small networks (mean 79 percent); both cells of an architecture are the same, and may use `none`
and the same input twice, which no architecture drawn from the space does.
Reference: Peng et al., "SWAP-NAS", ICLR 2024.
"""

from untrained.spaces.registry import register_benchmark
from untrained.spaces.table import ParquetBenchmark

register_benchmark(ParquetBenchmark("darts1000", space="darts", fallback=True), origin=__name__)
