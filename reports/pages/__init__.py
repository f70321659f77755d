"""Whole documents made of blocks."""
