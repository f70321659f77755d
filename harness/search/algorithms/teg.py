"""TEG-NAS: by evolution, and by a policy gradient rewarded for changes of three indicators."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Annotated

import numpy as np

from untrained.harness.search import (
    Asks,
    History,
    Incumbent,
    Parameter,
    Problem,
    Scored,
    Steps,
    register_searcher,
    score,
)
from untrained.harness.search.algorithms.reinforce import Policy

_TINY = 1e-6


@register_searcher(
    name="teg",
    title="TEG-NAS, evolution",
    reference="Chen et al., Understanding and Accelerating NAS with Training-Free and "
    "Theory-Grounded Metrics (TEG-NAS), arXiv:2108.11939, aging evolution",
    asks=frozenset({Asks.scores}),
    deviations="A network without one of its scores never becomes a parent and is never the "
    "answer. The authors' code gives it the worst kappa and G seen so far and goes back to "
    "earlier ones whenever a worse is seen, in doing so writes that kappa over their other "
    "scores, and recognises it by a mean of exactly -1, so that one that fails in part looks "
    "better than perfect. Its evolution hands the test images to the generalisation score; "
    "here scores see the images that their protocol says. Scores of one protocol share their "
    "data, and each network draws its own weights, where the code draws three sets for all. "
    "Tournaments are drawn without replacement.",
)
def teg(
    problem: Problem,
    rng: np.random.Generator,
    *,
    population: Annotated[int, Parameter("networks alive at once", least=1)] = 256,
    tournament: Annotated[int, Parameter("of which the best becomes a parent", least=1)] = 64,
    steps: Annotated[int, Parameter("children", least=0)] = 1000,
) -> Steps:
    """Evolve by ranks of scores: each child replaces the oldest network.

    Ranks are taken among the networks that are compared: the tournament, or the population. The
    paper's three indicators are the aggregate `teg`; the search takes any. The incumbent is the
    best of the networks alive, so it may die. Logged are the incumbent's scores and the
    population's diversity, the mean number of decisions in which two of it differ.
    """
    alive: deque[Scored] = deque()
    for number in range(population + steps):
        if number < population:
            child = problem.sample(rng)
        else:
            child = problem.mutate(problem.tournament(alive, rng, tournament), rng)
        [scored] = yield from score([child])
        alive.append(scored)
        if len(alive) > population:
            alive.popleft()
        best = alive[problem.best(list(alive))]
        yield Incumbent(best.architecture, _series(problem, best, list(alive)))
    return None


@register_searcher(
    name="teg_reinforce",
    title="TEG-NAS, REINFORCE",
    reference="Chen et al., Understanding and Accelerating NAS with Training-Free and "
    "Theory-Grounded Metrics (TEG-NAS), arXiv:2108.11939, policy gradient",
    asks=frozenset({Asks.scores}),
    deviations="Released, the code does not run: data loaders that it passes are never defined, "
    "and its first reward is a tuple; here the first reward is 0. A network without one of its "
    "scores leaves the policy as it is and does not enter the windows, where the code puts in the "
    "worst values seen and changes earlier ones. Scores of one protocol share their data, and each "
    "network draws its own weights.",
)
def teg_reinforce(
    problem: Problem,
    rng: np.random.Generator,
    *,
    steps: Annotated[int, Parameter("networks proposed", least=1)] = 500,
    window: Annotated[
        int, Parameter("latest values that give the range of a change", least=2)
    ] = 10,
    learning_rate: Annotated[
        float, Parameter("of Adam; 0.07 in the authors' DARTS runs", least=0)
    ] = 0.04,
    momentum: Annotated[float, Parameter("of the baseline", least=0, most=0.999999)] = 0.9,
) -> Steps:
    """Train a policy; the reward is the change since the previous network in units of a range.

    For every indicator I, with a sign that makes larger better,

        r_I(t) = (I_t - I_{t-1}) / (max I - min I + 1e-6),  over the latest `window` values,

    and the reward is their sum; it rewards what got better, whatever the level. Infinite scores
    count as missing. The answer is the network of the history that the estimator puts first. The
    policy's entropy is logged, and whether the incumbent is its likeliest network.
    """
    decisions = problem.decisions
    policy = Policy(decisions, rng, learning_rate=learning_rate, momentum=momentum)
    history = History(problem)
    latest: deque[tuple[float, ...]] = deque(maxlen=window)
    for _ in range(steps):
        proposed = problem.admitted(lambda: decisions.architecture(policy.sample(rng)))
        [scored] = yield from score([proposed])
        history.add(scored)
        if np.isfinite(scored.oriented).all():
            latest.append(scored.oriented)
            policy.update(decisions.chosen(proposed), change_in_ranges(latest))
        best = history.best
        assert isinstance(best, Scored)
        is_likeliest = best.architecture == decisions.architecture(policy.likeliest)
        yield Incumbent(
            best.architecture,
            _series(problem, best)
            | {"entropy": policy.entropy, "is_likeliest": float(is_likeliest)},
        )
    return None


def _series(problem: Problem, best: Scored, alive: Sequence[Scored] = ()) -> dict[str, float]:
    """Name the incumbent's scores by indicator, and add the diversity of a population."""
    assert problem.estimator is not None, "scores come with an estimator"
    series = dict(zip(problem.estimator.indicators, best.values, strict=True))
    decisions = problem.space.decisions()
    if alive and decisions is not None:
        series["diversity"] = decisions.diversity([one.architecture for one in alive])
    return series


def change_in_ranges(latest: deque[tuple[float, ...]]) -> float:
    """Sum all indicators' last changes, each in units of its range.

    Args:
        latest: oriented finite scores, the current ones last; one row gives 0.
    """
    if len(latest) < 2:
        return 0.0
    values = np.array(latest)
    ranges = values.max(axis=0) - values.min(axis=0) + _TINY
    return float(((values[-1] - values[-2]) / ranges).sum())
