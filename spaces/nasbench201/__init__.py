"""NAS-Bench-201 and NATS-Bench."""
