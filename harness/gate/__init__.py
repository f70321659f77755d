"""The gate: compare scores and correlations with a committed baseline."""
