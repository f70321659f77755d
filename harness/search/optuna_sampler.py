"""Optuna, which searchers that need it import when they run."""

from __future__ import annotations

import warnings
from typing import Any

from untrained.foundation import UserError


def import_optuna(searcher: str) -> Any:
    """The package, which is an extra, told to be quiet.

    Args:
        searcher: that needs it.

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
