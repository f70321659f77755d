"""What a network costs, by name, and upper bounds on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

from untrained.foundation import UnknownName
from untrained.harness.conditions import Conditions, resolve
from untrained.harness.datasets import find_dataset
from untrained.harness.inputs import batches
from untrained.harness.scoring import build_network
from untrained.harness.search.domain import Cost, Limit
from untrained.harness.search.estimator import find_estimator
from untrained.harness.search.search_study import Measuring, SearchStudy
from untrained.harness.search.stored_scores import read_scores
from untrained.indicators import Measurement, Protocol, indicators, read
from untrained.results import ScoreStore
from untrained.spaces import Architecture, Benchmark, spaces
from untrained.spaces.target import is_cost

_SIZES = ("params", "flops")


def find_limit(name: str, at_most: float, study: SearchStudy, benchmark: Benchmark | None) -> Limit:
    """A bound on a size or a measured cost; see `find_cost`.

    Args:
        name: of the size or cost.
        at_most: in its own unit.
        study: with the scores and the dataset.
        benchmark: of the study.

    Raises:
        UnknownName: nothing of that name is known of these networks.
    """
    return Limit(name, at_most, find_cost(name, study, benchmark))


def find_cost(name: str, study: SearchStudy, benchmark: Benchmark | None) -> Cost:
    """A size or a measured cost of networks.

    `params` and `flops` are looked up in the study's scores; where these do not have them, they
    are counted on the network of their reference protocol, or of the study's size. Every other
    name is a cost of the benchmark on the study's dataset.

    Args:
        name: of the size or cost.
        study: with the scores and the dataset.
        benchmark: of the study.

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
        )
    )


def _flops(space: str, architecture: Architecture, protocol: Protocol) -> float:
    network = build_network(space, architecture.text, protocol, seed=0, device="cpu")
    with Measurement(network, batches(protocol)) as measurement:
        return read(measurement, ["flops"])["flops"].value


def _protocol(name: str, dataset: str, how: Measuring) -> Protocol:
    conditions = Conditions(
        inputs="gaussian",
        dataset=find_dataset(dataset).name,
        channels=how.channels,
        cells=how.cells,
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
