"""What a study is: a TOML file checked against this model. Every default of a run is here."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

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
from untrained.harness.data.datasets import (
    SYNTHETIC_INPUTS,
    Dataset,
    check_input_source,
    find_dataset,
)

# lists of TOML become tuples, which strict mode would refuse; their items stay strict
Names = Annotated[tuple[Annotated[str, Field(strict=True)], ...], Field(strict=False, min_length=1)]
NamesIfAny = Annotated[tuple[Annotated[str, Field(strict=True)], ...], Field(strict=False)]
NamesOrAll = Annotated[Names, BeforeValidator(lambda value: ["all"] if value == "all" else value)]
LabelsOfImages = Literal["true", "random"]
Seeds = Annotated[tuple[Annotated[int, Field(strict=True)], ...], Field(strict=False, min_length=1)]


class _Section(BaseModel):
    """Unknown keys and silently converted types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Population(_Section):
    """Which architectures of a space are scored and ranked."""

    kind: Literal["sample", "all", "list", "known"] = "sample"
    """`known`: those of the space whose truth a table has, for a table of a part of the space."""
    n: PositiveInt | None = None
    """Size of the sample; of the known ones, all by default."""
    seed: int | None = None
    """Draws the sample; the study's seed by default."""
    file: str | None = None
    """Of a list: architectures one a line, in a table, Python module, JSON document or log;
    relative to the study file."""
    notation: str | None = None
    """Of a list: another tool's notation, such as `naslib`; by default the space's own."""

    @model_validator(mode="after")
    def _complete(self) -> Population:
        if self.kind == "sample" and self.n is None:
            raise ValueError('kind "sample" needs n, the number of architectures')
        if self.kind == "list" and self.file is None:
            raise ValueError('kind "list" needs file, with one architecture a line')
        if self.kind not in ("sample", "known") and self.n is not None:
            raise ValueError(f'n belongs to kind "sample" or "known", not to {self.kind!r}')
        for name in ("file", "notation"):
            if self.kind != "list" and getattr(self, name) is not None:
                raise ValueError(f'{name} belongs to kind "list", not to {self.kind!r}')
        return self


class Truth(_Section):
    """The accuracies that scores are ranked against."""

    benchmark: str | None = None
    """By default the first benchmark of the space whose data is present; `none` for no accuracies:
    the report then shows how scores agree with sizes and with each other."""
    absent: Literal["error", "agreement"] = "error"
    """What to do without the benchmark's data: refuse to begin, or do as for `none` and say so."""
    dataset: str | None = None
    """By default the dataset of the inputs, if the benchmark has it."""
    metric: str | None = None
    """By default the test accuracy, if the benchmark has it."""
    epochs: Annotated[int, Field(ge=0)] | None = None
    """By default the longest training."""
    seed: Annotated[int, Field(ge=-1)] | None = None
    """Training seed; the mean over all (-1) by default."""


class OwnAggregate(_Section):
    """A score made of other scores that the study defines."""

    name: str
    """Of its row."""
    kind: str
    """What is computed: any registered aggregate."""
    members: NamesIfAny = ()
    """Ids of indicators; by default those of the kind."""
    parameters: dict[str, Any] = {}
    """Those of the kind that are not to be the default."""
    diverged: Literal["missing", "last"] = "missing"
    """Whether a diverged member leaves no value, or ranks behind all others."""

    @field_validator("name")
    @classmethod
    def _is_an_id(cls, name: str) -> str:
        if not re.fullmatch("[a-z][a-z0-9_]*", name):
            raise ValueError("should be lower-case letters, digits and underscores")
        return name


class Factors(_Section):
    """Conditions that a study varies: every combination with every other is scored.

    What the study says elsewhere is the first level of each factor, with which others are compared.
    """

    inputs: NamesIfAny = ()
    """Further sources of inputs."""
    batch_size: Annotated[tuple[PositiveInt, ...], Field(strict=False)] = ()
    initialisation: NamesIfAny = ()
    labels: Annotated[tuple[LabelsOfImages, ...], Field(strict=False)] = ()

    @property
    def varied(self) -> dict[str, tuple[str | int, ...]]:
        """The factors that have further levels."""
        return {name: levels for name in type(self).model_fields if (levels := getattr(self, name))}


