"""TransNAS-Bench-101."""
