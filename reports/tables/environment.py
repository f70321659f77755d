"""An environment row as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from untrained.reports.tables.numbers import MISSING


def entries(environment: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Name and text of every entry, in alphabetical order; nested names are joined by dots.

    >>> list(entries({"torch": "2.13.0", "git": {"dirty": False, "commit": None}}))
    [('git.commit', '–'), ('git.dirty', 'no'), ('torch', '2.13.0')]
    """
    for name, value in sorted(environment.items()):
        if isinstance(value, Mapping):
            for inner, text in entries(value):
                yield f"{name}.{inner}", text
        elif isinstance(value, list | tuple):
            yield name, ", ".join(map(_text, value)) or MISSING
        else:
            yield name, _text(value)


def _text(value: object) -> str:
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
