"""Comparison of two sets of scores."""
