"""Where a candidate is compared: networks, conditions and stored scores of other indicators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from untrained.foundation import MissingData, UnknownName, UserError, derive
from untrained.harness.analysis.score_selection import first_batch
from untrained.harness.study.conditions import resolve
from untrained.harness.study.plan import ScoreTask, Wanted, score_version
from untrained.harness.study.population import Selection
from untrained.harness.study.study import Conditions, Study, Truth
from untrained.harness.study.study_file import builtin_studies, load_study
from untrained.harness.study.truth import ChosenTruth, choose_truth
from untrained.indicators import Indicator, Protocol, indicators
from untrained.results.store.committed import committed_file
from untrained.results.store.export import read_export
from untrained.spaces import spaces

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_SPACES = ("nasbench201", "nasbench101", "darts")


@dataclass(frozen=True, slots=True, eq=False)
class StoredBaselines:
    """The committed scores of one search space."""

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
    def network_seed(self) -> int:
        """Seed of the initialisations that the baselines were measured with."""
        return self.study.network_seeds[0]


def spaces_with_baselines() -> dict[str, list[str]]:
    """List the committed studies of every search space that has one."""
    found: dict[str, list[str]] = {}
    for name in builtin_studies():
        if committed_file(name).is_file():
            for space in load_study(name, check_names=False).study.spaces:
                found.setdefault(space, []).append(name)
    return dict(sorted(found.items()))


def stored_baselines(space: str, *, without: str = "") -> StoredBaselines:
    """Read the scores of a space under one study's conditions, without those of the candidate.

    Raises:
        UnknownName: no scores of such a space come with the project.
        UserError: none of them is of an indicator that is installed.
        MissingData: a file that should be there is not.
        MalformedInput: it is damaged.
    """
    import pandas as pd

    names = spaces_with_baselines()
    if space not in names:
        raise UnknownName("space with stored baselines", space, names)
    exports = [
        (name, load_study(name, check_names=False).study, read_export(committed_file(name)))
        for name in names[space]
    ]
    exports.sort(key=lambda export: (-export[2].frame["architecture"].nunique(), export[0]))
    main = exports[0][1]
    alike = [export for export in exports if _same_networks(export[1], main)]
    columns: dict[str, pd.Series[float]] = {}
    seconds: dict[str, float] = {}
    used: dict[str, None] = {}
    for name, _, export in alike:
        frame = export.frame[export.frame["space"] == space]
        for indicator, rows in frame.groupby("indicator"):
            key = str(indicator)
            texts = {digest: export.protocols[digest] for digest in rows["protocol"].unique()}
            known = {digest: Protocol.from_json(text) for digest, text in texts.items()}
            first = rows[rows["protocol"] == first_batch(rows, known)]
            if key in columns or key == without or not _is_current(key, first):
                continue
            columns[key] = first.set_index("architecture")["value"]
            seconds[key] = float(first["alone_s"].median())
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
        scores=pd.DataFrame(dict(sorted(columns.items()))).sort_index(),
        seconds=seconds,
        order=_order(space, columns),
    )


def _same_networks(study: Study, main: Study) -> bool:
    """Return whether two studies score the same networks on the same inputs."""
    fields = {*Conditions.model_fields} - {"seed", "timeout_s", "split"}
    return not study.factors.varied and all(
        getattr(study, name) == getattr(main, name) for name in (*fields, "network_seeds")
    )


def _is_current(name: str, rows: pd.DataFrame) -> bool:
    if name not in indicators or rows.empty or rows["seed"].nunique() > 1:
        return False
    return set(rows["version"].unique()) == {
        score_version(indicators[name].version, space) for space in rows["space"].unique()
    }


def _order(space: str, columns: Mapping[str, pd.Series[float]]) -> tuple[str, ...]:
    import pandas as pd

    places, found = pd.factorize(np.concatenate([one.index.to_numpy() for one in columns.values()]))
    counts = dict(zip(found, np.bincount(places), strict=True))
    texts = sorted(counts)
    rng = np.random.default_rng(derive(0, "validate", space))
    shuffled = [texts[int(i)] for i in rng.permutation(len(texts))]
    return tuple(sorted(shuffled, key=lambda text: -counts[text]))


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonSetting:
    """One search space where a candidate can be compared, with networks and conditions."""

    baselines: StoredBaselines
    truths: tuple[ChosenTruth, ...]
    """The study's own target first."""
    conditions: Conditions
    """Those of the baselines; on noise where their images are not at hand."""
    notes: tuple[str, ...] = field(default=())

    @property
    def space(self) -> str:
        """Name of the space."""
        return self.baselines.space

    def protocol(self, item: Indicator, *, other_batch: int = 0) -> Protocol:
        """Resolve an indicator's protocol on the baselines' batch (0), or on another."""
        seed = self.conditions.seed + other_batch
        return resolve(
            item.protocol,
            self.conditions.model_copy(update={"seed": seed}),
            follows_initialisation=item.follows_initialisation,
            least_cells=spaces[self.space].least_cells,
        )

    def task(
        self, architecture: str, items: Sequence[Indicator], *, timeout_s: float | None = None
    ) -> ScoreTask:
        """Make the task of scoring one network with the weights that the baselines saw."""
        return ScoreTask(
            space=self.space,
            architecture=architecture,
            wanted=tuple(
                Wanted(item.id, item.version, self.protocol(item), (architecture,))
                for item in items
            ),
            seed=self.baselines.network_seed,
            timeout_s=timeout_s,
        )

    def selection(self, n: int) -> Selection:
        """Select the first n networks."""
        chosen = self.baselines.order[:n]
        return Selection(chosen, f"{len(chosen):,} of {len(self.baselines.order):,} with baselines")


