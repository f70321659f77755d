"""Stored scores, the statistics of rankings, and committed results."""

import lazy_loader

# a process that scores does not import what reports need (the names are in __init__.pyi)
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
