"""RoBoT: weights of several scores, tuned by the accuracies of the networks that they choose."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular

from untrained.foundation import UserError
from untrained.harness.search import (
    Asks,
    Incumbent,
    Parameter,
    Problem,
    Scored,
    Steps,
    Trained,
    register_searcher,
    score,
    train,
)

_NOISE = 1e-6
_LENGTHS = np.geomspace(0.05, 20, 41)
_CANDIDATES = 10_000


@register_searcher(
    name="robot",
    title="RoBoT",
    reference="He et al., Robustifying and Boosting Training-Free Neural Architecture Search "
    "(RoBoT), ICLR 2024, Algorithm 1",
    asks=frozenset({Asks.drawn_scores, Asks.drawn_accuracy}),
    deviations="The pool is drawn and scored, and its scores cost what they cost; the authors have "
    "the scores of all networks for nothing and count trainings only. The Gaussian process has the "
    "length scale of largest likelihood among 41, and the next weights are the best of 10,000 "
    "drawn ones, where bayes_opt refines them by gradients. A score that is missing or not finite "
    "counts as the worst of the pool; the authors leave missing ones out of the sum.",
)
def robot(
    problem: Problem,
    rng: np.random.Generator,
    *,
    n: Annotated[int, Parameter("networks drawn into the pool", least=1)] = 1000,
    steps: Annotated[
        int, Parameter("weights that are tried, and networks that are trained", least=1)
    ] = 20,
    kappa: Annotated[
        float, Parameter("standard deviations in the upper confidence bound", least=0)
    ] = 2.576,
) -> Steps:
    """Try weights of the scores, then train what the best weights rank next.

    Scores are scaled to [0, 1] over the pool. In each step a Gaussian process (Matern 5/2) proposes
    one weight in [-1, 1] for each score, and the network of the largest weighed sum is trained; one
    that was trained before is looked up and costs nothing. When all steps are done, the trainings
    that are left go to the networks that the best weights rank highest. Draws into the pool are
    with replacement. The answer is the best network that was trained, before that the better of
    those scored, two by two.

    Raises:
        UserError: the problem has no scores.
    """
    scored: list[Scored] = []
    first: Scored | None = None
    for architecture in dict.fromkeys(problem.sample(rng) for _ in range(n)):
        scored += yield from score([architecture])
        pair = scored[-1:] if first is None else [first, scored[-1]]
        first = pair[problem.best(pair)]
        yield Incumbent(first.architecture)
    pool = [one.architecture for one in scored]
    values = scaled(scored)
    process = _Process(values.shape[1], rng, kappa)
    done: dict[int, Trained] = {}
    best: tuple[float, int] = (-math.inf, -1)
    best_weights: NDArray[np.float64] | None = None

    def answer() -> Incumbent:
        return Incumbent(pool[best[1]] if best[1] >= 0 else pool[next(iter(done))])

    for _ in range(steps):
        weights = process.ask()
        place = int(np.argmax(values @ weights))
        if place not in done:
            [done[place]] = yield from train([pool[place]], problem.epochs)
        accuracy = done[place].accuracy
        if math.isfinite(accuracy):
            if best_weights is None or accuracy >= best[0]:
                best_weights = weights
            best = max(best, (accuracy, place), key=lambda pair: pair[0])
        process.tell(weights, accuracy)
        yield answer()
    weights = process.last if best_weights is None else best_weights
    ranked = np.argsort(-(values @ weights), kind="stable")
    for place in map(int, ranked):
        if len(done) >= steps:
            return None
        if place not in done:
            [done[place]] = yield from train([pool[place]], problem.epochs)
            if math.isfinite(done[place].accuracy):
                best = max(best, (done[place].accuracy, place), key=lambda pair: pair[0])
            yield answer()
    return None


def scaled(scored: list[Scored]) -> NDArray[np.float64]:
    """Scale each score to [0, 1] over some networks; what is not finite is the worst, 0.

    Returns:
        Shape (networks, scores); larger is better. A score that is the same everywhere is 0.

    Raises:
        UserError: there are no scores.
    """
    found = np.array([one.oriented for one in scored], dtype=np.float64)
    if not found.size:
        raise UserError("cannot weigh scores: the search has none. Name some with --indicator.")
    found[~np.isfinite(found)] = np.nan
    low = np.array([np.nanmin(c) if np.isfinite(c).any() else 0.0 for c in found.T])
    high = np.array([np.nanmax(c) if np.isfinite(c).any() else 0.0 for c in found.T])
    span = np.where(high > low, high - low, 1.0)
    return np.asarray(np.nan_to_num((found - low) / span, nan=0.0), dtype=np.float64)


class _Process:
    """A Gaussian process over weights in [-1, 1], which proposes by the upper confidence bound."""

    def __init__(self, number: int, rng: np.random.Generator, kappa: float) -> None:
        self._number = number
        self._rng = rng
        self._kappa = kappa
        self._x: list[NDArray[np.float64]] = []
        self._y: list[float] = []
        self.last = np.zeros(number)

    def ask(self) -> NDArray[np.float64]:
        """Return the next weights: drawn the first time, then of the largest bound."""
        drawn = self._rng.uniform(-1, 1, (_CANDIDATES if self._x else 1, self._number))
        if self._x:
            mean, deviation = posterior(np.array(self._x), np.array(self._y), drawn)
            self.last = drawn[int(np.argmax(mean + self._kappa * deviation))]
        else:
            self.last = drawn[0]
        return self.last

    def tell(self, weights: NDArray[np.float64], value: float) -> None:
        """Learn what weights are worth; a value that is not finite is left out."""
        if math.isfinite(value):
            self._x.append(weights)
            self._y.append(value)


def posterior(
    x: NDArray[np.float64], y: NDArray[np.float64], at: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of a Gaussian process of unit variance at some places.

    Args:
        x: places where it is known, (n, d).
        y: values there, (n,), which are standardised first.
        at: (m, d).

    Returns:
        In units of `y`, (m,) each.
    """
    scale = float(y.std()) or 1.0
    z = (y - y.mean()) / scale
    fits = []
    for length in _LENGTHS:
        factor = cholesky(matern(x, x, length) + _NOISE * np.eye(len(x)), lower=True)
        weights = cho_solve((factor, True), z)
        likelihood = -0.5 * float(z @ weights) - float(np.log(np.diag(factor)).sum())
        fits.append((likelihood, float(length), factor, weights))
    _, length, factor, weights = max(fits, key=lambda fit: fit[0])
    cross = matern(at, x, length)
    reduced = solve_triangular(factor, cross.T, lower=True)
    variance = np.clip(1 - (reduced**2).sum(0), 0, None)
    return y.mean() + scale * (cross @ weights), scale * np.sqrt(variance)


def matern(a: NDArray[np.float64], b: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """Covariances of the kernel Matern 5/2 between places, (n, m)."""
    distance = np.sqrt(((a[:, None] - b[None]) ** 2).sum(2))
    d = math.sqrt(5) * distance / length
    return np.asarray((1 + d + d**2 / 3) * np.exp(-d), dtype=np.float64)
