"""A world in which a search takes milliseconds, and a secret that no searcher may reach."""

from __future__ import annotations

import gc
import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from untrained.harness.search import Domain, Problem, Scored, Trained, World, find_estimator
from untrained.spaces import Architecture, spaces

ONE = ("naswot",)
SEVERAL = ("naswot", "ntk_condition", "params")


@dataclass
class Secret:
    """Stands for everything that a searcher must not get hold of."""

    test_accuracy: float = 99.0


class ToyWorld(World):
    """Scores and accuracies that are arithmetic of the text; each answer costs a second.

    If some are `missing`, it is every third.
    """

    def __init__(self, problem: Problem, *, missing: bool = False) -> None:
        """Nothing is answered yet.

        Args:
            problem: what the searcher sees.
            missing: whether every third network has no score and no accuracy.
        """
        self.problem = problem
        self.missing = missing
        self.secret = Secret()
        self.answered = 0

    def _number(self, architecture: Architecture) -> int:
        return sum(ord(letter) * (i % 7) for i, letter in enumerate(architecture.text)) % 1009

    def score(self, architecture: Architecture) -> Scored:
        """Arithmetic of the text."""
        self.answered += 1
        number = self._number(architecture)
        assert self.problem.estimator is not None
        names = self.problem.estimator.indicators
        gone = self.missing and number % 3 == 0
        values = tuple(float("nan") if gone else number / (k + 1) for k in range(len(names)))
        return Scored(architecture, values, self.problem.estimator.oriented(values), 1.0)

    def train(self, architecture: Architecture, epochs: int) -> Trained:
        """Arithmetic of the text, whatever the length."""
        self.answered += 1
        number = self._number(architecture)
        gone = self.missing and number % 3 == 0
        return Trained(architecture, float("nan") if gone else number / 10.09, 1.0)

    def price_s(self, request: Any, item: Any) -> float | None:
        """One second."""
        return 1.0


def toy_world(indicators: Sequence[str] = ONE, *, missing: bool = False) -> ToyWorld:
    """A toy world on NAS-Bench-201.

    Args:
        indicators: what is scored.
        missing: whether every third answer is.
    """
    domain = Domain(spaces["nasbench201"])
    return ToyWorld(Problem(domain, "cifar10", find_estimator(indicators)), missing=missing)


def reachable(root: object) -> list[object]:
    """Everything that references lead to, but for modules, classes and what modules hold."""
    names = {id(vars(module)) for module in gc.get_objects() if type(module) is types.ModuleType}
    seen: dict[int, object] = {}
    todo = [root]
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, types.ModuleType | type) or id(thing) in names:
            continue
        seen[id(thing)] = thing
        todo += gc.get_referents(thing)
    return list(seen.values())
