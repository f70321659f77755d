"""Ground truth: benchmarks, their tables and targets."""
