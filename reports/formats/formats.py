"""The registry of document formats; a file of this folder registers the one it defines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from untrained.foundation import Registry
from untrained.reports.pages.report import Report

Content = str | bytes
"""Of one file."""
Make = Callable[[Report], Content | Mapping[str, Content]]
"""One file, or the files of a folder by name."""
_Maker = TypeVar("_Maker", bound=Make)


@dataclass(frozen=True, slots=True)
class Format:
    """A way to turn a report into a file, or into a folder of files."""

    name: str
    title: str
    """One line for a list of formats."""
    suffix: str
    """Of the file, with its dot: `.md`; of the folder: `-figures`."""
    make: Make

    def render(self, report: Report) -> str:
        """The text of the file.

        Raises:
            TypeError: the format makes bytes or several files; `make` gives these.
        """
        made = self.make(report)
        if not isinstance(made, str):
            raise TypeError(f"the format {self.name} makes no text; write_report writes its files")
        return made


formats: Registry[Format] = Registry(
    "report format",
    package="untrained.reports.formats",
    group="untrained.formats",
    hint="untrained list formats",
)


def report_format(name: str, *, title: str, suffix: str) -> Callable[[_Maker], _Maker]:
    """Register the decorated function as what makes the file, or the files, of a format.

    The function must be deterministic (no clock, no unsorted set: the same report gives the same
    bytes) and import what is heavy inside itself.

    Args:
        name: what users select it by.
        title: one line for a list of formats.
        suffix: of the file it makes, with the dot, or of the folder.

    Returns:
        The decorator; it returns the function unchanged.
    """

    def register(make: _Maker) -> _Maker:
        item = Format(name=name, title=title, suffix=suffix, make=make)
        formats.register(name, item, origin=make.__module__)
        return make

    return register
