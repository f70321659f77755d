"""Measurements of one untrained network, and the indicators read off them."""

from untrained.indicators.indicator import Indicator, Need, Status, indicator, indicators
from untrained.indicators.protocol import Protocol

__all__ = ["Indicator", "Need", "Protocol", "Status", "indicator", "indicators"]
