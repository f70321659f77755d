"""NAS-Bench-NLP."""
