"""File formats of a report."""
