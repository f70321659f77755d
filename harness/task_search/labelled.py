"""The labelled networks of a task search, and others that it is checked on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from untrained.foundation import MalformedInput, MissingData, derive
from untrained.harness.search.validation import Validation
from untrained.spaces import Benchmark, Target, spaces

_DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Labelled:
    """Networks and how good they are."""

    architectures: tuple[str, ...]
    accuracies: tuple[float, ...]
    """Larger is better: a loss has its sign turned."""


def label_column(benchmark: Benchmark, dataset: str | None, metric: str | None) -> Target:
    """The column of a benchmark that labels are read from.

    Args:
        benchmark: whose data is present.
        dataset: by default that of its default target.
        metric: by default its validation accuracy after the longest training.

    Raises:
        UserError: it has no validation accuracy, and no other metric is named.
        UnknownName: it has no such dataset or metric.
    """
    if metric is not None:
        return benchmark.target(dataset=dataset, metric=metric)
    validation = Validation(benchmark, dataset)
    return validation.target(validation.lengths[-1])


def draw_labelled(
    benchmark: Benchmark, target: Target, *, count: int, held_out: int, seed: int
) -> tuple[Labelled, Labelled]:
    """Two lots of networks without replacement, no two of which compute the same function.

    Args:
        benchmark: gives the labels.
        target: its column.
        count: networks that a task is judged by.
        held_out: further ones.
        seed: draws both; the first lot does not depend on the size of the second.

    Returns:
        Both lots.

    Raises:
        MalformedInput: more networks are asked for than have a label.
    """
    sign = 1.0 if benchmark.higher_is_better(target.metric) else -1.0
    space = spaces[benchmark.space]
    classes: set[str] = set()
    found: list[tuple[str, float]] = []
    for text, value in _labels(benchmark, target, seed):
        function = space.canonical(text).text
        if function in classes:
            continue
        classes.add(function)
        found.append((text, sign * value))
        if len(found) == count + held_out:
            break
    if len(found) < count + held_out:
        raise MalformedInput(
            f"{count} labelled networks and {held_out} held-out ones were asked for, but only "
            f"{len(found)} different ones have a {target.label} in {benchmark.name}; ask for fewer"
        )
    return _lot(found[:count]), _lot(found[count:])


def _lot(rows: list[tuple[str, float]]) -> Labelled:
    return Labelled(tuple(text for text, _ in rows), tuple(value for _, value in rows))


def _labels(benchmark: Benchmark, target: Target, seed: int) -> Iterator[tuple[str, float]]:
    """Networks in random order with their values; a surrogate predicts those that are drawn."""
    rng = np.random.default_rng(derive(seed, "labelled", benchmark.space))
    if not benchmark.enumerable:
        space = spaces[benchmark.space]
        for _ in range(_DRAWS):
            text = space.sample(rng).text
            yield text, float(benchmark.values([text], target).iloc[0])
        return
    table = benchmark.table(target).dropna(subset="value")
    if table.empty:
        raise MissingData(f"{benchmark.name} has no network with a {target.label}")
    texts, values = table["architecture"].tolist(), table["value"].tolist()
    for place in rng.permutation(len(texts)):
        yield str(texts[place]), float(values[place])
