"""What was measured for a verdict, under what conditions, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from untrained.reports.grid import Grid, GridColumn, number, whole_number, words
from untrained.reports.part import Part


@dataclass(frozen=True, slots=True)
class Scope:
    """What was measured on one space."""

    space: str
    networks: int
    available: int
    """Networks that have baselines."""
    seconds: float
    """One network took, building included."""
    again: int
    """Networks that were scored under another seed and batch too."""
    protocol: str
    """In words."""
    studies: tuple[str, ...]
    """Whose stored scores are the baselines."""
    truth: str
    """Where the accuracies come from."""
    failures: str
    """Scores without a value by status; empty: none."""


def scope_part(
    scopes: Sequence[Scope], absent: Mapping[str, str], notes: Sequence[str], command: str
) -> Part:
    """A line a space, and a sentence for each that is left out."""
    left_out = [f"{space} is left out: {why}" for space, why in absent.items()]
    return Part(
        "scope",
        "What was measured",
        "The number of networks follows from the time that was given and what one took here. They "
        "are networks of the committed studies, with the weights that the baselines saw.",
        Grid(
            "scope",
            (
                GridColumn("space", "Space", kind="text"),
                GridColumn("networks", "networks"),
                GridColumn("available", "with baselines"),
                GridColumn("seconds", "s/network"),
                GridColumn("again", "scored again"),
                GridColumn("failures", "without a score", kind="text"),
                GridColumn("protocol", "Protocol", kind="text"),
                GridColumn("studies", "Baselines", kind="text"),
                GridColumn("truth", "Accuracies", kind="text"),
            ),
            tuple(
                (
                    words(one.space),
                    whole_number(one.networks),
                    whole_number(one.available),
                    number(one.seconds),
                    whole_number(one.again),
                    words(one.failures or "none"),
                    words(one.protocol),
                    words(", ".join(one.studies)),
                    words(one.truth),
                )
                for one in scopes
            ),
        ),
        notes=(*left_out, *notes),
        command=command,
    )
