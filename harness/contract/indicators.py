"""The contract of indicators: every promise, and the examination of one indicator."""

from __future__ import annotations

from untrained.harness.contract.indicator_declarations import declarations, side_effects
from untrained.harness.contract.indicator_robustness import robustness
from untrained.harness.contract.indicator_scores import scores
from untrained.harness.contract.indicator_twins import twins_alike
from untrained.harness.contract.laboratory import IndicatorCase, one_thread
from untrained.harness.contract.passes import passes
from untrained.harness.contract.promise import Finding, Suite
from untrained.harness.contract.sequence_indicators import of_sequences
from untrained.indicators import Indicator, Need

of_images: Suite[IndicatorCase] = Suite(scores, passes, robustness, side_effects, twins_alike)


def indicator_promises(item: Indicator) -> Suite[IndicatorCase]:
    """What an indicator has to keep: of recurrent networks other things than of images."""
    return Suite(declarations, of_sequences if Need.SEQUENCES in item.needs else of_images)


def examine(item: Indicator) -> list[Finding]:
    """Check everything that an indicator promises, on small networks, without data.

    Args:
        item: the indicator; it need not be registered.

    Returns:
        A finding for each promise, in a fixed order. Nothing that the indicator raises comes out,
        but for what must stop a run (`KeyboardInterrupt`).
    """
    with one_thread():
        return indicator_promises(item).findings(IndicatorCase(item))
