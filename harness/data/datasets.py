"""The image datasets a run can be about: shape, classes, normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from untrained.foundation import UnknownName


@dataclass(frozen=True, slots=True)
class Dataset:
    """What must be known of an image dataset to feed a network with it."""

    name: str
    title: str
    num_classes: int
    resolution: int
    """Height and width in pixels; three channels."""
    mean: tuple[float, float, float]
    """Red, green, blue, in units of 0-255."""
    std: tuple[float, float, float]
    """Red, green, blue, in units of 0-255."""
    stand_in_for: str = ""
    """The dataset that is meant where its own images are not at hand; empty: none."""

    @property
    def file_name(self) -> str:
        """The training images' file in the folder `images` of the data folder."""
        return f"{self.name}-train.parquet"


_IMAGENET16_MEAN = (122.68, 116.66, 104.01)
_IMAGENET16_STD = (63.22, 61.26, 65.09)
_TASKONOMY_MEAN = (133.21, 133.16, 133.14)
_TASKONOMY_STD = (56.97, 56.99, 57.02)

# mean and standard deviation: those the networks of NAS-Bench-201 and of TransNAS-Bench-101 were
# trained with, and those that everybody takes for ImageNet
_ALL = (
    Dataset("cifar10", "CIFAR-10", 10, 32, (125.3, 123.0, 113.9), (63.0, 62.1, 66.7)),
    Dataset("cifar100", "CIFAR-100", 100, 32, (129.3, 124.1, 112.4), (68.2, 65.4, 70.4)),
    Dataset("imagenet16-120", "ImageNet16-120", 120, 16, _IMAGENET16_MEAN, _IMAGENET16_STD),
    Dataset(
        "imagenet16",
        "ImageNet at 16 pixels, 1,000 classes",
        1000,
        16,
        _IMAGENET16_MEAN,
        _IMAGENET16_STD,
        stand_in_for="imagenet16-120",
    ),
    Dataset("imagenet", "ImageNet", 1000, 224, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    Dataset("class_object", "Taskonomy objects", 75, 256, _TASKONOMY_MEAN, _TASKONOMY_STD),
    Dataset("class_scene", "Taskonomy scenes", 47, 256, _TASKONOMY_MEAN, _TASKONOMY_STD),
)

datasets: Mapping[str, Dataset] = MappingProxyType({d.name: d for d in _ALL})

SYNTHETIC_INPUTS = ("gaussian", "ones")
"""Inputs that need no data."""


def input_sources() -> list[str]:
    """Every value that a study's `inputs` or the option `--input` can take."""
    return [*SYNTHETIC_INPUTS, *datasets]


def find_dataset(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        UnknownName: there is none; the message suggests the nearest.
    """
    try:
        return datasets[name]
    except KeyError:
        raise UnknownName("dataset", name, datasets) from None


def stand_ins(name: str) -> list[Dataset]:
    """The datasets whose images may stand in for another's."""
    return [dataset for dataset in datasets.values() if dataset.stand_in_for == name]


def check_input_source(name: str) -> str:
    """The name itself, if it is `gaussian`, `ones` or a dataset.

    Raises:
        UnknownName: it is none of them.
    """
    if name not in SYNTHETIC_INPUTS and name not in datasets:
        raise UnknownName("input source", name, input_sources())
    return name
