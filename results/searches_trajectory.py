"""What one run of a search did, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """The incumbents of a run and what it had cost by then."""

    cost_s: NDArray[np.float64]
    """Seconds spent up to each step."""
    evaluations: NDArray[np.int64]
    """Evaluations made up to each step."""
    incumbents: tuple[str, ...]
    """What the search would have answered at each step."""
    series: Mapping[str, NDArray[np.float64]] = field(hash=False)
    """Further numbers of the steps; NaN where a step has none."""
    final: str
    """The answer."""
    stopped: str
    """`finished`, or what of the budget was spent: `seconds` or `evaluations`."""
    total_s: float
    """Seconds spent in all."""
    counts: Mapping[str, int] = field(hash=False)
    """Evaluations by kind of request."""
    measured_on: str = ""
    """Device and threads of seconds that were measured; empty where none were, or nobody said."""

    @property
    def num_evaluations(self) -> int:
        """Of all kinds."""
        return sum(self.counts.values())

    def frame(self) -> pd.DataFrame:
        """One row a step: step, cost_s, evaluations, incumbent and the series."""
        return pd.DataFrame(
            {
                "step": np.arange(1, len(self.incumbents) + 1),
                "cost_s": self.cost_s,
                "evaluations": self.evaluations,
                "incumbent": list(self.incumbents),
                **self.series,
            }
        )
