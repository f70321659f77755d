"""The committed scores of other indicators, on whose networks a new one is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from untrained.foundation import UnknownName, UserError, derive
from untrained.harness.study.study import Conditions, Study
from untrained.harness.study.study_file import builtin_studies, load_study
from untrained.indicators import indicators
from untrained.results.store.export import ExportedScores, read_export

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_SPACES = ("nasbench201", "nasbench101", "darts")
SCORES = "scores.parquet"


@dataclass(frozen=True, slots=True, eq=False)
class StoredBaselines:
    """Scores of one search space that come with the project."""

    space: str
    study: Study
    """Whose conditions a new indicator is measured under: that with the most networks."""
    studies: tuple[str, ...]
    """Names of the studies that scores were taken from."""
    scores: pd.DataFrame
    """One row a network, one column an indicator; NaN = missing."""
    seconds: Mapping[str, float] = field(hash=False)
    """Median of each indicator by itself, where it was measured."""
    order: tuple[str, ...]
    """Architectures: those with the most baselines first, equal ones at random; any beginning of
    it is a fair choice of networks."""

    @property
    def conditions(self) -> Conditions:
        """Of the study."""
        return self.study

    @property
    def network_seed(self) -> int:
        """Of the initialisations that the baselines have seen."""
        return self.study.network_seeds[0]


def spaces_with_baselines() -> dict[str, list[str]]:
    """Names of the committed studies of every search space that has one."""
    found: dict[str, list[str]] = {}
    for name in builtin_studies():
        if scores_file(name).is_file():
            for space in load_study(name, check_names=False).study.spaces:
                found.setdefault(space, []).append(name)
    return dict(sorted(found.items()))


def scores_file(study: str) -> Path:
    """Where the committed scores of a built-in study are, or would be."""
    return Path(str(files("untrained.results") / "committed" / study / SCORES))


def stored_baselines(space: str, *, without: str = "") -> StoredBaselines:
    """The scores of a search space that were measured under one study's conditions.

    Args:
        without: an indicator to be left out: the candidate itself, if it is an old one.

    Raises:
        UnknownName: no scores of such a space come with the project.
        UserError: none of them is of an indicator that is installed.
        MissingData: a file that should be there is not.
        MalformedInput: it is damaged.
    """
    names = spaces_with_baselines()
    if space not in names:
        raise UnknownName("space with stored baselines", space, names)
    exports = [
        (name, load_study(name, check_names=False).study, read_export(scores_file(name)))
        for name in names[space]
    ]
    exports.sort(key=lambda one: (-one[2].frame["architecture"].nunique(), one[0]))
    main = exports[0][1]
    alike = [one for one in exports if _same_networks(one[1], main)]
    columns: dict[str, pd.Series[float]] = {}
    seconds: dict[str, float] = {}
    used: dict[str, None] = {}
    for name, _, export in alike:
        for indicator, rows in _of_space(export, space).groupby("indicator"):
            key = str(indicator)
            if key in columns or key == without or not _is_current(key, rows):
                continue
            columns[key] = rows.set_index("architecture")["value"]
            seconds[key] = float(rows["alone_s"].median())
            used[name] = None
    if not columns:
        raise UserError(
            f"the stored scores of {space} ({', '.join(names[space])}) are of no indicator and "
            "version that is installed; run these studies anew (untrained run)"
        )
    return StoredBaselines(
        space=space,
        study=main,
        studies=tuple(used),
        scores=_wide(columns),
        seconds=seconds,
        order=_order(space, columns),
    )


def _same_networks(study: Study, main: Study) -> bool:
    """Whether two studies score the same networks, on the same inputs."""
    fields = {*Conditions.model_fields} - {"seed", "timeout_s"}
    return not study.factors.varied and all(
        getattr(study, name) == getattr(main, name) for name in (*fields, "network_seeds")
    )


def _of_space(export: ExportedScores, space: str) -> pd.DataFrame:
    return export.frame[export.frame["space"] == space]


def _is_current(name: str, rows: pd.DataFrame) -> bool:
    if name not in indicators or rows["protocol"].nunique() > 1 or rows["seed"].nunique() > 1:
        return False
    return set(rows["version"]) == {indicators[name].version}


def _wide(columns: Mapping[str, pd.Series[float]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(dict(sorted(columns.items()))).sort_index()


def _order(space: str, columns: Mapping[str, pd.Series[float]]) -> tuple[str, ...]:
    counts: Counter[str] = Counter(text for column in columns.values() for text in column.index)
    texts = sorted(counts)
    rng = np.random.default_rng(derive(0, "validate", space))
    shuffled = [texts[int(i)] for i in rng.permutation(len(texts))]
    return tuple(sorted(shuffled, key=lambda text: -counts[text]))
