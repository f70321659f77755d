"""The problem that a searcher is given: a part of a search space and an objective."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from untrained.foundation import Unsupported, UserError
from untrained.harness.data.datasets import find_dataset
from untrained.harness.search.estimator import Estimator
from untrained.harness.search.requests import Evaluation, Request, Scored, Trained, evaluate
from untrained.indicators import Protocol
from untrained.spaces import Architecture, SearchSpace, spaces
from untrained.spaces.framework.product_space import Decisions, ProductSpace
from untrained.spaces.framework.supernet_layout import SupernetLayout

_DRAWS = 100_000
_PROPOSALS = 1000
_SIZE = Protocol()
"""The default size of networks."""

Cost = Callable[[Architecture], float]
"""A size or a measured cost of a network; NaN where it is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """An upper bound on a cost of networks."""

    name: str
    """`flops`, `params`, `edgegpu_latency_ms`, ..."""
    at_most: float
    value: Cost
    """NaN where it is not known; no limit admits NaN."""

    def admits(self, architecture: Architecture) -> bool:
        """Tell whether the network keeps the limit."""
        return self.value(architecture) <= self.at_most


class Domain:
    """A search space, or the part of it that is open to a search."""

    def __init__(
        self,
        space: SearchSpace,
        *,
        members: Sequence[Architecture] | None = None,
        confined: bool = False,
        limits: Sequence[Limit] = (),
    ) -> None:
        """Restrict a space.

        Args:
            members: networks that `sample` draws from; by default the whole space.
            confined: whether `mutate` and `neighbors` stay among the members too. The neighbours
                of a network are then the members at the smallest number of changed decisions at
                which there are any.
            limits: bounds that every network has to keep.

        Raises:
            UserError: no member keeps the limits.
        """
        self.space = space
        self.limits = tuple(limits)
        self.confined = confined
        self._members = None if members is None else [a for a in members if self.admits(a)]
        self._known = frozenset(self._members or ())
        self._choices: NDArray[np.int64] | None = None
        self._neighbors: dict[Architecture, list[Architecture]] = {}
        if self._members is not None and not self._members:
            raise UserError(self._nothing(f"none of the {len(members or ()):,} networks"))

    @property
    def num_members(self) -> int | None:
        """Number of networks that `sample` draws from; None: the whole space."""
        return None if self._members is None else len(self._members)

    @property
    def members(self) -> tuple[Architecture, ...] | None:
        """Networks that `sample` draws from; None: the whole space."""
        return None if self._members is None else tuple(self._members)

    def admits(self, architecture: Architecture) -> bool:
        """Tell whether a network keeps all limits."""
        return all(limit.admits(architecture) for limit in self.limits)

    def holds(self, architecture: Architecture) -> bool:
        """Tell whether the search may visit a network: by the members if confined, else limits."""
        if self.confined and self._members is not None:
            return architecture in self._known
        return self.admits(architecture)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw a network uniformly from those that keep the limits.

        Raises:
            UserError: none of many draws keeps them.
        """
        if self._members is not None:
            return self._members[int(rng.integers(len(self._members)))]
        for _ in range(_DRAWS):
            drawn = self.space.sample(rng)
            if self.admits(drawn):
                return drawn
        raise UserError(self._nothing(f"none of {_DRAWS:,} networks drawn from {self.space.name}"))

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """Draw one of `neighbors` uniformly; return the network itself where it has none."""
        if not self.limits and not self.confined:
            return self.space.mutate(architecture, rng)
        nearby = self.neighbors(architecture)
        return nearby[int(rng.integers(len(nearby)))] if nearby else architecture

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """List the neighbours that keep the limits, in a fixed order."""
        if not self.limits and not self.confined:
            return self.space.neighbors(architecture)
        if architecture not in self._neighbors:
            if self.confined:
                self._neighbors[architecture] = self._nearest_members(architecture)
            else:
                nearby = self.space.neighbors(architecture)
                self._neighbors[architecture] = [a for a in nearby if self.admits(a)]
        return self._neighbors[architecture]

    def _nearest_members(self, architecture: Architecture) -> list[Architecture]:
        """List the members at the smallest distance, in the order of a breadth-first search."""
        if isinstance(self.space, ProductSpace):
            return self._nearest_choices(architecture, self.space.decisions())
        seen = {architecture}
        ring = [architecture]
        while ring:
            # a dictionary keeps the order, so that draws do not depend on hashes
            after = dict.fromkeys(n for a in ring for n in self.space.neighbors(a))
            ring = [a for a in after if a not in seen]
            nearest = [a for a in ring if a in self._known]
            if nearest:
                return nearest
            seen.update(ring)
        return []

    def _nearest_choices(
        self, architecture: Architecture, decisions: Decisions
    ) -> list[Architecture]:
        """List what a breadth-first search would find, without visiting what lies between.

        It meets members in the order of their changes, as (decision, choice) from the first on.
        """
        members = self._members or []
        if self._choices is None:
            self._choices = np.array([decisions.chosen(one) for one in members])
        choices = self._choices
        differ = choices != np.array(decisions.chosen(architecture))
        distances = differ.sum(axis=1)
        others = distances > 0
        if not others.any():
            return []
        places = np.flatnonzero(distances == distances[others].min()).tolist()

        def changes(place: int) -> list[tuple[int, int]]:
            return [(int(i), int(choices[place][i])) for i in np.flatnonzero(differ[place])]

        # members may repeat
        return list(dict.fromkeys(members[place] for place in sorted(places, key=changes)))

    def _nothing(self, networks: str) -> str:
        bounds = ", ".join(f"{limit.name} <= {limit.at_most:g}" for limit in self.limits)
        return f"{networks} keeps the limits {bounds or '(there are none)'}; raise them"


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One search space, the estimator and the part of the space that is open to the search."""

    domain: Domain
    dataset: str
    """Data set that the networks are for."""
    estimator: Estimator | None = None
    """Meaning of the scores; None where a search requests none."""
    costs: Mapping[str, Cost] = field(default_factory=lambda: MappingProxyType({}))
    """By name, those that the searcher's settings name."""

    by: str = "scores"
    """Objective of searchers that can use either, `scores` or `accuracy`."""
    epochs: int = 0
    """Length of a training; 0 is the shortest that the benchmark has."""
    draws: int = 1
    """Draws of the weights that a network is scored with; several are compared by a test."""
    level: float = 0.05
    """Of the test."""

    def evaluate(
        self, architectures: Sequence[Architecture]
    ) -> Generator[Request, Any, list[Evaluation]]:
        """Request scores or trainings, by the objective."""
        return evaluate(architectures, by=self.by, epochs=self.epochs, draws=self.draws)

    @property
    def space(self) -> SearchSpace:
        """The search space."""
        return self.domain.space

    @property
    def decisions(self) -> Decisions:
        """The space as a product of decisions.

        Raises:
            UserError: the space is no product of decisions.
        """
        decisions = self.space.decisions()
        if decisions is None:
            known = ", ".join(name for name, space in spaces.items() if space.decisions())
            raise UserError(
                "the searcher makes every decision by itself, but the search space "
                f"{self.space.name!r} is no product of independent decisions; there are: {known}; "
                "take one of these, or a searcher that draws and mutates (random, local, rea)"
            )
        return decisions

    @property
    def supernet_layout(self) -> SupernetLayout:
        """The edges and operations that a search of the supernet chooses among.

        Raises:
            UserError: the space has no supernet, or only a part of it is open to the search.
        """
        try:
            layout = self.space.supernet_layout
        except Unsupported as missing:
            raise UserError(str(missing)) from None
        if self.domain.limits or self.domain.confined:
            raise UserError(
                "a search of the supernet ends wherever its scores lead, and here only a part of "
                f"{self.space.name!r} is open to it (limits, or stored networks); search the whole "
                "space, or take a searcher that draws and mutates (evolution)"
            )
        return layout

    def cost(self, name: str) -> Cost:
        """Return a size or a measured cost of networks; `params` is always known.

        Raises:
            UserError: the cost is not known here.
        """
        if name in self.costs:
            return self.costs[name]
        if name != "params":
            raise UserError(
                f"the cost {name!r} of networks was requested, and only "
                f"{', '.join(sorted({*self.costs, 'params'}))} is known here"
            )
        space, dataset = self.space, find_dataset(self.dataset)

        @cache
        def params(architecture: Architecture) -> float:
            return float(
                space.num_parameters(
                    architecture,
                    num_classes=dataset.num_classes,
                    channels=_SIZE.channels,
                    cells=_SIZE.cells,
                    in_channels=dataset.channels,
                )
            )

        return params

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw a network uniformly."""
        return self.domain.sample(rng)

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """Draw a neighbour uniformly."""
        return self.domain.mutate(architecture, rng)

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """List all neighbours, in a fixed order."""
        return self.domain.neighbors(architecture)

    def redraw(
        self, architecture: Architecture, rng: np.random.Generator, rate: float
    ) -> Architecture:
        """Draw each decision anew with a probability; `mutate` where that is not possible.

        It is not possible where the space is no product of decisions or the search is confined.
        A network that breaks a limit is drawn again, after many draws by `mutate`.
        """
        decisions = self.space.decisions()
        if decisions is not None and not self.domain.confined:
            for _ in range(_PROPOSALS):
                drawn = decisions.redraw(architecture, rng, rate)
                if self.domain.admits(drawn):
                    return drawn
        return self.mutate(architecture, rng)

    def admitted(self, draw: Callable[[], Architecture]) -> Architecture:
        """Return the first of some draws that is open to the search.

        A confined search that proposes only networks outside gets the member that is nearest to
        the last proposal, the first of equally near ones.

        Raises:
            UserError: none of many proposals keeps the limits.
        """
        drawn = draw()
        for _ in range(_PROPOSALS):
            if self.domain.holds(drawn):
                return drawn
            drawn = draw()
        if self.domain.confined and (nearby := self.domain.neighbors(drawn)):
            return nearby[0]
        raise UserError(
            f"none of {_PROPOSALS:,} networks that the searcher proposed keeps the limits "
            f"{', '.join(f'{limit.name} <= {limit.at_most:g}' for limit in self.domain.limits)}; "
            "raise them, or take a searcher that mutates (evolution)"
        )

    def value(self, evaluation: Evaluation) -> float:
        """Compute how good one network is by itself, as `fitness`; NaN if that is missing.

        The objective must not be an aggregate that depends on its candidates.
        """
        if isinstance(evaluation, Trained):
            return evaluation.accuracy
        assert self.estimator is not None, "scores come with an estimator"
        if self.estimator.aggregate is None:
            return evaluation.oriented[0]
        return float(self.estimator.fitness([evaluation])[0])

    def compares_candidates(self, evaluation: Evaluation) -> bool:
        """Tell whether the fitness of a network depends on the networks beside it."""
        return (
            isinstance(evaluation, Scored)
            and self.estimator is not None
            and self.estimator.is_relative
        )

    def fitness(self, evaluations: Sequence[Evaluation]) -> NDArray[np.float64]:
        """Compute how good evaluated networks are beside each other; larger is better.

        Accuracies, a single indicator's scores in their direction, or the aggregate of several
        indicators among exactly these networks.

        Args:
            evaluations: all `Trained`, or all `Scored`.

        Returns:
            One number each; NaN where a score or accuracy is missing.
        """
        trained = [one.accuracy for one in evaluations if isinstance(one, Trained)]
        if trained:
            return np.array(trained, dtype=np.float64)
        if not evaluations:
            return np.empty(0)
        assert self.estimator is not None, "scores come with an estimator"
        return self.estimator.fitness([one for one in evaluations if isinstance(one, Scored)])

    def best(self, evaluations: Sequence[Evaluation]) -> int:
        """Find the place of the best: the first of equal ones, and 0 if none has a value.

        Of networks with several draws another one is better than the best before it only if
        `is_better` says so.
        """
        if any(isinstance(one, Scored) and one.draws for one in evaluations):
            samples = [self._sample(one) for one in evaluations if isinstance(one, Scored)]
            place = 0
            for other in range(1, len(samples)):
                if is_better(samples[other], samples[place], self.level):
                    place = other
            return place
        if not any(map(self.compares_candidates, evaluations)):
            values = [self.value(one) for one in evaluations]
            # arrays would take most of the time of a search by stored answers
            known = [place for place, value in enumerate(values) if not math.isnan(value)]
            return max(known, key=values.__getitem__, default=0)
        fitness = self.fitness(evaluations)
        return 0 if np.isnan(fitness).all() else int(np.nanargmax(fitness))

    def _sample(self, scored: Scored) -> NDArray[np.float64]:
        """Compute how good each draw of a network is.

        Raises:
            UserError: the objective compares networks by ranks.
        """
        assert self.estimator is not None, "scores come with an estimator"
        if self.estimator.is_relative:
            raise UserError(
                "cannot compare draws by a rank sum: a rank is one among networks, not among "
                "draws. Name one indicator, or set draws=1."
            )
        return self.estimator.fitness(
            [
                Scored(scored.architecture, values, self.estimator.oriented(values), 0.0)
                for values in scored.draws
            ]
        )

    def tournament(
        self,
        alive: Sequence[Evaluation],
        rng: np.random.Generator,
        size: int,
        *,
        replace: bool = False,
    ) -> Architecture:
        """Draw some of the networks alive, and return the best of them.

        Args:
            size: networks drawn; without replacement at most all.
            replace: whether to draw with replacement.
        """
        if replace:
            places = rng.integers(len(alive), size=size)
        else:
            places = rng.choice(len(alive), size=min(size, len(alive)), replace=False)
        entrants = [alive[int(i)] for i in np.sort(places)]
        return entrants[self.best(entrants)].architecture


def is_better(challenger: NDArray[np.float64], best: NDArray[np.float64], level: float) -> bool:
    """Tell whether one sample is larger than another by a one-sided Mann-Whitney test.

    Missing values are left out; a network without any is worse than every other.
    """
    a, b = (sample[~np.isnan(sample)] for sample in (challenger, best))
    if not len(a) or not len(b):
        return len(a) > len(b)
    return bool(scipy.stats.mannwhitneyu(a, b, alternative="greater").pvalue < level)


class History:
    """Evaluated networks in order; of equally good ones the first is the best.

    Where scores are an aggregate that depends on its candidates, the candidates are all networks
    of the history, so that an earlier one may become the best again.
    """

    def __init__(self, problem: Problem) -> None:
        """Start empty; `problem` compares the evaluations."""
        self.evaluations: list[Evaluation] = []
        self._problem = problem
        self._best: Evaluation | None = None

    def add(self, evaluation: Evaluation) -> None:
        """Append an evaluation."""
        self.evaluations.append(evaluation)
        if self._best is None:
            self._best = evaluation
            return
        related = self._problem.compares_candidates(evaluation)
        candidates = self.evaluations if related else [self._best, evaluation]
        self._best = candidates[self._problem.best(candidates)]

    @property
    def best(self) -> Evaluation:
        """The best evaluation; the first where none has a value."""
        assert self._best is not None, "nothing has been evaluated"
        return self._best

    def latest_value(self) -> float:
        """Compute the reward of the last network; NaN if it has no value.

        An aggregate of ranks is taken among all networks so far and divided by their number, so
        that it does not grow with the history.
        """
        if self._problem.compares_candidates(self.evaluations[-1]):
            return float(self._problem.fitness(self.evaluations)[-1] / len(self.evaluations))
        return self._problem.value(self.evaluations[-1])
