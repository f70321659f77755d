"""What a study is: a TOML file checked against this model. Every default of a run is here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from untrained.foundation import MalformedInput

if TYPE_CHECKING:
    from untrained.harness.data.datasets import Dataset
    from untrained.results import Resampling

# lists of TOML become tuples, which strict mode would refuse; their items stay strict
Names = Annotated[tuple[Annotated[str, Field(strict=True)], ...], Field(strict=False, min_length=1)]
NamesIfAny = Annotated[tuple[Annotated[str, Field(strict=True)], ...], Field(strict=False)]
NamesOrAll = Annotated[
    Names,
    BeforeValidator(
        lambda value: ["all"] if value == "all" else value,
        json_schema_input_type=Literal["all"] | list[str],
    ),
]
LabelsOfImages = Literal["true", "random"]
Seeds = Annotated[tuple[Annotated[int, Field(strict=True)], ...], Field(strict=False, min_length=1)]


class StudyTable(BaseModel):
    """A table of a study file: unknown keys, converted types and infinite numbers are errors."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class StudyFile(StudyTable):
    """All tables of a study file."""

    title: str | None = None
    """Title of the study (default: its name)."""

    def anchored(self, folder: Path) -> Self:
        """Make the paths that belong to the file relative to its folder."""
        del folder
        return self


class Population(StudyTable):
    """Architectures of a space that are scored and ranked."""

    kind: Literal["sample", "all", "list", "known", "classes"] = "sample"
    """`known`: the architectures that the benchmark of the truth has a value of; `classes`: one
    architecture of each functional class, drawn at random."""
    n: PositiveInt | None = None
    """Size of the sample (default of `known` and `classes`: all)."""
    seed: int | None = None
    """Seed of the sample and of the members of classes (default: the study's)."""
    file: str | None = None
    """File of a `list`: architectures one a line, in a table, Python module, JSON document or log;
    relative to the study file."""
    notation: str | None = None
    """Notation of a `list`, such as `naslib` (default: the space's own)."""

    @model_validator(mode="after")
    def _complete(self) -> Population:
        if self.kind == "sample" and self.n is None:
            raise ValueError('kind "sample" needs n, the number of architectures')
        if self.kind == "list" and self.file is None:
            raise ValueError('kind "list" needs file, with one architecture a line')
        if self.kind not in ("sample", "known", "classes") and self.n is not None:
            kinds = '"sample", "known" or "classes"'
            raise ValueError(f"n belongs to kind {kinds}, not to {self.kind!r}")
        for name in ("file", "notation"):
            if self.kind != "list" and getattr(self, name) is not None:
                raise ValueError(f'{name} belongs to kind "list", not to {self.kind!r}')
        return self


class Truth(StudyTable):
    """Accuracies that scores are ranked against."""

    benchmark: str | None = None
    """Benchmark of the true values, or a CSV or Parquet file with them (default: the first
    benchmark whose data is present); none: no accuracies, only the agreement of scores with
    sizes and with each other."""
    absent: Literal["error", "fallback", "agreement"] = "error"
    """Answer to missing data of the benchmark: an error, the data set's accuracies of a fallback
    (which an installed package has), or the same as for benchmark `none`."""
    dataset: str | None = None
    """Dataset of the target (default: that of the inputs, if the benchmark has it). Several,
    separated by commas, make a table each in a report of stored scores."""
    metric: str | None = None
    """Metric of the target (default: test accuracy, if the benchmark has it). Several, separated by
    commas, make a table each in a report of stored scores."""
    epochs: Annotated[int, Field(ge=0)] | None = None
    """Training epochs of the target (default: the longest training)."""
    seed: Annotated[int, Field(ge=-1)] | None = None
    """Training seed of the target (default: the mean over all, -1)."""


class OwnAggregate(StudyTable):
    """A score made of other scores that the study defines."""

    name: str
    """Name of its row."""
    kind: str
    """Registered aggregate that computes it."""
    members: NamesIfAny = ()
    """Ids of indicators (default: those of the kind)."""
    parameters: dict[str, Any] = {}
    """Parameters of the kind that differ from the default."""
    diverged: Literal["missing", "last"] = "missing"
    """Rank of a network with a diverged member: none, or behind all others."""

    @field_validator("name")
    @classmethod
    def _is_an_id(cls, name: str) -> str:
        if not re.fullmatch("[a-z][a-z0-9_]*", name):
            raise ValueError("should be lower-case letters, digits and underscores")
        return name