class Statistics(_Section):
    """How intervals are computed."""

    resamples: Annotated[int, Field(ge=2)] = 1000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    seed: int = 0
    interval: Literal["percentile", "bca"] = "percentile"
    """`percentile`, or `bca`: bias-corrected and accelerated."""
    by_class: bool = False
    """Resample functional classes as wholes, so that duplicates make no interval narrower."""


class ReportOptions(_Section):
    """What is written at the end."""

    formats: Names = ("markdown", "csv", "html")
    folder: str | None = None
    """Relative to the study file; by default one named like the study, where the command runs."""


class Conditions(_Section):
    """What scores are measured under: changes to the reference protocol of each indicator."""

    inputs: str = "gaussian"
    """`gaussian`, `ones` or the name of a dataset, whose images are meant."""
    labels: LabelsOfImages = "true"
    """Of images; synthetic inputs always have random ones."""
    dataset: str | None = None
    """Shape and number of classes; by default those of the images, else cifar10."""
    seed: int = 0
    """What all randomness derives from: the sample, the inputs and the initialisations."""
    protocol: Literal["reference", "shared"] = "reference"
    """The reference protocol of each indicator, or one and the same for all."""
    batch_size: PositiveInt | None = None
    """Instead of the protocol's."""
    channels: PositiveInt | None = None
    """Width of the network's first stage, instead of the protocol's."""
    cells: PositiveInt | None = None
    """Cells a stage, instead of the protocol's."""
    resolution: PositiveInt | None = None
    """Height and width of synthetic inputs, instead of the dataset's; images keep their own."""
    initialisation: str | None = None
    """Of the weights, instead of the protocol's, for all scores that depend on how they are drawn:
    `default` (the layers' own), `kaiming_normal_fan_in`, `kaiming_normal_fan_out`, `gaussian`."""
    timeout_s: PositiveFloat | None = None
    """Seconds one indicator may take on one network; no limit by default."""

    @property
    def synthetic(self) -> bool:
        """Whether inputs are drawn instead of read from the images of a dataset."""
        return self.inputs in SYNTHETIC_INPUTS

    def about(self, dataset: str | None, *, inputs: str | None = None) -> Self:
        """Fill in the dataset of synthetic inputs, which have none of their own.

        Args:
            dataset: taken where inputs are synthetic and no dataset is given.
        """
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
        source = check_input_source(self.inputs)
        own = None if source in SYNTHETIC_INPUTS else source
        if self.dataset is None:
            return find_dataset(own or "cifar10")
        if own is not None and own != self.dataset:
            raise MalformedInput(
                f"inputs are {own!r} images, but the dataset is {self.dataset!r}; images always "
                "come with the shape, labels and classes of their own dataset: leave the dataset "
                "out, or use gaussian inputs"
            )
        return find_dataset(self.dataset)


class Study(Conditions):
    """One experiment: spaces x population x indicators x seeds, truth, statistics, report."""

    title: str | None = None
    """The study's name by default."""
    spaces: Names
    indicators: NamesOrAll
    """Their ids, patterns of them such as "ntk_*", or "all"."""
    aggregates: NamesIfAny = ()
    """Ids of scores that are computed from other scores when tables are made."""
    aggregate: Annotated[tuple[OwnAggregate, ...], Field(strict=False)] = ()
    """Further ones, of chosen members; what members are not in `indicators` is scored too."""
    seeds: Seeds | None = None
    """Of the initialisations, one network each; by default the study's seed alone."""
    share_classes: bool = False
    """Score one architecture of each functional class where the indicator allows it."""
    population: Population
    factors: Factors = Factors()
    """What is varied, to see how much rankings depend on it."""
    truth: Truth = Truth()
    statistics: Statistics = Statistics()
    report: ReportOptions = ReportOptions()

    @property
    def network_seeds(self) -> tuple[int, ...]:
        """The seeds of the initialisations, each once."""
        return tuple(dict.fromkeys(self.seeds or (self.seed,)))

    @property
    def population_seed(self) -> int:
        """The seed that draws the sample."""
        return self.seed if self.population.seed is None else self.population.seed
