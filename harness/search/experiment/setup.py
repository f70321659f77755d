"""From a search study to the worlds that its searches are run in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from untrained.foundation import MissingData, UserError
from untrained.harness.execution.executors import Device
from untrained.harness.search.domain import Cost, Domain, Limit, find_cost, find_limit
from untrained.harness.search.evaluators.evaluator import World
from untrained.harness.search.evaluators.stored_scores import StoredScores, coverage, read_scores
from untrained.harness.search.evaluators.tabular import TableWorld
from untrained.harness.search.experiment.study import OneSearch, SearchStudy
from untrained.harness.search.problem import Problem, Validation
from untrained.harness.search.searcher import Asks, Searcher, searchers
from untrained.harness.search.supernet.estimator import Estimator, find_estimator
from untrained.harness.search.supernet.opening import supernet_world
from untrained.spaces import (
    Architecture,
    Benchmark,
    TrainingCost,
    benchmarks,
    find_benchmark,
    spaces,
)

_SCORES = {Asks.scores, Asks.drawn_scores}
_ACCURACIES = {Asks.accuracy, Asks.drawn_accuracy}

MakeLive = Callable[[Problem, Estimator, Validation | None, TrainingCost | None], World]
"""Makes a world that measures what it is asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """One search of a study, ready to run."""

    searcher: Searcher
    world: World
    estimator: Estimator | None
    facts: tuple[str, ...]
    """What a report has to say of where its answers come from."""
    cost_is_known: bool = True
    """Whether seconds mean anything."""
    stored: StoredScores | None = None
    """Where scores are looked up."""
    validation: Validation | None = None
    """Where trainings are looked up."""
    cost: TrainingCost | None = None
    """What trainings cost."""


def benchmark_of(study: SearchStudy) -> Benchmark | None:
    """The benchmark of a study; None where its space has none that is present.

    Where nothing is said and the space is too large for a table, one that answers for any network
    comes first: what a search finds is in no table of some thousands.

    Raises:
        UserError: one is named that does not fit, or is not there.
    """
    if study.benchmark is None and spaces[study.space].size is None:
        for one in benchmarks.values():
            if one.space == study.space and not one.enumerable and one.missing() is None:
                return one
    try:
        return find_benchmark(study.space, study.benchmark)
    except MissingData:
        if study.benchmark is not None:
            raise
        return None


def open_search(
    one: OneSearch,
    study: SearchStudy,
    benchmark: Benchmark | None,
    *,
    live: MakeLive | None = None,
    device: Device = "cpu",
) -> Opened:
    """Make the world that answers one search.

    Args:
        live: makes a world that measures scores, where the study does not look them up.

    Raises:
        UserError: something that is asked for does not exist or does not fit; in particular, a
            searcher would go where there are no scores.
        MissingData: scores or a benchmark that are not there.
    """
    searcher = searchers[one.searcher]
    asks = searcher.asks_with(searcher.settings(one.settings))
    space = spaces[study.space]
    is_live = study.scores is None
    estimator = find_estimator(one.indicator) if asks & (_SCORES | {Asks.supernet}) else None
    if one.indicator and estimator is None:
        raise UserError(
            f"the indicator {', '.join(one.indicator)} was given to {searcher.name}, which under "
            "these settings asks for accuracies only; leave it out, or set by=scores"
        )
    dataset = study.dataset or (benchmark.default_target.dataset if benchmark else "cifar10")
    if asks & {Asks.supernet, Asks.supernet_gradient}:
        supernet, fact = supernet_world(one, study, dataset, estimator, device=device)
        return Opened(searcher, supernet, estimator, (fact,))
    if one.inputs is not None:
        raise UserError(
            f"inputs = {one.inputs!r} was given to {searcher.name}, which measures no supernet; "
            "leave it out: what single networks see is said under [measuring]"
        )
    facts: list[str] = []
    validation, cost = _trainings(asks, study, benchmark, facts)
    stored = None
    if estimator is not None and not is_live:
        stored = read_scores(
            Path(str(study.scores)), study.space, estimator, protocols=study.protocols
        )
        facts += _facts_of_scores(stored, study)
    trained = _known_to(validation, one)
    scored = list(stored.values) if stored is not None and asks & _SCORES else None
    members = _members(space.size, scored, trained)
    if members == []:
        raise MissingData(
            f"no network of {study.space} has both a score in {study.scores} and a validation "
            "accuracy; score networks that the benchmark knows (population known in a study)"
        )
    # parts of the space that the search would leave
    goes_to = [
        known
        for ask, known in ((Asks.scores, scored), (Asks.accuracy, trained))
        if ask in asks and known is not None and len(known) != space.size
    ]
    if goes_to and not one.confined:
        raise UserError(_too_partial(searcher.name, len(goes_to[0]), study))
    if goes_to:
        facts.append(
            "the search stays among the "
            f"{coverage(len(members or ()), study.space)} networks that have what it asks for: "
            "what lies next to a network are those of them at the smallest number of changed "
            "decisions, and a policy proposes until it proposes one of them"
        )
    elif members is not None and len(members) != space.size:
        facts.append(
            f"networks are drawn from the {coverage(len(members), study.space)} that have what "
            "the search asks for; mutations go anywhere"
        )
    domain = Domain(
        space,
        members=None
        if members is None or len(members) == space.size
        else [Architecture(space.name, text) for text in members],
        confined=bool(goes_to),
        limits=_limits(one.limits, study, benchmark, facts),
    )
    problem = Problem(domain, dataset, estimator, _costs(searcher, one, study, benchmark))
    is_known = cost is None or cost.is_known
    if one.seconds is not None and not is_known:
        raise UserError(_no_seconds(one.seconds, study))
    world: World
    if is_live and estimator is not None:
        if live is None:
            raise UserError(
                f"{searcher.name} asks for scores, and there is nowhere to look them up or to keep "
                "them; give --scores FILE (stored ones) or --store FILE (to measure them)"
            )
        facts.append(_fact_of_measuring(study))
        world = live(problem, estimator, validation, cost)
    else:
        world = TableWorld(
            problem,
            scores=stored.values if stored else None,
            score_cost_s=stored.cost_s if stored else 0.0,
            validation=validation,
            cost=cost,
        )
    return Opened(
        searcher,
        world,
        estimator,
        tuple(facts),
        is_known,
        stored=stored,
        validation=validation,
        cost=cost,
    )