class Factors(StudyTable):
    """Conditions that a study varies: every combination with every other is scored.

    What the study says elsewhere is the first level of each factor, with which others are compared.
    """

    inputs: NamesIfAny = ()
    """Further inputs."""
    batch_size: Annotated[tuple[PositiveInt, ...], Field(strict=False)] = ()
    """Further batch sizes."""
    initialisation: NamesIfAny = ()
    """Further initialisations."""
    labels: Annotated[tuple[LabelsOfImages, ...], Field(strict=False)] = ()
    """Further labels."""

    @property
    def varied(self) -> dict[str, tuple[str | int, ...]]:
        """The factors that have further levels."""
        return {name: levels for name in type(self).model_fields if (levels := getattr(self, name))}


class Statistics(StudyTable):
    """Computation of intervals."""

    resamples: Annotated[int, Field(ge=2)] = 1000
    """Number of bootstrap resamples."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence level of the intervals, between 0 and 1."""
    seed: int = 0
    """Seed of the resamples."""
    interval: Literal["percentile", "bca"] = "percentile"
    """Kind of interval: `percentile`, or `bca` (bias-corrected and accelerated)."""
    average: Literal["seeds", "none"] = "seeds"
    """Score of a network with several seeds: their mean, or that of the first (`none`)."""

    @property
    def resampling(self) -> Resampling:
        """The resamples that intervals are computed from."""
        from untrained.results import Resampling

        return Resampling(self.resamples, self.confidence, self.seed, self.interval)


class ReportOptions(StudyTable):
    """Files that are written at the end."""

    formats: Names = ("markdown", "csv", "html")
    """Names of report formats."""
    folder: str | None = None
    """Folder of the report, relative to the study file (default: the study's name, in the working
    directory)."""


class Cluster(StudyTable):
    """Jobs of a cluster that measure networks; `--executor dask` starts them and ends them."""

    kind: Literal["slurm"] = "slurm"
    """Kind of the cluster."""
    jobs: PositiveInt = 1
    """Number of jobs."""
    cores: PositiveInt = 1
    """CPU cores of a job; each measures one network at once."""
    memory: Annotated[str, Field(pattern=r"^[0-9.]+ ?[kKMGT]i?B$")] = "4 GB"
    """Memory of a job, such as `16 GB`."""
    walltime: Annotated[str, Field(pattern=r"^([0-9]+-)?[0-9]+(:[0-9]{2}){0,2}$")] = "01:00:00"
    """Longest time of a job."""
    queue: str | None = None
    """Queue (partition) of the jobs (default: the cluster's)."""
    account: str | None = None
    """Account that the time is charged to (default: the user's)."""
    gpus: Annotated[int, Field(ge=0)] = 0
    """GPUs of a job; with any, the cores share them."""
    interface: str | None = None
    """Network interface by which workers reach the scheduler, such as ib0 (default: any)."""
    python: str | None = None
    """Python of the jobs (default: that of the run)."""
    directives: NamesIfAny = ()
    """Further options of a job, such as `--exclusive`."""
    prologue: NamesIfAny = ()
    """Commands of a job before its workers start, such as `module load cuda`."""
    log_folder: str | None = None
    """Folder of the jobs' output, relative to the study file (default: the working directory)."""

    @model_validator(mode="after")
    def _lines(self) -> Cluster:
        for name in ("queue", "account", "interface", "python", "log_folder"):
            if re.search(r"[\r\n]", getattr(self, name) or ""):
                raise ValueError(f"{name} should be one line")
        if any(re.search(r"[\r\n]", one) for one in (*self.directives, *self.prologue)):
            raise ValueError("each directive and each command should be one line")
        return self


