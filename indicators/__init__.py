"""Measurements of one untrained network, and the indicators read off them."""

from untrained.indicators.framework.indicator import (
    Family,
    Indicator,
    Need,
    Passes,
    Status,
    indicator,
    indicators,
)
from untrained.indicators.framework.measurement import Measurement
from untrained.indicators.framework.protocol import Protocol
from untrained.indicators.framework.quantity import quantity
from untrained.indicators.framework.reading import Diverged, Reading, measure, read, read_items

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
