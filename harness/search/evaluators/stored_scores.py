"""Stored scores of networks, read from a store or an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from untrained.foundation import MissingData
from untrained.harness.analysis.score_selection import select_stored_scores
from untrained.harness.search.estimator import Estimator
from untrained.results import ScoreStore
from untrained.spaces import spaces


@dataclass(frozen=True, slots=True, eq=False)
class StoredScores:
    """The scores of some networks under the indicators of one estimator."""

    values: Mapping[str, tuple[float, ...]] = field(hash=False)
    """By architecture, one per indicator; the mean over seeds, NaN where one is missing."""
    draws: Mapping[str, tuple[tuple[float, ...], ...]] = field(hash=False)
    """By architecture, as `values` for each seed that all indicators have."""
    cost_s: float
    """Median seconds of one network, each indicator by itself, summed."""
    measured_on: str
    """Devices and threads of the seconds."""
    protocols: tuple[str, ...]
    """One line per indicator."""
    notes: tuple[str, ...]


def read_scores(
    path: Path, space: str, estimator: Estimator, *, protocols: Sequence[str] = ()
) -> StoredScores:
    """Read the scores of a store, or of a Parquet file exported from one.

    Only networks that have a row of every indicator count as scored; the value of a failed score
    is NaN. A Parquet file is read once for all searches of a process, as long as it does not
    change; a store, to which another run may add, anew each time. Digests of protocols choose among
    several of an indicator.

    Raises:
        MissingData: there is no file, or it lacks an indicator.
        UserError: see `select_stored_scores`.
    """
    asked = (path, space, tuple(estimator.indicators), tuple(protocols))
    if path.suffix.lower() != ".parquet" or not path.is_file():
        return _read(*asked)
    found = path.stat()
    return _read_once(*asked, changed=(found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=4)
def _read_once(
    path: Path,
    space: str,
    names: tuple[str, ...],
    protocols: tuple[str, ...],
    *,
    changed: tuple[int, int],
) -> StoredScores:
    """Read the scores of a file once, as long as neither its time nor its size changes."""
    del changed
    return _read(path, space, names, protocols)


def _read(
    path: Path, space: str, asked: tuple[str, ...], protocols: tuple[str, ...]
) -> StoredScores:
    names = list(asked)
    with ScoreStore.read(path) as store:
        [ranked] = select_stored_scores(store, space=space, protocols=protocols, only=sorted(names))
        environments = store.environments()
        held = sorted(set(store.frame(space=space)["indicator"]))
    absent = [name for name in names if name not in ranked.protocols]
    if absent:
        raise MissingData(
            f"scores of {', '.join(absent)} were asked for, but {path} has none of {space}; it has "
            f"{', '.join(held)}; choose among these, or add scores with untrained score"
        )
    frame = ranked.frame
    grouped = frame.groupby(["architecture", "indicator"])["value"]
    counts = grouped.size()
    if (counts == 1).all():
        means = grouped.first().unstack("indicator")
    else:
        # a mean over fewer seeds than the others' would have another noise
        means = grouped.agg(lambda values: values.mean(skipna=False)).unstack("indicator")
    rows = counts.unstack("indicator").reindex(columns=names).notna().all(axis=1)
    means = means.reindex(columns=names)[rows]
    own = frame[frame["representative"].isna()]
    seconds = own.groupby("indicator")["alone_s"].median().reindex(names)
    used = [environments[int(number)] for number in sorted(set(own["environment"]))]
    devices = dict.fromkeys(f"{one.device}, {threads_text(one.threads)}" for one in used)
    return StoredScores(
        values={
            str(text): tuple(map(float, values))
            for text, values in zip(means.index, means.to_numpy(dtype=np.float64), strict=True)
        },
        draws=_draws(frame, names),
        cost_s=float(np.nansum(seconds.to_numpy())),
        measured_on="; ".join(devices),
        protocols=tuple(
            f"{name}: {ranked.protocols[name].describe()} ({ranked.protocols[name].digest})"
            for name in names
        ),
        notes=ranked.notes,
    )


def _draws(frame: pd.DataFrame, names: list[str]) -> dict[str, tuple[tuple[float, ...], ...]]:
    """Collect the scores of each architecture, seed by seed; of one seed there are none."""
    if frame["seed"].nunique() < 2:
        return {}
    wide = frame.set_index(["architecture", "seed", "indicator"])["value"].unstack("indicator")
    rows = frame.groupby(["architecture", "seed"])["indicator"].nunique()
    wide = wide[rows.reindex(wide.index) == len(names)][names]
    found: dict[str, list[tuple[float, ...]]] = {}
    for (text, _), values in zip(wide.index, wide.to_numpy(dtype=np.float64), strict=True):
        found.setdefault(str(text), []).append(tuple(map(float, values)))
    return {text: tuple(values) for text, values in found.items()}


def coverage(count: int, space: str) -> str:
    """Describe how much of a space is covered: `1,000 of 15,625`."""
    size = spaces[space].size
    if size is None:
        return f"{count:,}"
    return f"all {size:,}" if count == size else f"{count:,} of {size:,}"


def threads_text(number: int | None) -> str:
    """Describe a number of threads: `4 threads`."""
    if number is None:
        return "threads unknown"
    return f"{number} thread{'' if number == 1 else 's'}"
