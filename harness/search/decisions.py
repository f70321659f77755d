"""Spaces as products of decisions, also for Optuna."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from untrained.foundation import UserError
from untrained.spaces import Architecture, SearchSpace
from untrained.spaces.mobile.nasbenchmacro import BLOCKS, NUM_LAYERS, NASBenchMacro
from untrained.spaces.nasbench201.natsbench_sss import NUM_LAYERS as NUM_WIDTHS
from untrained.spaces.nasbench201.natsbench_sss import WIDTHS, NATSBenchSize
from untrained.spaces.nasbench201.space import EDGES, OPERATIONS, NASBench201, format_operations
from untrained.spaces.transnasbench101.micro import OPERATIONS as MICRO_OPERATIONS
from untrained.spaces.transnasbench101.micro import TransNASBench101Micro


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """How many choices each decision has, and the way there and back."""

    choices: tuple[int, ...]
    """One number a decision."""
    architecture: Callable[[Sequence[int]], Architecture]
    """Of the choices, counted from 0."""
    chosen: Callable[[Architecture], tuple[int, ...]]
    """The choices of an architecture."""

    def redraw(
        self, architecture: Architecture, rng: np.random.Generator, rate: float
    ) -> Architecture:
        """Draw each decision anew with probability `rate`; it may come out as it was."""
        chosen = list(self.chosen(architecture))
        for place in np.flatnonzero(rng.random(len(chosen)) < rate):
            chosen[place] = int(rng.integers(self.choices[place]))
        return self.architecture(chosen)

    def diversity(self, architectures: Sequence[Architecture]) -> float:
        """Mean number of decisions in which two of some architectures differ."""
        n = len(architectures)
        if n < 2:
            return 0.0
        columns = zip(*map(self.chosen, architectures), strict=True)
        equal = sum(k * (k - 1) for column in columns for k in Counter(column).values())
        return len(self.choices) - equal / (n * (n - 1))


def has_decisions(space: SearchSpace) -> bool:
    """Whether `decisions_of` knows the space."""
    return isinstance(space, NASBench201 | NATSBenchSize | NASBenchMacro | TransNASBench101Micro)


def decisions_of(space: SearchSpace) -> Decisions:
    """The decisions of a space.

    Raises:
        UserError: the space is no product of decisions that is known here.
    """
    match space:
        case NASBench201():
            return Decisions(
                (len(OPERATIONS),) * len(EDGES),
                lambda chosen: Architecture(
                    space.name, format_operations(tuple(OPERATIONS[i] for i in chosen))
                ),
                lambda arch: tuple(map(OPERATIONS.index, space.operations(arch))),
            )
        case NATSBenchSize():
            return Decisions(
                (len(WIDTHS),) * NUM_WIDTHS,
                lambda chosen: Architecture(space.name, ":".join(str(WIDTHS[i]) for i in chosen)),
                lambda arch: tuple(map(WIDTHS.index, space.widths(arch))),
            )
        case NASBenchMacro():
            return Decisions(
                (len(BLOCKS),) * NUM_LAYERS,
                lambda chosen: Architecture(space.name, "".join(map(str, chosen))),
                space.layers,
            )
        case TransNASBench101Micro():
            form = "64-41414-{}_{}{}_{}{}{}"
            return Decisions(
                (len(MICRO_OPERATIONS),) * form.count("{}"),
                lambda chosen: Architecture(space.name, form.format(*chosen)),
                space.operations,
            )
    raise UserError(
        f"the searcher makes every decision by itself, but the search space {space.name!r} is no "
        "product of independent decisions; there are: nasbench201, nasbenchmacro, natsbench_sss, "
        "transnasbench101_micro; take one of these, or a searcher that draws and mutates (random, "
        "local, rea)"
    )


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
