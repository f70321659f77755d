"""DARTS cells, NAS-Bench-301 and its surrogates."""
