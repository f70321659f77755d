"""The gate: whether scores and correlations are still what a committed baseline says."""
