"""Correlation tables of a store, for notebooks and programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from untrained.harness.analysis.correlation_tables import build_tables
from untrained.harness.analysis.score_selection import select_stored_scores
from untrained.harness.study.study import Statistics, Truth
from untrained.harness.study.study_file import checked
from untrained.harness.study.truth import find_truth
from untrained.reports import Section
from untrained.results import ScoreStore


def correlate_store(
    path: str | os.PathLike[str],
    *,
    space: str | None = None,
    statistics: Statistics | None = None,
    **truth: Any,
) -> list[Section]:
    """Correlate the scores of a store with true accuracies, as `untrained correlate` does.

    Args:
        path: a store, or its export.
        space: only of this search space.
        statistics: of the tables; by default 1,000 resamples.
        truth: fields of `Truth`, such as `benchmark="nasbench201"`, `dataset="cifar100"`.

    Returns:
        One section a search space that has accuracies: `table`, `scores` and `truth` of each.

    Raises:
        UserError: the store cannot be read, or what is asked for is not in it.
    """
    wanted = checked(Truth, truth)
    with ScoreStore.read(path) as store:
        selections = select_stored_scores(store, space=space)
        truths = {
            part.space: find_truth(part.space, wanted, datasets=part.datasets)
            for part in selections
        }
        command = f"untrained correlate --store {Path(path)}"
        sections, _ = build_tables(
            selections, truths, statistics=statistics or Statistics(), command=command
        )
        return sections
