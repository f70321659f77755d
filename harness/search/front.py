"""The Pareto fronts that searches found, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from untrained.harness.search.finished import Finished
    from untrained.harness.search.looking_up import Truth

FRONT = "front"
"""Name of the series that is 1 in the steps that list a front."""


def front_frame(finished: Sequence[Finished], truth: Truth | None) -> pd.DataFrame | None:
    """One row a network of a front, with what it costs and what the benchmark says of it.

    Args:
        finished: searches.
        truth: where accuracies are looked up.

    Returns:
        Columns search, run, architecture, the cost by its name, and the benchmark's columns; None
        where no search has a front.
    """
    parts = []
    for one in finished:
        for run, found in enumerate(one.trajectories):
            if FRONT not in found.series:
                continue
            places = np.flatnonzero(found.series[FRONT] == 1)
            texts = [found.incumbents[place] for place in places]
            costs = {k: v[places] for k, v in found.series.items() if k != FRONT}
            columns = {} if truth is None else _values(truth, texts)
            parts.append(
                pd.DataFrame(
                    {
                        "search": one.label,
                        "run": run,
                        "architecture": texts,
                        **costs,
                        **columns,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True) if parts else None


def _values(truth: Truth, texts: list[str]) -> dict[str, object]:
    return {
        f"{one.target.dataset} {one.target.metric}": truth.values(place, texts)
        for place, one in enumerate(truth.columns)
    }
