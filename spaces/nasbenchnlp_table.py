"""NAS-Bench-NLP losses of 289 cells on WikiText-2, from a Parquet table; lower is better."""

from untrained.spaces.registry import register_benchmark
from untrained.spaces.table import ParquetBenchmark

register_benchmark(ParquetBenchmark("nasbenchnlp", space="nasbenchnlp"), origin=__name__)
