"""Stored scores as a table of values, for notebooks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from untrained.foundation import MissingData, UserError
from untrained.results.store.store import ScoreStore

if TYPE_CHECKING:
    import pandas as pd


def frame(
    source: ScoreStore | str | os.PathLike[str],
    *,
    space: str | None = None,
    indicators: Sequence[str] | None = None,
    protocol: str | None = None,
    seed: int | None = None,
) -> pd.DataFrame:
    """Read scores as a table: one row an architecture, one column an indicator.

    A value is the mean over the seeds of the scores that are `ok`; NaN: the architecture has none.

    Args:
        source: a store, or the file of one or of its export.
        space: needed where the store has several.
        indicators: those of the columns; by default all.
        protocol: a digest, needed where an indicator was scored under several.
        seed: that of the scores; by default all.

    Raises:
        MissingData: there is no such score.
        UserError: the scores are of several spaces, versions or protocols.
    """
    if not isinstance(source, ScoreStore):
        with ScoreStore.read(source) as store:
            return frame(store, space=space, indicators=indicators, protocol=protocol, seed=seed)
    scores = source.frame(space=space, indicators=indicators, protocol=protocol, seed=seed)
    if scores.empty:
        raise MissingData(
            "cannot make a table of scores: the store has none that fit. Score architectures "
            "first (untrained score), or ask for others."
        )
    _refuse_several(scores, ["space"], "space")
    _refuse_several(scores, ["indicator", "version", "protocol"], "protocol")
    table = scores.pivot_table(
        index="architecture", columns="indicator", values="value", aggfunc="mean", dropna=False
    )
    return table.rename_axis(columns=None)


def _refuse_several(scores: pd.DataFrame, columns: list[str], argument: str) -> None:
    """Refuse scores that one column of a table cannot hold together."""
    found = scores[columns].drop_duplicates()
    if columns[0] != "space":
        found = found[found.duplicated(columns[0], keep=False)]
    elif len(found) == 1:
        return
    if len(found):
        shown = ", ".join(" ".join(map(str, row)) for row in found.itertuples(index=False))
        raise UserError(
            f"cannot make one table of scores of different conditions: {shown}. Choose one with "
            f"{argument}=."
        )
