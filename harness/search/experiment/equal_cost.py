"""Random search at equal cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import MissingData, derive
from untrained.harness.search.evaluators.ground_truth import Truth
from untrained.harness.search.evaluators.stored_scores import StoredScores, coverage, read_scores
from untrained.harness.search.experiment.runs import Finished
from untrained.harness.search.experiment.study import SearchStudy
from untrained.harness.search.requests import Scored
from untrained.harness.search.searcher import Asks
from untrained.harness.search.supernet.estimator import Estimator, find_estimator
from untrained.results.searches.comparison import EqualCost, RandomRanks, RankedAnswer
from untrained.results.searches.runs import summarise
from untrained.results.searches.table import best_of_n
from untrained.spaces import Architecture, spaces

Floats = NDArray[np.float64]
_SIMULATED = 1000
_ACCURACIES = {Asks.accuracy, Asks.drawn_accuracy}


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """Networks that are drawn from, what chooses among them, and what one costs."""

    texts: Sequence[str]
    price_s: float
    criterion: str
    fitness: Floats | None
    """Of every network; None: it depends on the candidates, and `estimator` says how."""
    estimator: Estimator | None = None
    scored: Sequence[Scored] = ()


def equal_costs(
    study: SearchStudy, finished: Sequence[Finished], truth: Truth, main: int
) -> tuple[EqualCost, ...]:
    """Random search at the mean cost of every search, where it is known what it would find.

    Draws are with replacement. A search that trains is compared with the best of as many
    trainings, of the same length and at their mean cost, by validation accuracy; one that scores
    with the best of as many scored networks by the same indicators, at the median cost of one.
    Both are exact but for aggregates that depend on their candidates, which are simulated.
    """
    found = []
    for one in finished:
        if one.opened.searcher.name == "random" or not one.opened.cost_is_known:
            continue
        draws = _trained(one, truth) if one.asks & _ACCURACIES else _scored(one, study)
        if draws is None or not draws.texts or not draws.price_s > 0:
            continue
        cost_s = float(np.mean([run.total_s for run in one.trajectories]))
        # sums of equal prices are rounded: none may be lost for that
        n = max(1, int(cost_s / draws.price_s + 1e-6))
        values = truth.values(main, draws.texts)
        known = ~np.isnan(values)
        if not known.any():
            continue
        if draws.fitness is not None:
            mean, sd = best_of_n(draws.fitness[known], values[known], n)
            simulated = 0
        else:
            seed = derive(study.seed, "random search at equal cost", one.label)
            drawn = _simulate(draws, values, known, n, np.random.default_rng(seed))
            mean, sd, simulated = float(drawn.mean()), float(drawn.std(ddof=1)), len(drawn)
        finals = truth.values(main, [run.final for run in one.trajectories])
        found.append(
            EqualCost(
                search=one.label,
                found=summarise(finals),
                cost_s=cost_s,
                n=n,
                price_s=draws.price_s,
                mean=mean,
                sd=sd,
                simulated=simulated,
                criterion=draws.criterion,
            )
        )
    return tuple(found)


def _trained(one: Finished, truth: Truth) -> _Draws | None:
    """All networks by the validation accuracy that the search trains for."""
    validation, cost = one.opened.validation, one.opened.cost
    known = truth.table()
    if validation is None or cost is None or known is None:
        return None
    settings = one.opened.searcher.settings(one.one.settings)
    target = validation.target(int(str(settings.get("epochs", 0))))
    domain = one.opened.world.problem.domain
    stays = domain.confined or not one.asks & {Asks.scores, Asks.accuracy}
    if stays and domain.members is not None:
        open_to_it = [a for a in domain.members if a.text in known.index]
    else:
        architectures = (Architecture(domain.space.name, str(text)) for text in known.index)
        open_to_it = [a for a in architectures if domain.admits(a)]
    among = coverage(len(open_to_it), domain.space.name)
    if not open_to_it:
        return None
    return _Draws(
        texts=[a.text for a in open_to_it],
        price_s=float(np.mean([cost.seconds(a, target.epochs) for a in open_to_it])),
        criterion=f"validation accuracy after {target.epochs} epochs, among {among} networks",
        fitness=np.array([validation.accuracy(a, target.epochs) for a in open_to_it]),
    )


def _scored(one: Finished, study: SearchStudy) -> _Draws | None:
    """The networks whose scores are stored, by the indicators of the search."""
    estimator, stored = one.opened.estimator, one.opened.stored
    if estimator is None and Asks.supernet_gradient in one.asks:
        # what NASI maximises, for single networks
        estimator = find_estimator(["nasi"])
    path = study.known_scores or study.scores
    if stored is None and path is not None and estimator is not None:
        try:
            stored = read_scores(Path(path), study.space, estimator, protocols=study.protocols)
        except MissingData:
            return None
    if stored is None or estimator is None:
        return None
    scored = _as_scored(stored, estimator, study.space, one)
    text = (
        f"{estimator.name}, among {coverage(len(scored), study.space)} networks with stored scores"
    )
    return _Draws(
        texts=[each.architecture.text for each in scored],
        price_s=stored.cost_s,
        criterion=text,
        fitness=None if estimator.is_relative else estimator.fitness(scored),
        estimator=estimator,
        scored=scored,
    )


def _as_scored(
    stored: StoredScores, estimator: Estimator, space: str, one: Finished
) -> list[Scored]:
    domain = one.opened.world.problem.domain
    architectures = [Architecture(space, text) for text in stored.values]
    return [
        Scored(a, stored.values[a.text], estimator.oriented(stored.values[a.text]), stored.cost_s)
        for a in architectures
        if domain.admits(a)
    ]


def _simulate(
    draws: _Draws,
    values: Floats,
    known: NDArray[np.bool_],
    n: int,
    rng: np.random.Generator,
) -> Floats:
    """The values of many random searches' answers; of equal candidates the first wins."""
    assert draws.estimator is not None, "what depends on its candidates is an aggregate"
    places = np.flatnonzero(known)
    found = np.empty(_SIMULATED)
    for i in range(_SIMULATED):
        drawn = places[rng.integers(len(places), size=n)]
        fitness = draws.estimator.fitness([draws.scored[int(place)] for place in drawn])
        best = 0 if np.isnan(fitness).all() else int(np.nanargmax(fitness))
        found[i] = values[drawn[best]]
    return found


NUM_RANDOM = 1000


def random_ranks(
    space: str, seed: int, finished: Sequence[Finished], truth: Truth, main: int
) -> RandomRanks | None:
    """Rank every answer among 1,000 networks, where there is no table of all.

    Returns:
        None where the truth can be enumerated, or knows nothing of random networks.
    """
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
    for one in finished:
        finals = [run.final for run in one.trajectories]
        found = truth.values(main, finals)
        for number, (text, value) in enumerate(zip(finals, found, strict=True)):
            answers.append(
                RankedAnswer(
                    search=one.label,
                    run=number,
                    architecture=text,
                    genotype=_genotype(space, text),
                    value=float(value),
                    rank=1 + int((known >= sign * value).sum()) if not np.isnan(value) else 0,
                )
            )
    return RandomRanks(summarise(sign * known), float(sign * known.max()), tuple(answers))


def _genotype(space: str, text: str) -> str:
    return spaces[space].genotype_text(text)
