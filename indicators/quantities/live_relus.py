"""The documented place of `live_relus`, which is in `relu_calls`."""

from untrained.indicators.quantities.relu_calls import live_relus

__all__ = ["live_relus"]
