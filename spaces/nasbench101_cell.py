"""The documented place of `graph_hash`; the cell itself is in `untrained.spaces.nasbench101`."""

from untrained.spaces.nasbench101.cell import graph_hash

__all__ = ["graph_hash"]
