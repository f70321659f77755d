"""Columns, grids and the formats of numbers."""
