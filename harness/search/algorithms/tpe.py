"""Tree-structured Parzen estimators, by Optuna."""

from __future__ import annotations

import math

import numpy as np

from untrained.foundation import UserError
from untrained.harness.search import (
    BY,
    EPOCHS,
    Asks,
    History,
    Incumbent,
    Parameter,
    Problem,
    Steps,
    evaluate,
    register_searcher,
)
from untrained.harness.search.decisions import import_optuna

_REFUSALS = 10_000


@register_searcher(
    name="tpe",
    title="TPE",
    reference="Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011; "
    "implementation of Optuna (Akiba et al., KDD 2019)",
    asks=frozenset({Asks.scores, Asks.accuracy}),
    parameters={
        "by": BY,
        "epochs": EPOCHS,
        "startup": Parameter(meaning="networks drawn at random first", least=1),
        "candidates": Parameter(meaning="choices compared by expected improvement", least=1),
        "steps": Parameter(meaning="networks proposed; 0, until the budget is spent", least=0),
    },
    endless={"steps": 0},
    deviations="Needs the package optuna. Decisions are modelled one by one, Optuna's default.",
)
def tpe(
    problem: Problem,
    rng: np.random.Generator,
    *,
    by: str = "accuracy",
    epochs: int = 0,
    startup: int = 10,
    candidates: int = 24,
    steps: int = 0,
) -> Steps:
    """A network without a finite value is told to Optuna as a failed trial.

    An aggregate of ranks is told as it was among the networks up to then.

    Args:
        problem: where to search; a product of decisions, every decision apart.
        rng: seeds Optuna.
        by: what is maximised.
        epochs: of a training.
        startup: networks drawn at random first.
        candidates: choices compared by expected improvement.
        steps: networks proposed; 0 for no end.

    Yields:
        Requests and incumbents.

    Returns:
        None: the last incumbent.
    """
    optuna = import_optuna("tpe")
    decisions = problem.decisions
    sampler = optuna.samplers.TPESampler(
        seed=int(rng.integers(2**31)), n_startup_trials=startup, n_ei_candidates=candidates
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    history = History(problem)
    refused = 0
    while not steps or len(history.evaluations) < steps:
        trial = study.ask()
        chosen = [
            trial.suggest_categorical(f"decision {place}", list(range(n)))
            for place, n in enumerate(decisions.choices)
        ]
        architecture = decisions.architecture(chosen)
        if not problem.domain.admits(architecture):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            refused += 1
            if refused == _REFUSALS:
                raise UserError(
                    f"{refused:,} networks proposed by tpe broke a limit; raise the limits, or "
                    "take a searcher that mutates (evolution)"
                )
            continue
        [evaluated] = yield from evaluate([architecture], by=by, epochs=epochs)
        history.add(evaluated)
        value = history.latest_value()
        if math.isfinite(value):
            study.tell(trial, value)
        else:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        yield Incumbent(history.best.architecture)
    return None
