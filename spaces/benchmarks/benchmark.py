"""Ground truth: targets, their provenance, training costs, and the base class of benchmarks."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

from untrained.foundation import MissingData, UnknownName, UserError
from untrained.spaces.framework.search_space import Architecture

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class TrainingCost:
    """Seconds of a training and of the evaluation after it."""

    text: str
    """Where the seconds come from, for a report."""
    seconds: Callable[[Architecture, int], float]
    """Of one training, by architecture and number of epochs; the benchmark has these epochs."""
    is_known: bool = True
    """Whether a budget in seconds means anything."""


UNKNOWN_COST = TrainingCost(
    "not known for this benchmark: trainings are counted, their seconds are not",
    lambda architecture, epochs: 0.0,
    is_known=False,
)


def recorded_cost(benchmark: Benchmark, dataset: str) -> TrainingCost:
    """Read measured times: training, and one pass over the validation set.

    Args:
        benchmark: has the metrics `train_time_s` and perhaps `valid_time_s`, each over all epochs;
            a time that is missing counts 0.
    """
    has_evaluations = any(
        t.dataset == dataset and t.metric == "valid_time_s" for t in benchmark.targets()
    )
    tables: dict[tuple[str, int], dict[str, float]] = {}

    def recorded(metric: str, architecture: Architecture, epochs: int) -> float:
        if (metric, epochs) not in tables:
            table = benchmark.table(dataset=dataset, metric=metric, epochs=epochs)
            values = zip(table["architecture"], table["value"], strict=True)
            tables[metric, epochs] = dict(values)
        found = float(tables[metric, epochs].get(architecture.text, 0.0))
        return 0.0 if math.isnan(found) else found

    def seconds(architecture: Architecture, epochs: int) -> float:
        total = recorded("train_time_s", architecture, epochs)
        if has_evaluations:
            total += recorded("valid_time_s", architecture, epochs) / max(epochs, 1)
        return total

    return TrainingCost("recorded by the benchmark: training and one evaluation", seconds)


MEAN = -1
"""Seed of a value that is the mean over the training seeds."""
OWN_SCHEDULE = 0
"""Epochs of a value that has one training length only, the benchmark's own, or none at all."""

_COSTS = frozenset(("latency", "time", "seconds", "energy", "memory", "size", "flops", "macs"))
_COSTS |= {"params", "parameters"}
_LOWER_IS_BETTER = frozenset(("loss", "perplexity", "ppl", "error", "uncertainty"))
_UNITS = frozenset(
    ("s", "ms", "us", "h", "j", "mj", "kb", "mb", "gb", "bytes", "thousands", "millions", "k", "m")
)


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One column of ground truth."""

    dataset: str
    metric: str
    epochs: int = OWN_SCHEDULE
    """Length of the training; 0: the benchmark's own, or nothing was trained."""
    seed: int = MEAN
    """Training seed; -1: the mean over all that were trained."""

    @property
    def label(self) -> str:
        """For tables: `cifar10 test accuracy, 200 epochs, mean over training seeds`.

        >>> Target("jigsaw", "best_valid_accuracy").label
        'jigsaw validation accuracy of the best epoch'
        """
        words = self.metric.split("_")
        if words[0] == "best":
            words = ["validation" if word == "valid" else word for word in words[1:]]
            words.append("of the best epoch")
        parts = [f"{self.dataset} {' '.join(words)}"]
        if self.epochs != OWN_SCHEDULE:
            parts.append(f"{self.epochs} epochs")
        if self.seed != MEAN:
            parts.append(f"training seed {self.seed}")
        elif self.epochs != OWN_SCHEDULE and not self.metric.startswith("surrogate"):
            parts.append("mean over training seeds")
        return ", ".join(parts)


class TargetParts(TypedDict, total=False):
    """What a look-up takes by keyword in place of a target; see `Benchmark.target`."""

    dataset: str | None
    metric: str | None
    epochs: int | None
    seed: int | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a benchmark's values come from; printed with every number that uses them."""

    title: str
    kind: str
    """`tabular` (measured) or `surrogate` (predicted)."""
    file: str
    """Name of the file, without its folder."""
    sha256: str
    """Of the file, in hexadecimal."""
    note: str = ""

    def describe(self) -> str:
        """One line: title, kind, file, first digits of the hash."""
        return f"{self.title} ({self.kind}; {self.file}, SHA-256 {self.sha256[:12]})"

    @classmethod
    def of_file(cls, path: Path, title: str, kind: str, note: str = "") -> Provenance:
        """That of a file, whose hash is taken."""
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return cls(title, kind, path.name, digest, note)


def _quantity(metric: str) -> str:
    """The last word of a metric's name that is not a unit, or a cost at its beginning."""
    words = metric.lower().split("_")
    if words[0] in _COSTS:  # latency_ms_raspi4
        return words[0]
    while len(words) > 1 and words[-1] in _UNITS:
        words.pop()
    return words[-1]


