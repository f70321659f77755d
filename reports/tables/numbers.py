"""Numbers as reports print them: fixed decimals, never rounded into a claim they do not make."""

from __future__ import annotations

import math
from collections.abc import Iterable

MISSING = "\N{EN DASH}"


def decimal(value: float, places: int = 3, *, sign: bool = False) -> str:
    """Format a number with fixed decimals; NaN is a dash, zero never `-0.000`.

    >>> decimal(0.5741), decimal(-0.0001), decimal(0.02, sign=True), decimal(float("nan"))
    ('0.574', '0.000', '+0.020', '–')
    """
    if math.isnan(value):
        return MISSING
    return f"{value:+z.{places}f}" if sign else f"{value:z.{places}f}"


def interval(low: float, high: float, *, sign: bool = False) -> str:
    """Format an interval in brackets; empty if an end is NaN.

    >>> interval(0.541, 0.606), interval(float("nan"), 1.0)
    ('[0.541, 0.606]', '')
    """
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"[{decimal(low, sign=sign)}, {decimal(high, sign=sign)}]"


def estimate(value: float, low: float, high: float, *, sign: bool = False) -> str:
    """Format a value followed by its interval.

    >>> estimate(0.574, 0.541, 0.606)
    '0.574 [0.541, 0.606]'
    """
    return f"{decimal(value, sign=sign)} {interval(low, high, sign=sign)}".rstrip()


def percent(fraction: float) -> str:
    """Format a fraction in [0, 1] as percent with one decimal; 0 and 100 only if exact.

    >>> percent(1.0), percent(15624 / 15625), percent(0.0), percent(1e-5), percent(0.123)
    ('100 %', '>99.9 %', '0 %', '<0.1 %', '12.3 %')
    """
    if math.isnan(fraction):
        return MISSING
    if fraction in (0.0, 1.0):
        return f"{fraction * 100:.0f} %"
    text = f"{fraction * 100:.1f}"
    if text == "0.0":
        return "<0.1 %"
    return ">99.9 %" if text == "100.0" else f"{text} %"


def seconds(value: float) -> str:
    """Format seconds with three decimals; `<0.001` below half a millisecond, a dash for NaN.

    >>> seconds(0.0312), seconds(2e-6), seconds(float("nan"))
    ('0.031', '<0.001', '–')
    """
    text = decimal(value)
    return "<0.001" if text == "0.000" and value > 0 else text


def confidence_level(confidence: float) -> str:
    """Format a confidence level as percent.

    >>> confidence_level(0.95), confidence_level(0.999)
    ('95 %', '99.9 %')
    """
    return f"{confidence * 100:.10g} %"


def listing(values: Iterable[int]) -> str:
    """List integers in ascending order, runs of three or more shortened.

    >>> listing((2, 0, 1, 7)), listing((3,)), listing(())
    ('0-2, 7', '3', '–')
    """
    runs: list[list[int]] = []
    for value in sorted(set(values)):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    texts = (f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)
    return ", ".join(texts) or MISSING


def p_value(p: float) -> str:
    """Format an adjusted p-value, never rounded to zero or to the level.

    >>> p_value(0.0312), p_value(1e-9), p_value(0.04996)
    ('p = 0.031', 'p < 0.001', 'p = 0.04996')
    """
    if p < 0.001:
        return "p < 0.001"
    text = f"{p:.3f}"
    return f"p = {p:.4g}" if text == "0.050" else f"p = {text}"


def several(number: int, what: str) -> str:
    """Write a number of things.

    >>> several(1, "network"), several(1200, "network")
    ('1 network', '1,200 networks')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"
