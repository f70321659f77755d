"""The ground truth that scores of a run are ranked against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from untrained.foundation import MissingData
from untrained.harness.data.datasets import datasets as known
from untrained.harness.data.datasets import own_spelling
from untrained.harness.study.study import Study, Truth
from untrained.spaces import Benchmark, Target, benchmarks, find_benchmark, spaces

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class ChosenTruth:
    """One column of one benchmark."""

    benchmark: Benchmark
    target: Target
    instead_of: str = ""
    """Benchmark that was asked for, if its data was not at hand and this is its fallback."""

    @property
    def higher_is_better(self) -> bool:
        """Direction of the target."""
        return self.benchmark.higher_is_better(self.target.metric)

    def values(self, architectures: Iterable[str]) -> pd.Series[float]:
        """The values of some architectures, NaN where there is none; index: their texts."""
        return self.benchmark.values(architectures, self.target)

    def oriented(self, values: pd.Series[float]) -> pd.Series[float]:
        """Values of it with a sign that makes larger better."""
        return values if self.higher_is_better else -values

    def notes(self, values: pd.Series[float]) -> tuple[str, ...]:
        """What must be said about these values of it."""
        lines = [*self._seed_notes(values)]
        if self.instead_of:
            lines.append(self.fallback_note())
        unknown = int(values.isna().sum())
        if unknown:
            lines.append(f"{unknown:,} architectures have no ground truth and are not ranked")
        if not self.higher_is_better:
            lines.append(
                "lower values of the target are better; correlations are with its negative"
            )
        return tuple(lines)

    def fallback_note(self) -> str:
        """Return the sentence that a fallback needs."""
        return (
            f"the data of {self.instead_of} was not at hand (untrained data list says how to get "
            f"it); in its place the target is {self.target.metric} of {self.benchmark.name}"
        )

    def _seed_notes(self, values: pd.Series[float]) -> tuple[str, ...]:
        seeds = self.benchmark.averaged_seeds(self.target)
        if not seeds:
            return ()
        trained = values * 0  # NaN where there is no value at all
        for seed in seeds:
            one = self.benchmark.values(values.index, replace(self.target, seed=seed))
            trained += one.notna()
        fewer = int((trained < len(seeds)).sum())
        line = (
            f"the target is the mean of the training seeds {', '.join(map(str, seeds))}, computed "
            "here: the benchmark has no mean of its own"
        )
        if fewer:
            line += f"; {fewer:,} networks were trained with fewer of them, and have more noise"
        return (line,)

    def dataset_notes(self, datasets: Iterable[str]) -> tuple[str, ...]:
        """What must be said where scores are about other data sets, or about unknown ones."""
        mine = self.target.dataset
        measured = {own_spelling(name, [mine]) for name in datasets}
        shown = ", ".join(sorted(measured))
        if measured and self.benchmark.name not in benchmarks:  # a file of the user's
            return (
                f"scores were measured for {shown}; which data set the values of {mine} are of is "
                "not known",
            )
        if measured <= {mine}:
            return ()
        return (f"scores were measured for {shown}, but the target is on {mine}",)

    @property
    def source(self) -> str:
        """Title, kind and file, for a table."""
        provenance = self.benchmark.provenance
        return f"{provenance.title} ({provenance.kind}; {provenance.file})"


NONE = "none"
"""In place of a benchmark's name: no accuracies are wanted."""


@dataclass(frozen=True, slots=True)
class NoTruth:
    """Absence of accuracies, and its reason."""

    reason: str
    """And how to get them: for a report, without any place of this machine."""
    error: MissingData | None = None
    """Error of a search for data; None: no accuracies were requested."""


def find_truth(space: str, truth: Truth, *, datasets: Iterable[str] = ()) -> ChosenTruth | NoTruth:
    """The truth that `choose_truth` finds, or why there is none where a run can do without.

    Raises:
        UnknownName: no such benchmark, dataset or metric.
        UserError: the benchmark has no such column.
        MissingData: the benchmark's file is not there, and that is to be an error.
    """
    if truth.benchmark == NONE:
        names = [one.name for one in benchmarks.values() if one.space == spaces[space].name]
        return NoTruth(
            f"none were asked for; there are those of {', '.join(names)} (untrained data list)"
            if names
            else f"there is no benchmark of {space}"
        )
    try:
        return choose_truth(space, truth, datasets=datasets)
    except MissingData as error:
        if truth.absent == "fallback" and (found := _fallback(space, truth)) is not None:
            return found
        if truth.absent != "agreement":
            raise
        wanted = truth.benchmark or f"a benchmark of {space}"
        return NoTruth(
            f"the data of {wanted} was not at hand (untrained data list says how to get it; the "
            "same command then ranks against it)",
            error,
        )


def _fallback(space: str, truth: Truth) -> ChosenTruth | None:
    """The same data set's accuracies of a fallback of the space whose data is there."""
    for benchmark in benchmarks.values():
        if benchmark.space == spaces[space].name and benchmark.fallback and not benchmark.missing():
            there = {target.dataset for target in benchmark.targets()}
            dataset = own_spelling(truth.dataset or "", there)
            if dataset in there:
                return ChosenTruth(
                    benchmark,
                    benchmark.target(dataset=dataset),
                    instead_of=truth.benchmark or "",
                )
    return None


def choose_truth(space: str, truth: Truth, *, datasets: Iterable[str] = ()) -> ChosenTruth:
    """The truth that is asked for, completed by defaults.

    Args:
        truth: what is asked for; what it leaves open is the dataset the scores are about, if the
            benchmark has it, and then what the benchmark itself takes: test accuracy, longest
            training, mean over training seeds.
        datasets: those that the scores are about; for a stand-in that has no truth of its own, the
            one that it stands for counts.

    Raises:
        UnknownName: no such benchmark, dataset or metric.
        UserError: the benchmark has no such column.
        MissingData: the benchmark's file is not there.
    """
    benchmark = find_benchmark(space, truth.benchmark)
    dataset = truth.dataset
    there = {target.dataset for target in benchmark.targets()}
    if dataset is not None:
        dataset = own_spelling(dataset, there)
    else:
        own = {name: own_spelling(name, there) for name in datasets}
        candidates = {own[name] if own[name] in there else _meant(name) for name in own} & there
        dataset = min(candidates) if len(candidates) == 1 else None
    target = benchmark.target(
        dataset=dataset, metric=truth.metric, epochs=truth.epochs, seed=truth.seed
    )
    return ChosenTruth(benchmark, target)


def _meant(dataset: str) -> str:
    """The dataset that one stands for, else itself."""
    return known[dataset].meant if dataset in known else dataset


def truths_of_study(study: Study) -> dict[str, ChosenTruth | NoTruth]:
    """The truth of each search space of a study, or why there is none.

    Raises:
        MissingData: a benchmark's file is not there, and the study cannot do without.
    """
    dataset = study.find_dataset().name
    return {space: find_truth(space, study.truth, datasets={dataset}) for space in study.spaces}
