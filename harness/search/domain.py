"""The part of a space that a search may visit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from untrained.foundation import UnknownName, UserError
from untrained.harness.data.datasets import find_dataset
from untrained.harness.data.inputs import batches
from untrained.harness.execution.scoring import build_network
from untrained.harness.search.evaluators.stored_scores import read_scores
from untrained.harness.search.experiment.study import SearchStudy
from untrained.harness.search.supernet.estimator import find_estimator
from untrained.harness.study.conditions import resolve
from untrained.harness.study.study import Conditions
from untrained.indicators import Measurement, Protocol, indicators, read
from untrained.results import ScoreStore
from untrained.spaces import Architecture, Benchmark, SearchSpace, spaces
from untrained.spaces.benchmarks.benchmark import is_cost

_DRAWS = 100_000

Cost = Callable[[Architecture], float]
"""A size or a measured cost of a network; NaN where it is not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """An upper bound on what a network costs."""

    name: str
    """`flops`, `params`, `edgegpu_latency_ms`, ..."""
    at_most: float
    value: Cost
    """NaN where it is not known, which no limit admits."""

    def admits(self, architecture: Architecture) -> bool:
        """Whether the network keeps the limit."""
        return self.value(architecture) <= self.at_most


class Domain:
    """A search space, or the part of it that a search is confined to."""

    def __init__(
        self,
        space: SearchSpace,
        *,
        members: Sequence[Architecture] | None = None,
        confined: bool = False,
        limits: Sequence[Limit] = (),
    ) -> None:
        """Say what may be drawn.

        Args:
            members: what `sample` draws from, instead of the whole space.
            confined: whether `mutate` and `neighbors` stay among the members too: what lies next
                to a network are then the members at the smallest number of changed decisions at
                which there are any.
            limits: what every network has to keep.

        Raises:
            UserError: no member keeps the limits.
        """
        self.space = space
        self.limits = tuple(limits)
        self.confined = confined
        self._members = None if members is None else [a for a in members if self.admits(a)]
        self._known = frozenset(self._members or ())
        self._next: dict[Architecture, list[Architecture]] = {}
        if self._members is not None and not self._members:
            raise UserError(self._nothing(f"none of the {len(members or ()):,} networks"))

    @property
    def num_members(self) -> int | None:
        """How many networks `sample` draws from; None: the whole space."""
        return None if self._members is None else len(self._members)

    @property
    def members(self) -> tuple[Architecture, ...] | None:
        """What `sample` draws from; None: the whole space."""
        return None if self._members is None else tuple(self._members)

    def admits(self, architecture: Architecture) -> bool:
        """Whether a network keeps all limits."""
        return all(limit.admits(architecture) for limit in self.limits)

    def holds(self, architecture: Architecture) -> bool:
        """Whether the search may be at a network: it keeps the limits, or is a member of a part."""
        if self.confined and self._members is not None:
            return architecture in self._known
        return self.admits(architecture)

    def sample(self, rng: np.random.Generator) -> Architecture:
        """One network, drawn uniformly from those that keep the limits.

        Raises:
            UserError: none of many draws does.
        """
        if self._members is not None:
            return self._members[int(rng.integers(len(self._members)))]
        for _ in range(_DRAWS):
            drawn = self.space.sample(rng)
            if self.admits(drawn):
                return drawn
        raise UserError(self._nothing(f"none of {_DRAWS:,} networks drawn from {self.space.name}"))

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """One of `neighbors`, drawn uniformly; the network itself where it has none."""
        if not self.limits and not self.confined:
            return self.space.mutate(architecture, rng)
        nearby = self.neighbors(architecture)
        return nearby[int(rng.integers(len(nearby)))] if nearby else architecture

    def neighbors(self, architecture: Architecture) -> list[Architecture]:
        """The networks next to one that keep the limits, in a fixed order."""
        if not self.limits and not self.confined:
            return self.space.neighbors(architecture)
        if architecture not in self._next:
            if self.confined:
                self._next[architecture] = self._nearest_members(architecture)
            else:
                found = self.space.neighbors(architecture)
                self._next[architecture] = [a for a in found if self.admits(a)]
        return self._next[architecture]

    def _nearest_members(self, architecture: Architecture) -> list[Architecture]:
        """The members at the smallest distance, one ring of neighbours after the other."""
        seen = {architecture}
        ring = [architecture]
        while ring:
            # a dictionary keeps the order, so that draws do not depend on hashes
            after = dict.fromkeys(n for a in ring for n in self.space.neighbors(a))
            ring = [a for a in after if a not in seen]
            found = [a for a in ring if a in self._known]
            if found:
                return found
            seen.update(ring)
        return []

    def _nothing(self, what: str) -> str:
        asked = ", ".join(f"{limit.name} <= {limit.at_most:g}" for limit in self.limits)
        return f"{what} keeps the limits {asked or '(there are none)'}; raise them"


