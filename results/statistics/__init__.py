"""Statistics of rankings."""