class Conditions(StudyTable):
    """Conditions of measurement: changes to the reference protocol of each indicator.

    The options of `score`, `search` and `search-task` are made from these fields.
    """

    inputs: str = "gaussian"
    """Inputs of the networks: gaussian, ones, or the name of a dataset (cifar10, ...) for its
    images. An indicator that its paper measures on noise keeps noise. Networks of text: words
    (drawn at random), or text (that the package ships)."""
    labels: LabelsOfImages = "true"
    """Labels of images; synthetic inputs always have random labels."""
    dataset: str | None = None
    """Dataset that sets shape and number of classes (default: that of the images, else cifar10)."""
    seed: int = 0
    """Seed of the sample, the inputs and the initialisations."""
    protocol: Literal["reference", "shared"] = "reference"
    """Protocol of measurement: the reference protocol of each indicator, or one for all."""
    batch_size: PositiveInt | None = None
    """Batch size (default: that of the protocol)."""
    channels: PositiveInt | None = None
    """Width of the first stage (default: that of the protocol)."""
    cells: PositiveInt | None = None
    """Cells per stage (default: that of the protocol)."""
    resolution: PositiveInt | None = None
    """Height and width of synthetic inputs in pixels, or words a sequence (default: those of the
    dataset)."""
    initialisation: str | None = None
    """Initialisation of the weights: default (the layers' own), kaiming_normal_fan_in,
    kaiming_normal_fan_out or gaussian (default: that of the protocol)."""
    timeout_s: PositiveFloat | None = None
    """Time limit of one indicator on one network, in seconds (default: none)."""
    split: bool = False
    """Further attempts, with the batch in 2, 4, ... parts, for an indicator that has run out of
    memory and whose score is the same in parts (see untrained list indicators)."""

    @property
    def synthetic(self) -> bool:
        """Whether inputs are drawn instead of read from the images of a dataset."""
        from untrained.harness.data.datasets import SYNTHETIC_INPUTS

        return self.inputs in SYNTHETIC_INPUTS

    def about(self, dataset: str | None, *, inputs: str | None = None) -> Self:
        """Fill in the dataset where inputs are synthetic and none is given."""
        changed = self.model_copy(update={"inputs": inputs or self.inputs})
        if self.dataset is not None or not changed.synthetic:
            return changed
        return changed.model_copy(update={"dataset": dataset})

    def changes(self) -> str:
        """List what differs from the protocols, for a report: `batch size 8, channels 3`."""
        named = {
            "batch size": self.batch_size,
            "channels": self.channels,
            "cells": self.cells,
            "resolution": self.resolution,
            "initialisation": self.initialisation,
            "labels": None if self.labels == "true" else self.labels,
            "protocol": None if self.protocol == "reference" else self.protocol,
        }
        return ", ".join(f"{name} {value}" for name, value in named.items() if value is not None)

    def find_dataset(self) -> Dataset:
        """Find the dataset that decides shape, classes and normalisation.

        Raises:
            UnknownName: the inputs or the dataset do not exist.
            MalformedInput: images of one dataset are asked for with the shape of another.
        """
        from untrained.harness.data.datasets import check_input_source, find_dataset

        own = None if self.synthetic else check_input_source(self.inputs)
        if self.dataset is None:
            return find_dataset(own or "cifar10")
        if own is not None and own != self.dataset:
            raise MalformedInput(
                f"inputs are {own!r} images, but the dataset is {self.dataset!r}; images always "
                "come with the shape, labels and classes of their own dataset: leave the dataset "
                "out, or use gaussian inputs"
            )
        return find_dataset(self.dataset)


class Study(StudyFile, Conditions):
    """One experiment: spaces x population x indicators x seeds, truth, statistics, report."""

    spaces: Names
    """Names of search spaces."""
    indicators: NamesOrAll
    """Ids of indicators, patterns of them such as "ntk_*", or "all"."""
    aggregates: NamesIfAny = ()
    """Ids of scores that are computed from other scores when tables are made."""
    aggregate: Annotated[tuple[OwnAggregate, ...], Field(strict=False)] = ()
    """Further aggregates, of chosen members; members that are no `indicators` are scored too."""
    seeds: Seeds | None = None
    """Seeds of the initialisations, one network each (default: the study's seed alone)."""
    data_seeds: Seeds | None = None
    """Seeds of the batches (default: the study's seed alone). The first is that of all scores; the
    others are drawn for a part of the population, and tell the noise of the batch."""
    options: dict[str, dict[str, float]] = {}
    """Options of indicators, by their ids (default: those of docs/indicators.md)."""
    scores: NamesIfAny = ()
    """Scores that are added first and not computed again, as by `--scores`: files, relative to the
    study file, or names of studies with committed scores."""
    share_classes: bool | NamesIfAny = False
    """Score one architecture of each functional class: with all indicators that allow it, or with
    those named."""
    population: Population
    factors: Factors = Factors()
    truth: Truth = Truth()
    statistics: Statistics = Statistics()
    report: ReportOptions = ReportOptions()
    cluster: Cluster | None = None

    @property
    def network_seeds(self) -> tuple[int, ...]:
        """The seeds of the initialisations, each once."""
        return tuple(dict.fromkeys(self.seeds or (self.seed,)))

    @property
    def batch_seeds(self) -> tuple[int, ...]:
        """The seeds of the batches, each once."""
        return tuple(dict.fromkeys(self.data_seeds or (self.seed,)))

    @property
    def population_seed(self) -> int:
        """The seed that draws the sample."""
        return self.seed if self.population.seed is None else self.population.seed

    def anchored(self, folder: Path) -> Self:
        """Make the list, files of scores and accuracies and the folders relative to `folder`."""
        from untrained.spaces.framework.registry import is_file

        update: dict[str, Any] = {
            "scores": tuple(
                str(folder / one) if (folder / one).is_file() or Path(one).suffix else one
                for one in self.scores
            )
        }
        for table, key in (
            ("population", "file"),
            ("truth", "benchmark"),
            ("report", "folder"),
            ("cluster", "log_folder"),
        ):
            part = getattr(self, table)
            path = getattr(part, key, None)
            if path is not None and (key != "benchmark" or is_file(path)):
                update[table] = part.model_copy(update={key: str(folder / path)})
        return self.model_copy(update=update)
