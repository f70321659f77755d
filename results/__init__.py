"""Stored scores, the statistics of rankings, and committed results."""
