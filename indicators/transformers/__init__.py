"""Indicators of transformers."""
