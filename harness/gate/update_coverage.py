"""Whether an update of a baseline would cover less than the old one did."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from untrained.harness.gate.baseline import Baseline
from untrained.harness.gate.baseline_files import (
    GOLDEN,
    NETWORKS,
    SCORES,
    read_golden,
    read_scores,
    read_values,
)

if TYPE_CHECKING:
    import pandas as pd


def lower_coverage(baseline: Baseline, contents: Mapping[str, str]) -> list[str]:
    """What the old baseline has and the new one lacks, a sentence each; empty if nothing.

    Args:
        baseline: the old one.
        contents: files of the new one.
    """
    return [
        *_golden(baseline, contents),
        *_scores(baseline, contents),
        *_truths(baseline, contents),
    ]


def _golden(baseline: Baseline, contents: Mapping[str, str]) -> Iterator[str]:
    new = read_golden(contents[GOLDEN], baseline.folder / GOLDEN)
    there = {(one.indicator, one.network) for one in new if not math.isnan(one.value)}
    for one in baseline.golden:
        if not math.isnan(one.value) and (one.indicator, one.network) not in there:
            yield f"{one.indicator} has no score of the golden network {one.network} any more"


def _scores(baseline: Baseline, contents: Mapping[str, str]) -> Iterator[str]:
    if not baseline.scores:
        return
    new: Mapping[tuple[str, str], pd.DataFrame] = {}
    if SCORES in contents:
        _, new = read_scores(contents[SCORES], baseline.folder / SCORES)
    for (space, indicator), old in baseline.scores.items():
        now = new.get((space, indicator))
        if now is None:
            yield f"{indicator} has no scores of {space} any more"
            continue
        for axis, what in enumerate(("networks", "seeds")):
            if now.shape[axis] < old.shape[axis]:
                yield (
                    f"{indicator} has {now.shape[axis]} {what} of {space}, before {old.shape[axis]}"
                )
        shares = [float(f.notna().to_numpy().mean()) for f in (old, now)]
        if shares[1] < shares[0]:
            yield (
                f"{indicator} has scores for {100 * shares[1]:.1f} % of its networks of {space}, "
                f"before {100 * shares[0]:.1f} %"
            )


def _truths(baseline: Baseline, contents: Mapping[str, str]) -> Iterator[str]:
    if NETWORKS not in contents:  # then no space has scores either, which is said
        return
    new = read_values(contents[NETWORKS], baseline.folder / NETWORKS)
    for space, old in (baseline.values or {}).items():
        had, has = (int(v.notna().sum()) for v in (old, new.get(space, old.iloc[:0])))
        if has < had:
            yield f"{has} networks of {space} have a true value, before {had}"
