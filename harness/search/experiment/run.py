"""Running all searches of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from untrained.foundation import MissingData, UserError
from untrained.harness.execution.executors import Device
from untrained.harness.search.driver import Budget
from untrained.harness.search.evaluators.ground_truth import Truth
from untrained.harness.search.experiment.runs import Finished, label_of, run_many
from untrained.harness.search.experiment.setup import MakeLive, benchmark_of, open_search
from untrained.harness.search.experiment.study import NamedSearchStudy
from untrained.results.searches.speed import Trajectory

_NONE: Mapping[str, tuple[Trajectory, ...]] = MappingProxyType({})
Told = Callable[[str, int, int], None]
"""Of a search, its finished runs, and all its runs."""


def run_study(
    named: NamedSearchStudy,
    *,
    live: MakeLive | None = None,
    device: Device = "cpu",
    kept: Mapping[str, tuple[Trajectory, ...]] = _NONE,
    told: Told = lambda label, done, total: None,
) -> tuple[list[Finished], Truth | None, str]:
    """Run every search of a study.

    Args:
        live: makes worlds that measure, where scores are not looked up.
        kept: runs that are there, by label; then none is run.

    Returns:
        The searches, where their answers are looked up, and the dataset they were for.

    Raises:
        UserError: something that the study asks for does not exist or does not fit. All searches
            are opened before the first one is run.
        MissingData: runs are kept, but not all of the study's; or there are no known scores.
    """
    study = named.study
    if study.known_scores is not None and not Path(study.known_scores).is_file():
        # needed only for the report: that must not show after hours of measuring
        raise MissingData(
            f"the study shows its searches beside the scores in {study.known_scores}, which is not "
            "there; run it where that path leads to them, or take known_scores out"
        )
    benchmark = benchmark_of(study)
    opened = [open_search(one, study, benchmark, live=live, device=device) for one in study.search]
    labels = [label_of(one, world) for one, world in zip(study.search, opened, strict=True)]
    twice = [label for label, count in Counter(labels).items() if count > 1]
    if twice:
        raise UserError(
            f"two searches of the study are called {twice[0]!r}, and their rows and runs could not "
            "be told apart; give each a label of its own"
        )
    if kept:
        absent = [label for label in labels if label not in kept]
        if absent:
            raise MissingData(
                f"the runs that were given are of {', '.join(kept)}, and the study also has "
                f"{', '.join(absent)}; run it whole, without --from"
            )
    finished = []
    for one, world, name in zip(study.search, opened, labels, strict=True):
        total = one.runs or study.runs

        def count(done: int, label: str = name, total: int = total) -> None:
            told(label, done, total)

        if kept:
            finished.append(Finished(one, world, kept[name]))
            continue
        trajectories = run_many(
            world.searcher,
            world.world,
            runs=total,
            seed=study.seed,
            settings=one.settings,
            budget=Budget(one.seconds, one.evaluations),
            told=count,
        )
        finished.append(Finished(one, world, tuple(trajectories)))
    truth = None if benchmark is None else Truth(benchmark)
    return finished, truth, opened[0].world.problem.dataset
