"""Measurements of one untrained network, and the indicators read off them."""

from untrained.indicators.indicator import Family, Indicator, Need, Status, indicator, indicators
from untrained.indicators.measure import measure
from untrained.indicators.measurement import Measurement
from untrained.indicators.passes import Passes
from untrained.indicators.protocol import Protocol
from untrained.indicators.quantity import quantity
from untrained.indicators.reading import Diverged, Reading, read, read_items

__all__ = [
    "Diverged",
    "Family",
    "Indicator",
    "Measurement",
    "Need",
    "Passes",
    "Protocol",
    "Reading",
    "Status",
    "indicator",
    "indicators",
    "measure",
    "quantity",
    "read",
    "read_items",
]