def _trainings(
    asks: frozenset[Asks], study: SearchStudy, benchmark: Benchmark | None, facts: list[str]
) -> tuple[Validation | None, TrainingCost | None]:
    if not asks & _ACCURACIES:
        return None, None
    if benchmark is None:
        benchmark = find_benchmark(study.space)  # says what is missing and what to do
    validation = Validation(benchmark, study.dataset)
    cost = benchmark.training_cost(validation.dataset)
    facts.append(f"seconds of a training: {cost.text}")
    return validation, cost


def _known_to(validation: Validation | None, one: OneSearch) -> list[str] | None:
    """The networks with an accuracy; None: all."""
    if validation is None or not validation.benchmark.enumerable:
        return None
    epochs = one.settings.get("epochs", 0)
    return validation.known(int(epochs))


def _members(size: int | None, *known: Sequence[str] | None) -> list[str] | None:
    """What all of some lists have, in the order of the first; None: everything."""
    lists = [one for one in known if one is not None and len(one) != size]
    if not lists:
        return None
    first, *others = lists
    common = set(first).intersection(*others)
    return [text for text in first if text in common]


def _limits(
    limits: Mapping[str, float],
    study: SearchStudy,
    benchmark: Benchmark | None,
    facts: list[str],
) -> list[Limit]:
    found = [find_limit(name, at_most, study, benchmark) for name, at_most in limits.items()]
    facts += [f"every network keeps {one.name} <= {one.at_most:,g}" for one in found]
    return found


def _costs(
    searcher: Searcher, one: OneSearch, study: SearchStudy, benchmark: Benchmark | None
) -> dict[str, Cost]:
    """The costs that a searcher's settings name."""
    settings = searcher.settings(one.settings)
    names = {str(settings[key]) for key, item in searcher.parameters.items() if item.is_cost}
    return {name: find_cost(name, study, benchmark) for name in sorted(names)}


def _facts_of_scores(stored: StoredScores, study: SearchStudy) -> list[str]:
    return [
        f"scores of {coverage(len(stored.values), study.space)} networks, looked up in "
        f"{study.scores}; one costs {stored.cost_s:.3g} s, the median measured on "
        f"{stored.measured}, every indicator by itself",
        *stored.protocols,
        *stored.notes,
    ]


def _fact_of_measuring(study: SearchStudy) -> str:
    how = study.measuring
    changed = how.changes() or "under the indicators' protocols"
    return (
        f"scores are measured as the search goes, on {how.inputs} inputs, {changed}; one costs "
        "what its indicators take by themselves"
    )


def _too_partial(searcher: str, count: int, study: SearchStudy) -> str:
    return (
        f"{searcher} goes from a network to those next to it, but only "
        f"{coverage(count, study.space)} have what it asks for; score the whole space (untrained "
        "score --all), let the search stay among them (--confined), or take a searcher that only "
        "draws (random)"
    )


def _no_seconds(seconds: float, study: SearchStudy) -> str:
    return (
        f"a budget of {seconds:g} s was given, but nobody recorded what a training of "
        f"{study.space} takes; give the number of trainings (--evaluations), or a benchmark with "
        "the metric train_time_s"
    )