_SIZES = ("params", "flops")


def find_limit(name: str, at_most: float, study: SearchStudy, benchmark: Benchmark | None) -> Limit:
    """A bound on a size or a measured cost; see `find_cost`.

    Raises:
        UnknownName: nothing of that name is known of these networks.
    """
    return Limit(name, at_most, find_cost(name, study, benchmark))


def find_cost(name: str, study: SearchStudy, benchmark: Benchmark | None) -> Cost:
    """A size or a measured cost of networks.

    `params` and `flops` are looked up in the study's scores; where these do not have them, they
    are counted on the network of their reference protocol, or of the study's size. Every other
    name is a cost of the benchmark on the study's dataset.

    Returns:
        A function of an architecture; NaN where nothing is known.

    Raises:
        UnknownName: nothing of that name is known of these networks.
    """
    if name in _SIZES:
        dataset = _dataset(study, benchmark) or indicators[name].protocol.dataset
        protocol = _protocol(name, dataset, study.measuring)
        counted = _parameters if name == "params" else _flops
        return _Counted(_stored(name, study), lambda arch: counted(study.space, arch, protocol))
    costs = _costs(study, benchmark)
    if benchmark is None or name not in costs:
        raise UnknownName("cost of a network", name, {*_SIZES, *costs})
    table = benchmark.table(dataset=_dataset(study, benchmark), metric=name)
    known = dict(zip(table["architecture"], table["value"], strict=True))
    return lambda arch: float(known.get(arch.text, math.nan))


class _Counted:
    """Looked up where it is stored, else counted, once a network."""

    def __init__(self, stored: Mapping[str, float], count: Callable[[Architecture], float]) -> None:
        self._known = dict(stored)
        self._count = count

    def __call__(self, architecture: Architecture) -> float:
        """The size; NaN where it cannot be counted."""
        if architecture.text not in self._known:
            self._known[architecture.text] = self._count(architecture)
        return self._known[architecture.text]


def _parameters(space: str, architecture: Architecture, protocol: Protocol) -> float:
    return float(
        spaces[space].num_parameters(
            architecture,
            num_classes=protocol.num_classes,
            channels=protocol.channels,
            cells=protocol.cells,
            in_channels=protocol.in_channels,
        )
    )


def _flops(space: str, architecture: Architecture, protocol: Protocol) -> float:
    network = build_network(space, architecture.text, protocol, seed=0, device="cpu")
    with Measurement(network, batches(protocol)) as measurement:
        return read(measurement, ["flops"])["flops"].value


def _protocol(name: str, dataset: str, how: Conditions) -> Protocol:
    conditions = Conditions(
        inputs="gaussian",
        dataset=find_dataset(dataset).name,
        channels=how.channels,
        cells=how.cells,
        resolution=how.resolution if how.synthetic else None,  # images keep their own
    )
    return resolve(indicators[name].protocol, conditions)


def _stored(name: str, study: SearchStudy) -> dict[str, float]:
    if study.scores is None:
        return {}
    with ScoreStore.read(Path(study.scores)) as store:
        held = set(store.frame(space=study.space)["indicator"])
    if name not in held:
        return {}
    scores = read_scores(
        Path(study.scores), study.space, find_estimator([name]), protocols=study.protocols
    )
    return {text: value for text, (value,) in scores.values.items() if not math.isnan(value)}


def _dataset(study: SearchStudy, benchmark: Benchmark | None) -> str | None:
    return study.dataset or (benchmark.default_target.dataset if benchmark else None)


def _costs(study: SearchStudy, benchmark: Benchmark | None) -> set[str]:
    if benchmark is None or not benchmark.enumerable:
        return set()
    dataset = _dataset(study, benchmark)
    return {t.metric for t in benchmark.targets() if t.dataset == dataset and is_cost(t.metric)}
