"""HNAS: an objective on scores, tuned by the accuracies of the networks that it finds."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from untrained.harness.search import (
    Asks,
    BudgetSpent,
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
from untrained.harness.search.algorithms.tpe import import_optuna

_EPSILON = 1e-6


@register_searcher(
    name="hnas",
    title="HNAS",
    reference="Shu et al., Unifying and Boosting Gradient-Based Training-Free Neural Architecture "
    "Search (HNAS), NeurIPS 2022, Algorithm 1",
    asks=frozenset({Asks.drawn_scores, Asks.drawn_accuracy}),
    deviations="Settings are those of the authors' code for NAS-Bench-201. Needs the package "
    "optuna, whose Gaussian process (Matern 5/2) and log expected improvement stand in for those "
    "of bayes_opt; on DARTS the authors use an upper confidence bound and one pool of 60,000. A "
    "network whose kernel is singular is not chosen, where their code sets kappa to 1e5. Scores "
    "cost what they cost; the authors count trainings only. Without a second score there is no "
    "kappa, and further ones are added to it.",
)
def hnas(
    problem: Problem,
    rng: np.random.Generator,
    *,
    n: Annotated[
        int, Parameter("networks drawn into the pool before every training", least=1)
    ] = 2000,
    steps: Annotated[int, Parameter("trainings, each of the pool's best", least=1)] = 20,
    probes: Annotated[
        float,
        Parameter(
            "fraction of the steps with fixed targets before the Bayesian optimisation",
            least=0,
            most=1,
        ),
    ] = 0.25,
    scale: Annotated[
        float, Parameter("largest target of the first score (on DARTS 100)", least=0)
    ] = 5000.0,
    lowest: Annotated[float, Parameter("least log10 of the weight mu")] = -4.0,
    highest: Annotated[float, Parameter("largest log10 of mu (on DARTS 1)")] = 0.0,
) -> Steps:
    """Train, in every step, the network of the pool with the smallest value of an objective.

        mu |M^2 - nu^2| + kappa / (M + 1e-6)

    M and kappa are the first and the second of the scores (of the aggregate `hnas` the trace norm
    and condition number of the label-logit kernel). A Gaussian process over (nu / scale, log10 mu)
    proposes the next nu and mu by the validation accuracies; the first ones are evenly spread in
    nu, at log10 mu = -2 or the nearest allowed value.

    The pool grows by `n` draws with replacement before every step, and trained networks leave
    it. The answer is the best that was trained; before the first training, the pool's best.
    Logged are nu, log10 mu and the size of the pool.
    """
    advisor = _Advisor(
        rng,
        probes=[
            (float(target), min(max(-2.0, lowest), highest))
            for target in np.linspace(0, 1, int(steps * probes))
        ],
        range_mu=(min(lowest, highest), max(lowest, highest)),
    )
    pool = _Pool()
    best: Trained | None = None
    for _ in range(steps):
        target, log_mu = advisor.ask()
        nu = target * scale
        pool.aim(nu, 10.0**log_mu)

        def series(nu: float = nu, log_mu: float = log_mu) -> dict[str, float]:
            return {"nu": nu, "log10 mu": log_mu, "pool": float(len(pool))}

        for _ in range(n):
            drawn = problem.sample(rng)
            if drawn.text in pool:
                continue
            [scored] = yield from score([drawn])
            pool.add(scored)
            chosen = pool.best
            yield Incumbent(best.architecture if best else chosen.architecture, series())
        if not len(pool):
            return None  # every network there is has been trained
        candidate = pool.best
        try:
            [trained] = yield from train([candidate.architecture], problem.epochs)
        except BudgetSpent:
            return best.architecture if best else candidate.architecture
        pool.remove(candidate)
        best = trained if best is None else (best, trained)[problem.best([best, trained])]
        advisor.tell(trained.accuracy)
        yield Incumbent(best.architecture, series())
    return None


class _Pool:
    """Scored networks that have not been trained, and the smallest of them in the objective."""

    def __init__(self) -> None:
        self._scored: dict[str, Scored] = {}
        self._gone: set[str] = set()
        self._nu, self._mu = 0.0, 1.0
        self._best: tuple[float, Scored] | None = None

    def __len__(self) -> int:
        return len(self._scored)

    def __contains__(self, text: str) -> bool:
        """Tell whether a network is or was in the pool."""
        return text in self._scored or text in self._gone

    @property
    def best(self) -> Scored:
        """The network of the smallest objective; the first of equal ones, and if none has one."""
        assert self._best is not None, "nothing is in the pool"
        return self._best[1]

    def aim(self, nu: float, mu: float) -> None:
        """Change the objective and find the best of all."""
        self._nu, self._mu = nu, mu
        values = [(self._objective(one), one) for one in self._scored.values()]
        self._best = min(values, key=lambda pair: pair[0], default=None)

    def add(self, scored: Scored) -> None:
        """Add a network that has not been in the pool."""
        self._scored[scored.architecture.text] = scored
        value = self._objective(scored)
        if self._best is None or value < self._best[0]:
            self._best = value, scored

    def remove(self, scored: Scored) -> None:
        """Remove a network for good; the next `aim` finds the best again."""
        del self._scored[scored.architecture.text]
        self._gone.add(scored.architecture.text)
        self._best = None

    def _objective(self, scored: Scored) -> float:
        """Compute the objective: infinite if a score is missing or infinite."""
        m = scored.values[0]
        # kappa is better low, so that its sign has been turned
        kappa = -sum(scored.oriented[1:])
        value = self._mu * abs(m * m - self._nu**2) + kappa / (m + _EPSILON)
        return math.inf if math.isnan(value) else value


class _Advisor:
    """Optuna's Gaussian process over (nu / scale, log10 mu)."""

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        probes: list[tuple[float, float]],
        range_mu: tuple[float, float],
    ) -> None:
        optuna = import_optuna("hnas")
        self._optuna = optuna
        self._range_mu = range_mu
        self._study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.GPSampler(
                seed=int(rng.integers(2**31)), n_startup_trials=max(1, len(probes))
            ),
        )
        for target, log_mu in probes:
            self._study.enqueue_trial({"target": target, "log10 mu": log_mu})
        self._trial: Any = None

    def ask(self) -> tuple[float, float]:
        self._trial = self._study.ask()
        return (
            self._trial.suggest_float("target", 0.0, 1.0),
            self._trial.suggest_float("log10 mu", *self._range_mu),
        )

    def tell(self, accuracy: float) -> None:
        if math.isfinite(accuracy):
            self._study.tell(self._trial, accuracy)
        else:
            self._study.tell(self._trial, state=self._optuna.trial.TrialState.FAIL)
