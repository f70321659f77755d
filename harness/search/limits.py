"""Upper bounds on what a network costs, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from untrained.foundation import UnknownName
from untrained.harness.datasets import find_dataset
from untrained.harness.search.domain import Limit
from untrained.harness.search.estimator import find_estimator
from untrained.harness.search.search_study import SearchStudy
from untrained.harness.search.stored_scores import read_scores
from untrained.indicators import Protocol, indicators
from untrained.results import ScoreStore
from untrained.spaces import Architecture, Benchmark, spaces
from untrained.spaces.target import is_cost

_SIZES = ("params", "flops")


def find_limit(name: str, at_most: float, study: SearchStudy, benchmark: Benchmark | None) -> Limit:
    """A bound on a size or a measured cost.

    `flops` and `params` are looked up in the study's scores; without these, parameters are counted
    on the network of the reference protocol. Every other name is a cost of the benchmark on the
    study's dataset.

    Args:
        name: of the size or cost.
        at_most: in its own unit.
        study: with the scores and the dataset.
        benchmark: of the study.

    Raises:
        UnknownName: nothing of that name is known of these networks.
    """
    if name in _stored(study):
        assert study.scores is not None
        stored = read_scores(
            Path(study.scores), study.space, find_estimator([name]), protocols=study.protocols
        )
        values = {text: value for text, (value,) in stored.values.items()}
        return Limit(name, at_most, lambda arch: values.get(arch.text, float("nan")))
    if name == "params":
        return Limit(name, at_most, _parameters(study, benchmark))
    costs = _costs(study, benchmark)
    if benchmark is None or name not in costs:
        raise UnknownName(
            "limit", name, {*_stored(study), "params", *costs}, "flops need stored scores of flops"
        )
    table = benchmark.table(dataset=_dataset(study, benchmark), metric=name)
    known = dict(zip(table["architecture"], table["value"], strict=True))
    return Limit(name, at_most, lambda arch: float(known.get(arch.text, float("nan"))))


def _stored(study: SearchStudy) -> list[str]:
    if study.scores is None:
        return []
    with ScoreStore.read(Path(study.scores)) as store:
        held = set(store.frame(space=study.space)["indicator"])
    return [name for name in _SIZES if name in held]


def _parameters(study: SearchStudy, benchmark: Benchmark | None) -> Callable[[Architecture], float]:
    space = spaces[study.space]
    protocol: Protocol = indicators["params"].protocol
    dataset = find_dataset(_dataset(study, benchmark) or protocol.dataset)
    counted: dict[Architecture, float] = {}

    def parameters(architecture: Architecture) -> float:
        if architecture not in counted:
            counted[architecture] = float(
                space.num_parameters(
                    architecture,
                    num_classes=dataset.num_classes,
                    channels=study.measuring.channels or protocol.channels,
                    cells=study.measuring.cells or protocol.cells,
                )
            )
        return counted[architecture]

    return parameters


def _dataset(study: SearchStudy, benchmark: Benchmark | None) -> str | None:
    return study.dataset or (benchmark.default_target.dataset if benchmark else None)


def _costs(study: SearchStudy, benchmark: Benchmark | None) -> set[str]:
    if benchmark is None or not benchmark.enumerable:
        return set()
    dataset = _dataset(study, benchmark)
    return {t.metric for t in benchmark.targets() if t.dataset == dataset and is_cost(t.metric)}