def is_cost(metric: str) -> bool:
    """Whether a metric measures what a network costs rather than how good it is, by its name.

    >>> [is_cost(m) for m in ("params_millions", "pixel3_latency_ms", "val_loss")]
    [True, True, False]
    >>> [is_cost(m) for m in ("energy_mj_pi5_onnx", "train_seconds", "pgd_eps1.0_accuracy")]
    [True, True, False]
    """
    return _quantity(metric) in _COSTS


def higher_is_better(metric: str) -> bool:
    """Direction of a metric by its name: losses, costs and errors are better low.

    Units at the end do not count, and the word `negative` turns the direction round.

    >>> [higher_is_better(m) for m in ("test_accuracy", "val_loss", "negative_loss")]
    [True, False, True]
    >>> [higher_is_better(m) for m in ("edgegpu_latency_ms", "params_millions")]
    [False, False]
    """
    low = is_cost(metric) or _quantity(metric) in _LOWER_IS_BETTER
    return not low or "negative" in metric.lower().split("_")


class Benchmark(ABC):
    """Values of architectures under named targets.

    Every look-up takes either a `Target`, or `dataset`, `metric`, `epochs` and `seed` by keyword,
    or nothing, which means `default_target`. What is left out is completed: the dataset and metric
    of the default target (where the dataset lacks that metric, the metric that would be the default
    there), the longest training there is, the mean over the training seeds.
    """

    name: str
    """Registered name."""
    space: str
    """Registered name of the search space."""
    kind: Literal["tabular", "surrogate"]
    fallback: bool = False
    """Only chosen by itself if no other benchmark of the space has its data."""
    named_only: bool = False
    """Never chosen by itself."""
    enumerable: bool = True
    """Whether it has a table; else it answers for single architectures (`query`, `values`)."""

    @property
    @abstractmethod
    def provenance(self) -> Provenance:
        """Source, file and hash of the values.

        Raises:
            MissingData: the file is not there.
        """

    @abstractmethod
    def missing(self) -> str | None:
        """What is missing, where it was looked for and what to do; None if the data is there."""

    def check_present(self) -> None:
        """Refuse to go on without the data.

        Raises:
            MissingData: it is not there; the message says what to do.
        """
        reason = self.missing()
        if reason is not None:
            raise MissingData(reason)

    @abstractmethod
    def targets(self) -> tuple[Target, ...]:
        """All targets, sorted.

        Raises:
            MissingData: the data is not there.
            MalformedInput: the data cannot be read.
        """

    @abstractmethod
    def _values(self, target: Target) -> pd.Series[float]:
        """The values of an existing target by architecture text, in the source's order."""

    @property
    def default_target(self) -> Target:
        """What is meant if nothing is said: the mean of the longest training's test accuracy.

        Without a test accuracy, a metric that is better high, else a loss; a cost only if there is
        nothing else. Among equals the first dataset and metric in the alphabet.
        """
        return min(self.targets(), key=self._preference)

    def _preference(self, target: Target) -> tuple[bool, bool, bool, bool, str, str, int]:
        """Sort key of targets of which one is meant; the smallest is taken."""
        return (
            target.metric != "test_accuracy",
            is_cost(target.metric),
            not self.higher_is_better(target.metric),
            target.seed != MEAN,
            target.dataset,
            target.metric,
            -target.epochs,
        )

    def target(
        self,
        target: Target | None = None,
        *,
        dataset: str | None = None,
        metric: str | None = None,
        epochs: int | None = None,
        seed: int | None = None,
    ) -> Target:
        """The existing target that is meant.

        Args:
            target: a complete one, to be checked; the keywords are then left out.
            metric: its metric; validation and test accuracy are different metrics.
            epochs: length of the training; None: the longest there is for that seed.
            seed: training seed, -1 for the mean; None: the mean, else the only one there is. A
                mean that the source lacks is computed from its seeds (`averaged_seeds`).

        Raises:
            UnknownName: no such dataset or metric; the message lists those there are.
            UserError: that dataset and metric have no such epochs or seed, or both a target and
                keywords were given.
        """
        if target is not None:
            if any(part is not None for part in (dataset, metric, epochs, seed)):
                raise UserError(
                    f"{target!r} and keywords were both given to the benchmark {self.name!r}; "
                    "give one of them"
                )
            dataset, metric, epochs, seed = astuple(target)
        return self._complete(dataset, metric, epochs, seed)

    def _complete(
        self, dataset: str | None, metric: str | None, epochs: int | None, seed: int | None
    ) -> Target:
        left = list(self.targets())
        default = self.default_target
        hint = f"benchmark {self.name!r}"
        dataset = default.dataset if dataset is None else dataset
        known = {t.dataset for t in left}
        if dataset not in known:
            raise UnknownName("dataset", dataset, known, hint)
        left = [t for t in left if t.dataset == dataset]
        known = {t.metric for t in left}
        if metric is None:
            in_common = default.metric in known
            metric = default.metric if in_common else min(left, key=self._preference).metric
        if metric not in known:
            raise UnknownName("metric", metric, known, f"{hint}, dataset {dataset!r}")
        left = [t for t in left if t.metric == metric]
        asked = f"{dataset} {metric} of the benchmark {self.name!r}"
        lengths = sorted({t.epochs for t in left})
        if epochs is None:
            wanted = MEAN if seed is None else seed
            epochs = max((_has(left, wanted, length), length) for length in lengths)[1]
        elif epochs not in lengths:
            raise UserError(
                f"{asked} was asked for after {epochs} epochs, which it does not have; "
                f"there are: {', '.join(map(str, lengths))} "
                "(0: the benchmark's own schedule; leave epochs out for the longest)"
            )
        seeds = sorted(t.seed for t in left if t.epochs == epochs)
        if seed is None:
            seed = MEAN if _has(left, MEAN, epochs) else seeds[0]
        elif not _has(left, seed, epochs):
            raise UserError(
                f"{asked} at {epochs} epochs was asked for with training seed {seed}, "
                f"which it does not have; there are: {', '.join(map(str, seeds))} "
                "(-1: the mean over the seeds; leave seed out for it)"
            )
        return Target(dataset, metric, epochs, seed)

    def averaged_seeds(self, target: Target) -> tuple[int, ...]:
        """The training seeds whose mean a target is, where the source has no such mean itself.

        Returns:
            The seeds in ascending order; empty where the source has the target's column.
        """
        if target.seed != MEAN or target in self.targets():
            return ()
        return tuple(
            one.seed
            for one in self.targets()
            if (one.dataset, one.metric, one.epochs)
            == (target.dataset, target.metric, target.epochs)
        )

    def _column(self, target: Target) -> pd.Series[float]:
        """The values of a target; a mean is over those seeds that an architecture has."""
        import pandas as pd

        seeds = self.averaged_seeds(target)
        if not seeds:
            return self._values(target)
        columns = [self._values(replace(target, seed=seed)) for seed in seeds]
        return pd.concat(columns, axis=1).mean(axis=1)

    def query(
        self,
        arch: str | Architecture,
        target: Target | None = None,
        **parts: Unpack[TargetParts],
    ) -> float:
        """The value of one architecture; accuracies in percent.

        Returns:
            The value, or NaN if the benchmark has none for this architecture (a training seed that
            was not run, an architecture outside a partial table).

        Raises:
            MalformedInput: not an architecture of the benchmark's space.
            UserError: see `target`.
        """
        from untrained.spaces.framework.registry import spaces

        found = self.target(target, **parts)
        return self._value(spaces[self.space].parse(arch).text, found)

    def _value(self, text: str, target: Target) -> float:
        """The value of an architecture in normal notation; NaN if there is none."""
        return float(self._column(target).get(text, float("nan")))

    def values(self, architectures: Iterable[str], target: Target) -> pd.Series[float]:
        """The values of some architectures; NaN where the benchmark has none.

        Without a table each is looked up.

        Args:
            architectures: their texts, in normal notation.
        """
        import pandas as pd

        texts = list(architectures)
        if self.enumerable:
            return self._column(target).reindex(texts)
        return pd.Series([self.query(t, target) for t in texts], index=texts, dtype="float64")

    def table(
        self,
        target: Target | None = None,
        **parts: Unpack[TargetParts],
    ) -> pd.DataFrame:
        """Columns `architecture` (text) and `value` (float64), one row an architecture it knows.

        Raises:
            UserError: the benchmark is not enumerable; or see `target`.
        """
        found = self.target(target, **parts)
        return self._column(found).rename_axis("architecture").rename("value").reset_index()

    def best(
        self,
        target: Target | None = None,
        n: int = 1,
        **parts: Unpack[TargetParts],
    ) -> pd.DataFrame:
        """The n best rows of `table`, best first; equal values in order of their text."""
        found = self.target(target, **parts)
        ascending = not self.higher_is_better(found.metric)
        return (
            self.table(found)
            .sort_values(["value", "architecture"], ascending=[ascending, True])
            .head(n)
            .reset_index(drop=True)
        )

    def clean_target(self, target: Target) -> Target | None:
        """Return the accuracy without an attack where a target is the one under it; else None."""
        del target
        return None

    def training_cost(self, dataset: str) -> TrainingCost:
        """Find what a simulated training on a data set costs.

        Returns:
            Recorded times where the table has the metric `train_time_s`, else the model of the
            space (`SearchSpace.training_cost`), else `UNKNOWN_COST`.
        """
        from untrained.spaces.framework.registry import spaces

        metrics = {t.metric for t in self.targets() if t.dataset == dataset}
        if "train_time_s" in metrics and self.enumerable:
            return recorded_cost(self, dataset)
        return spaces[self.space].training_cost(self, dataset) or UNKNOWN_COST

    def higher_is_better(self, metric: str) -> bool:
        """Direction of a metric, by its name."""
        return higher_is_better(metric)


def _has(targets: list[Target], seed: int, epochs: int) -> bool:
    """Whether there are values of a seed after some epochs; those of a mean may be computed."""
    seeds = {target.seed for target in targets if target.epochs == epochs}
    return seed in seeds or (seed == MEAN and len(seeds) > 1)