def find_comparison_settings(
    names: Sequence[str], candidate: Indicator
) -> tuple[list[ComparisonSetting], dict[str, str]]:
    """Find the spaces whose accuracies are available, and why the others are left out.

    Returns:
        A setting for each space, and a sentence for each space that has none.

    Raises:
        UnknownName: no scores of such a space come with the project.
        UserError: there are accuracies of none of them.
    """
    comparisons: list[ComparisonSetting] = []
    absent: dict[str, str] = {}
    for name in dict.fromkeys(names):
        baselines = stored_baselines(name, without=candidate.id)
        try:
            truths = _truths(baselines)
        except MissingData as error:
            absent[name] = str(error)
            continue
        conditions, notes = _conditions(baselines, candidate)
        comparisons.append(ComparisonSetting(baselines, truths, conditions, notes))
    if not comparisons:
        reasons = "; ".join(f"{name}: {text}" for name, text in absent.items())
        raise UserError(f"the indicator can be compared on none of the spaces asked for; {reasons}")
    return comparisons, absent


def _truths(baselines: StoredBaselines) -> tuple[ChosenTruth, ...]:
    """Choose the study's target, and the same metric on every other dataset of its benchmark.

    Without the tables of the study's benchmark another one of the space does: the accuracies
    inside `analog-nasbench`, for NAS-Bench-201.
    """
    space = baselines.space
    try:
        main = choose_truth(space, baselines.study.truth)
    except MissingData:
        main = choose_truth(space, Truth())
    wanted = main.target
    there = {
        t.dataset
        for t in main.benchmark.targets()
        if t.metric == wanted.metric and t.epochs == wanted.epochs and t.seed == wanted.seed
    }
    others = [
        replace(main, target=replace(wanted, dataset=name))
        for name in sorted(there - {wanted.dataset})
    ]
    return (main, *others)


def _conditions(
    baselines: StoredBaselines, candidate: Indicator
) -> tuple[Conditions, tuple[str, ...]]:
    conditions: Conditions = baselines.study
    try:
        resolve(candidate.protocol, conditions)
    except MissingData as error:
        note = (
            f"{baselines.space}: measured on Gaussian inputs with random labels, while the "
            f"baselines saw images; {error}"
        )
        dataset = conditions.find_dataset().name
        return conditions.model_copy(update={"inputs": "gaussian", "dataset": dataset}), (note,)
    return conditions, ()
