"""Statistics of search runs."""
