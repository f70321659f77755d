"""Tier one: golden scores now beside those of a baseline."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from untrained.harness.gate.baseline import GoldenScore
from untrained.harness.gate.baseline_table import rounded, score_text
from untrained.indicators import Reading, indicators
from untrained.results import Finding

GOLDEN_TOLERANCE = 1e-6
"""Relative, and the least. Golden scores are computed in float64, whose rounding error of 1e-16
other kernels and other orders of summation change; eigenvalues, logarithms and a hundred steps of
training amplify it, and a file of nine digits adds 5e-10. A change of a definition is larger."""
MULTIPLE = 10
"""Of the difference that torch's other kernels make where a baseline is written: a few scores count
signs of gradients that are zero but for rounding (GradSign), and are no more exact than that."""


def golden_findings(
    golden: Sequence[GoldenScore], readings: Mapping[tuple[str, str], Reading]
) -> list[Finding]:
    """One finding an indicator.

    Args:
        readings: by indicator and network, of at least the baseline's indicators.
    """
    known = {one.indicator for one in golden}
    networks = sorted({one.network for one in golden})
    found = [
        _finding(name, list(scores), readings, networks)
        for name, scores in groupby(golden, key=lambda one: one.indicator)
    ]
    return found + [
        Finding("golden", name, "new", "has no golden scores yet; --update adds them")
        for name in sorted({name for name, _ in readings} - known)
    ]


def _finding(
    name: str,
    golden: Sequence[GoldenScore],
    readings: Mapping[tuple[str, str], Reading],
    networks: Sequence[str],
) -> Finding:
    if name not in indicators:
        return Finding("golden", name, "missing", "no indicator of that name is installed")
    old, new = golden[0].version, indicators[name].version
    if old != new:
        return Finding(
            "golden", name, "changed", f"not comparable: version {old}, now {new}; --update"
        )
    there = [_gone(one, readings.get((name, one.network))) for one in golden]
    there += _gained(name, golden, readings, networks)
    if any(there):
        return Finding("golden", name, "moved", "; ".join(filter(None, there)), n=len(golden))
    differences = {
        one.network: _difference(one.value, readings[name, one.network].value) for one in golden
    }
    limits = {one.network: one.tolerance for one in golden}
    moved = [network for network, value in differences.items() if value > limits[network]]
    worst = max(moved or differences, key=differences.__getitem__)
    text = f"{len(golden)} networks agree"
    if moved:
        was = next(one.value for one in golden if one.network == worst)
        now = readings[name, worst].value
        text = (
            f"{len(moved)} of {len(golden)} networks differ, {worst} most: {was:.9g}, now {now:.9g}"
        )
    return Finding(
        tier="golden",
        subject=name,
        outcome="moved" if moved else "holds",
        text=text,
        measure="relative difference",
        value=differences[worst],
        limit=limits[worst],
        n=len(golden),
    )


def _gone(golden: GoldenScore, reading: Reading | None) -> str:
    """What became of a score that is no number any more, or was none; empty if it is as before."""
    had = not math.isnan(golden.value)
    if reading is None:
        was = "had a score" if had else "diverged"
        return f"{golden.network}: {was}, is unsupported now"
    if had and reading.status != "ok":
        return f"{golden.network}: was {golden.value:.9g}, now {reading.status} ({reading.reason})"
    if not had and reading.status == "ok":
        return f"{golden.network}: had no score, now {reading.value:.9g}"
    return ""


def _gained(
    name: str,
    golden: Sequence[GoldenScore],
    readings: Mapping[tuple[str, str], Reading],
    networks: Sequence[str],
) -> list[str]:
    """Scores of networks that were unsupported when the baseline was written."""
    had = {one.network for one in golden}
    return [
        f"{network}: was unsupported, now {readings[name, network].value:.9g}"
        for network in networks
        if network not in had
        and (name, network) in readings
        and readings[name, network].status == "ok"
    ]


def _difference(old: float, new: float) -> float:
    """Relative to the larger; infinite where one of the two is, and 0 where neither is a number."""
    new = rounded(new) if not math.isnan(new) else new
    if old == new or (math.isnan(old) and math.isnan(new)):
        return 0.0
    if math.isinf(old) or math.isinf(new):
        return math.inf
    return abs(old - new) / max(abs(old), abs(new))


def golden_rows(
    readings: Mapping[tuple[str, str], Reading], others: Mapping[tuple[str, str], Reading]
) -> Iterator[tuple[object, ...]]:
    """The lines of a baseline's golden scores.

    Args:
        others: the same with other kernels; what they change widens the tolerance.
    """
    for (name, network), reading in readings.items():
        score = score_text(reading.value) if reading.status == "ok" else reading.status
        rounding = _difference(reading.value, others[name, network].value)
        tolerance = max(GOLDEN_TOLERANCE, MULTIPLE * rounding)
        yield name, network, indicators[name].version, score, f"{tolerance:.1g}"


def golden_names(golden: Iterable[GoldenScore]) -> list[str]:
    """The indicators of golden scores that are still installed."""
    return sorted({one.indicator for one in golden if one.indicator in indicators})
