"""The registry of document formats; a file of this folder registers the one it defines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from untrained.foundation import Registry
from untrained.reports.report import Report

Render = Callable[[Report], str]


@dataclass(frozen=True, slots=True)
class Format:
    """A way to turn a report into the text of one file."""

    name: str
    title: str
    """One line for a list of formats."""
    suffix: str
    """With its dot: `.md`."""
    render: Render


formats: Registry[Format] = Registry(
    "report format",
    package="untrained.reports",
    group="untrained.formats",
    hint="untrained list formats",
)


def report_format(name: str, *, title: str, suffix: str) -> Callable[[Render], Render]:
    """Register the decorated function as the renderer of a format.

    The function must be deterministic (no clock, no unsorted set: the same report gives the same
    bytes) and import what is heavy inside itself.

    Args:
        name: what users select it by.
        title: one line for a list of formats.
        suffix: of the files it makes, with the dot.

    Returns:
        The decorator; it returns the function unchanged.
    """

    def register(render: Render) -> Render:
        item = Format(name=name, title=title, suffix=suffix, render=render)
        formats.register(name, item, origin=render.__module__)
        return render

    return register
