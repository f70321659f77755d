"""What reads one kind of official file, and the decorator that registers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from untrained.foundation import Registry


class Value(NamedTuple):
    """One value of one architecture; accuracies in percent."""

    architecture: str
    dataset: str
    metric: str
    epochs: int
    """0: the benchmark's own schedule, or nothing was trained."""
    seed: int
    """Number of the training run, from 0; -1 for what does not depend on a run."""
    value: float


Reader = Callable[[Path], Iterator[Value]]


@dataclass(frozen=True, slots=True)
class Converter:
    """Reads official files of one benchmark."""

    name: str
    """What it is called on the command line; the table's name unless `tables` says otherwise."""
    title: str
    """For the table's provenance."""
    takes: str
    """The official file or folder, for help and messages."""
    space: str
    """Registered name of the search space; its notation is checked and normalised."""
    note: str
    """What a user of the table must know."""
    read: Reader
    """Yields the values; a record that is not what it should be may fail in any way."""


converters: Registry[Converter] = Registry(
    "converter",
    package="untrained.spaces.converters",
    group="untrained.converters",
    hint="untrained data list",
)


def converter(
    name: str, *, title: str, takes: str, space: str | None = None, note: str = ""
) -> Callable[[Reader], Reader]:
    """Register the decorated function as the reader of a benchmark's official files.

    Args:
        name: of the benchmark and its table.
        takes: the official file or folder, in words.
        space: registered name of the search space; by default the same.
        note: what a user of the table must know.

    Returns:
        The decorator; it returns the function.
    """

    def register(read: Reader) -> Reader:
        converters.register(
            name,
            Converter(name, title, takes, space or name, note, read),
            origin=read.__module__,
        )
        return read

    return register
