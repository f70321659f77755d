"""What a run's inputs can be: synthetic, words, or a data set's images."""

from __future__ import annotations

from collections.abc import Iterable

from untrained.foundation import UnknownName
from untrained.spaces import Dataset, datasets

__all__ = [
    "SYNTHETIC_INPUTS",
    "Dataset",
    "check_input_source",
    "datasets",
    "find_dataset",
    "input_sources",
    "own_spelling",
    "stand_ins",
]

SYNTHETIC_INPUTS = ("gaussian", "ones", "words", "text")
"""Inputs that need no data. Words are drawn, or of the text that the package ships."""


def input_sources() -> list[str]:
    """List every value that a study's `inputs` or the option `--input` can take."""
    return [*SYNTHETIC_INPUTS, *datasets]


def find_dataset(name: str) -> Dataset:
    """Find a data set by name.

    Raises:
        UnknownName: there is none; the message suggests the nearest.
    """
    try:
        return datasets[name]
    except KeyError:
        raise UnknownName("dataset", name, datasets) from None


def own_spelling(name: str, names: Iterable[str]) -> str:
    """Return the one of some names that differs in capitals and punctuation alone, else the name.

    >>> own_spelling("CIFAR-100", ["cifar10", "cifar100"])
    'cifar100'
    """

    def plain(text: str) -> str:
        return "".join(filter(str.isalnum, text)).casefold()

    return next((one for one in names if plain(one) == plain(name)), name)


def stand_ins(name: str) -> list[Dataset]:
    """List the data sets whose images may stand in for another's."""
    return [dataset for dataset in datasets.values() if dataset.stand_in_for == name]


def check_input_source(name: str) -> str:
    """Return the name, if it is one of `SYNTHETIC_INPUTS` or a data set.

    Raises:
        UnknownName: it is none of them.
    """
    if name not in SYNTHETIC_INPUTS and name not in datasets:
        raise UnknownName("input source", name, input_sources())
    return name
