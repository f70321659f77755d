"""What a file's text alone says about where its scores may come from."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from untrained.harness.validate.watch import ACCURACY_PACKAGES

MANY_NUMBERS = 300
LONG_TEXT = 2000
"""Characters; a table packed into a text is longer, a docstring hardly ever is."""

_OWN_ACCURACIES = ("untrained.spaces", "untrained.results", "untrained.harness")


@dataclass(frozen=True, slots=True)
class SourceNote:
    """Something that the text says."""

    text: str
    suspicious: bool
    """Whether scores may come from there."""


def source_notes(text: str) -> list[SourceNote]:
    """Imports of what holds accuracies, and how many numbers are written into the file.

    Args:
        text: of the file, which is Python.
    """
    tree = ast.parse(text)
    imported: dict[str, None] = {}
    numbers = longest = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(dict.fromkeys(alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported[node.module] = None
        elif isinstance(node, ast.Constant):
            numbers += isinstance(node.value, int | float) and not isinstance(node.value, bool)
            if isinstance(node.value, str | bytes):
                longest = max(longest, len(node.value))
    leading = [
        name
        for name in sorted(imported)
        if name.partition(".")[0] in ACCURACY_PACKAGES or name.startswith(_OWN_ACCURACIES)
    ]
    said = [
        SourceNote(f"the file imports {name}, by which accuracies can be reached", True)
        for name in leading
    ]
    many = numbers > MANY_NUMBERS
    hint = "; look whether they are accuracies" if many else ""
    said.append(SourceNote(f"numbers written into the file: {numbers:,}{hint}", many))
    if longest > LONG_TEXT:
        table = (
            f"longest text written into the file: {longest:,} characters; look whether it holds "
            "a table"
        )
        said.append(SourceNote(table, True))
    return said
