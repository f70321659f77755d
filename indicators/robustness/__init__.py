"""Indicators of robust accuracy."""
