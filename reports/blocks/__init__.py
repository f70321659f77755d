"""The blocks of a report."""
