"""Random search at equal cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import MissingData, derive
from untrained.harness.search.estimator import Estimator, find_estimator
from untrained.harness.search.evaluators.stored_scores import coverage, read_scores
from untrained.harness.search.experiment.run import GroundTruth, SearchRuns
from untrained.harness.search.experiment.setup import ACCURACIES, PreparedSearch
from untrained.harness.search.requests import Scored
from untrained.harness.search.searcher import Asks
from untrained.harness.study.search_study import SearchStudy
from untrained.results.searches.comparison import EqualCost, RandomRanks, RankedAnswer
from untrained.results.searches.pools import pool_spread
from untrained.results.searches.runs import summarise
from untrained.results.searches.table import best_of_n
from untrained.results.store.committed import find_scores
from untrained.spaces import Architecture, spaces

Floats = NDArray[np.float64]
_SIMULATED = 1000


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """Networks to draw from, the criterion that chooses among them, and the cost of one."""

    texts: Sequence[str]
    price_s: float
    criterion: str
    fitness: Floats | None
    """One per network; None: the fitness depends on the candidates, see `estimator`."""
    estimator: Estimator | None = None
    scored: Sequence[Scored] = ()


def equal_costs(
    study: SearchStudy, searches: Sequence[SearchRuns], truth: GroundTruth, main: int
) -> tuple[EqualCost, ...]:
    """Compute what random search finds at the mean cost of each search, where that is known.

    Draws are with replacement. A search that trains is compared with the best of as many
    trainings, of the same length and at their mean cost, by validation accuracy; one that scores
    with the best of as many scored networks by the same indicators, at the median cost of one.
    Runs on pools are compared with draws from the same pools, pool by pool.

    Both are exact but for aggregates that depend on their candidates, which are simulated.
    """
    compared = []
    for search in searches:
        prepared = search.prepared
        if prepared.searcher.name == "random" or not prepared.cost_is_known:
            continue
        draws = (
            _trained(prepared, truth) if prepared.asks & ACCURACIES else _scored(prepared, study)
        )
        if draws is None or not draws.texts or not draws.price_s > 0:
            continue
        cost_s = float(np.mean([run.total_s for run in search.trajectories]))
        # sums of equal prices are rounded: none may be lost for that
        n = max(1, int(cost_s / draws.price_s + 1e-6))
        values = truth.values(main, draws.texts)
        known = ~np.isnan(values)
        if not known.any():
            continue
        finals = truth.values(main, [run.final for run in search.trajectories])
        seed = derive(study.seed, "random search at equal cost", search.label)
        rng, criterion = np.random.default_rng(seed), draws.criterion
        pools_error: float | None = None
        pools = prepared.pools
        if pools is None:
            mean, sd, simulated = _best(draws, values, known, n, rng=rng, times=_SIMULATED)
        else:
            members = [{a.text for a in one.domain.members or ()} for one in prepared.problems]
            inside = [np.array([text in pool for text in draws.texts]) for pool in members]
            if not all((known & part).any() for part in inside):
                continue
            each = math.ceil(_SIMULATED / pools.number)
            parts = [_best(draws, values, known & part, n, rng=rng, times=each) for part in inside]
            means, spreads, counts = (np.array(one) for one in zip(*parts, strict=True))
            mean, simulated = float(means.mean()), int(counts.sum())
            sd = float(np.sqrt((spreads**2).mean() + means.var()))
            own = means[np.arange(len(finals)) % pools.number]
            pools_error = pool_spread(finals - own, pools).standard_error
            criterion += f", in the same pools of {pools.size:,}"
        compared.append(
            EqualCost(
                search=search.label,
                found=summarise(finals),
                cost_s=cost_s,
                n=n,
                price_s=draws.price_s,
                mean=mean,
                sd=sd,
                simulated=simulated,
                criterion=criterion,
                pools_error=pools_error,
            )
        )
    return tuple(compared)


def _trained(search: PreparedSearch, truth: GroundTruth) -> _Draws | None:
    """Draw from all networks by the validation accuracy that the search trains for."""
    trainings, known = search.trainings, truth.table()
    if trainings is None or known is None:
        return None
    target = trainings.target(int(str(search.settings.get("epochs", 0))))
    domain = search.evaluator.problem.domain
    stays = domain.confined or not search.asks & {Asks.scores, Asks.accuracy}
    if stays and domain.members is not None:
        candidates = [a for a in domain.members if a.text in known.index]
    else:
        architectures = (Architecture(domain.space.name, str(text)) for text in known.index)
        candidates = [a for a in architectures if domain.admits(a)]
    if not candidates:
        return None
    among = coverage(len(candidates), domain.space.name)
    return _Draws(
        texts=[a.text for a in candidates],
        price_s=float(np.mean([trainings.cost.seconds(a, target.epochs) for a in candidates])),
        criterion=f"validation accuracy after {target.epochs} epochs, among {among} networks",
        fitness=np.array([trainings.accuracy(a, target.epochs) for a in candidates]),
    )


def _scored(search: PreparedSearch, study: SearchStudy) -> _Draws | None:
    """Draw from the networks whose scores are stored, by the indicators of the search."""
    estimator, stored = search.estimator, search.stored
    if estimator is None and Asks.supernet_gradient in search.asks:
        # the quantity that NASI maximises, for single networks
        estimator = find_estimator(["nasi"])
    path = study.known_scores or study.scores
    if stored is None and path is not None and estimator is not None:
        try:
            stored = read_scores(
                find_scores(path), study.space, estimator, protocols=study.protocols
            )
        except MissingData:
            return None
    if stored is None or estimator is None:
        return None
    domain = search.evaluator.problem.domain
    architectures = [Architecture(study.space, text) for text in stored.values]
    scored = [
        Scored(a, stored.values[a.text], estimator.oriented(stored.values[a.text]), stored.cost_s)
        for a in architectures
        if domain.admits(a)
    ]
    among = coverage(len(scored), study.space)
    return _Draws(
        texts=[one.architecture.text for one in scored],
        price_s=stored.cost_s,
        criterion=f"{estimator.name}, among {among} networks with stored scores",
        fitness=None if estimator.is_relative else estimator.fitness(scored),
        estimator=estimator,
        scored=scored,
    )


def _best(
    draws: _Draws,
    values: Floats,
    known: NDArray[np.bool_],
    n: int,
    *,
    rng: np.random.Generator,
    times: int,
) -> tuple[float, float, int]:
    """Compute mean and standard deviation of the best of n, and the number of simulations."""
    if draws.fitness is not None:
        return *best_of_n(draws.fitness[known], values[known], n), 0
    assert draws.estimator is not None, "what depends on its candidates is an aggregate"
    places = np.flatnonzero(known)
    answers = np.empty(times)
    for i in range(times):
        drawn = places[rng.integers(len(places), size=n)]
        fitness = draws.estimator.fitness([draws.scored[int(place)] for place in drawn])
        # the first of equal candidates
        best = 0 if np.isnan(fitness).all() else int(np.nanargmax(fitness))
        answers[i] = values[drawn[best]]
    return float(answers.mean()), float(answers.std(ddof=1)), times


NUM_RANDOM = 1000


def random_ranks(
    space: str, seed: int, searches: Sequence[SearchRuns], truth: GroundTruth, main: int
) -> RandomRanks | None:
    """Rank every answer among 1,000 networks; None where there is a table of all, or no value."""
    if truth.benchmark.enumerable:
        return None
    rng = np.random.default_rng(derive(seed, "random networks"))
    drawn = [spaces[space].sample(rng).text for _ in range(NUM_RANDOM)]
    sign = 1.0 if truth.columns[main].column.higher_is_better else -1.0
    values = sign * truth.values(main, drawn)
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    answers = []
    for search in searches:
        finals = [run.final for run in search.trajectories]
        answered = truth.values(main, finals)
        for number, (text, value) in enumerate(zip(finals, answered, strict=True)):
            answers.append(
                RankedAnswer(
                    search=search.label,
                    run=number,
                    architecture=text,
                    genotype=spaces[space].genotype_text(text),
                    value=float(value),
                    rank=1 + int((known >= sign * value).sum()) if not np.isnan(value) else 0,
                )
            )
    return RandomRanks(summarise(sign * known), float(sign * known.max()), tuple(answers))
