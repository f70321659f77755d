"""Searches on a supernet."""
