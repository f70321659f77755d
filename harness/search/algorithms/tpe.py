"""Tree-structured Parzen estimators, by Optuna."""

from __future__ import annotations

import math
import warnings
from typing import Annotated, Any

import numpy as np

from untrained.foundation import UserError
from untrained.harness.search import (
    Asks,
    History,
    Incumbent,
    Parameter,
    Problem,
    Steps,
    register_searcher,
)

_REFUSALS = 10_000


@register_searcher(
    name="tpe",
    title="TPE",
    reference="Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011; "
    "implementation of Optuna (Akiba et al., KDD 2019)",
    asks=frozenset({Asks.scores, Asks.accuracy}),
    by="accuracy",
    endless={"steps": 0},
    deviations="Needs the package optuna. Decisions are modelled one by one, Optuna's default.",
)
def tpe(
    problem: Problem,
    rng: np.random.Generator,
    *,
    startup: Annotated[int, Parameter("networks drawn at random first", least=1)] = 10,
    candidates: Annotated[int, Parameter("choices compared by expected improvement", least=1)] = 24,
    steps: Annotated[
        int, Parameter("networks proposed; 0, until the budget is spent", least=0)
    ] = 0,
) -> Steps:
    """Propose by Optuna's tree-structured Parzen estimators.

    A network without a finite value is a failed trial. An aggregate of ranks is the one among the
    networks so far.
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
        [evaluated] = yield from problem.evaluate([architecture])
        history.add(evaluated)
        value = history.latest_value()
        if math.isfinite(value):
            study.tell(trial, value)
        else:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        yield Incumbent(history.best.architecture)
    return None


def import_optuna(searcher: str) -> Any:
    """Import the optional package optuna, without its messages.

    Raises:
        UserError: the package is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise UserError(
            f"the searcher {searcher} needs the package optuna, which is not installed; "
            "pip install 'untrained[tpe]', or take another searcher (untrained list searchers)"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna
