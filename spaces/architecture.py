"""One architecture of a search space: a name and the field's own notation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Architecture:
    """A point of a search space, as plain text that crosses process boundaries and file formats.

    Equality, hash and order are those of (space, text). The text is only known to be well formed
    if it comes from the space itself (`SearchSpace.parse`, iteration, sampling).
    """

    space: str
    """Registered name of the search space."""
    text: str
    """The field's own notation, such as the NAS-Bench-201 architecture string."""

    def __str__(self) -> str:
        """The notation alone, as tables and files show it."""
        return self.text
