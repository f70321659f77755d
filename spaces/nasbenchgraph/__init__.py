"""NAS-Bench-Graph."""
