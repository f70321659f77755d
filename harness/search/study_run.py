"""Running all searches of a study."""

from __future__ import annotations

from collections.abc import Callable

from untrained.harness.search.driver import Budget
from untrained.harness.search.looking_up import Truth
from untrained.harness.search.opening import MakeLive, benchmark_of, open_search
from untrained.harness.search.repeated import run_many
from untrained.harness.search.reporting import Finished
from untrained.harness.search.search_study import NamedSearchStudy

Told = Callable[[str, int, int], None]
"""Of a search, its finished runs, and all its runs."""


def run_study(
    named: NamedSearchStudy,
    *,
    live: MakeLive | None = None,
    told: Told = lambda label, done, total: None,
) -> tuple[list[Finished], Truth | None, str]:
    """Run every search of a study.

    Args:
        named: the study.
        live: makes worlds that measure, where scores are not looked up.
        told: hears how far it is.

    Returns:
        The searches, where their answers are looked up, and the dataset they were for.

    Raises:
        UserError: something that the study asks for does not exist or does not fit. All searches
            are opened before the first one is run.
    """
    study = named.study
    benchmark = benchmark_of(study)
    opened = [open_search(one, study, benchmark, live=live) for one in study.search]
    finished = []
    for one, world in zip(study.search, opened, strict=True):
        total = one.runs or study.runs
        label = one.label or one.searcher

        def count(done: int, label: str = label, total: int = total) -> None:
            told(label, done, total)

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
