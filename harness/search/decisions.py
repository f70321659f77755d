"""The decisions of a space, and Optuna."""

from __future__ import annotations

import warnings
from typing import Any

from untrained.foundation import UserError
from untrained.spaces import SearchSpace, spaces
from untrained.spaces.framework.product_space import Decisions


def has_decisions(space: SearchSpace) -> bool:
    """Tell whether the space is a product of decisions."""
    return space.decisions() is not None


def decisions_of(space: SearchSpace) -> Decisions:
    """Return the decisions of a space.

    Raises:
        UserError: the space is no product of decisions.
    """
    found = space.decisions()
    if found is None:
        known = ", ".join(name for name, one in spaces.items() if has_decisions(one))
        raise UserError(
            "the searcher makes every decision by itself, but the search space "
            f"{space.name!r} is no product of independent decisions; there are: {known}; take "
            "one of these, or a searcher that draws and mutates (random, local, rea)"
        )
    return found


def import_optuna(searcher: str) -> Any:
    """The package, which is an extra, told to be quiet.

    Raises:
        UserError: it is not installed.
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
