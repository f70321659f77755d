"""What a new indicator costs, promises and reaches for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from untrained.reports.grid import Cell, Grid, GridColumn, number, words
from untrained.reports.numbers import seconds
from untrained.reports.part import Part
from untrained.results.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Cost:
    """One indicator's cost on one space."""

    space: str
    indicator: str
    seconds: float
    """Median over the networks; NaN without a score."""
    peak_bytes: float
    """Median over the networks; NaN where not measured."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise of the contract suite."""

    statement: str
    kept: bool | None
    """None: it does not apply, or could not be examined."""
    detail: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Something an indicator did besides computing."""

    when: str
    kind: str
    what: str


def cost_part(name: str, costs: Sequence[Cost]) -> Part | None:
    """Seconds and memory beside built-in indicators, cheapest first."""
    if not costs:
        return None
    order = {space: i for i, space in enumerate(dict.fromkeys(one.space for one in costs))}
    lines = sorted(
        costs,
        key=lambda one: (order[one.space], math.isnan(one.seconds), one.seconds, one.indicator),
    )
    return Part(
        "cost",
        "Cost and memory",
        "Measured in this run on the same networks and one thread, each indicator by itself. "
        "Memory is the most that tensors took at once beyond network and batch; what is allocated "
        "outside torch is not counted.",
        Grid(
            "cost",
            (
                GridColumn("space", "Space", kind="text"),
                GridColumn("indicator", "Indicator", kind="text", code=True),
                GridColumn("role", "", kind="text"),
                GridColumn("seconds", "s/network"),
                GridColumn("megabytes", "MB"),
            ),
            tuple(
                (
                    words(one.space),
                    words(one.indicator),
                    Cell("◀" if one.indicator == name else "", None),
                    Cell(
                        seconds(one.seconds),
                        None if math.isnan(one.seconds) else one.seconds,
                    ),
                    number(one.peak_bytes / 1e6, 1),
                )
                for one in lines
            ),
        ),
    )


def contract_part(promises: Sequence[Promise], not_examined: str) -> Part:
    """Every promise, the broken ones first."""
    order = {False: 0, None: 1, True: 2}
    said = {False: "BROKEN", None: "does not apply", True: "kept"}
    lines = sorted(promises, key=lambda one: order[one.kept])
    rows = tuple(
        (words(said[one.kept]), words(one.statement), words(one.detail)) for one in lines
    ) or ((words("not examined"), words("the contract suite"), words(not_examined)),)
    return Part(
        "contract",
        "The contract",
        "What every registered indicator must keep, examined on small networks.",
        Grid(
            "contract",
            (
                GridColumn("kept", "", kind="text"),
                GridColumn("statement", "Promise", kind="text"),
                GridColumn("detail", "Detail", kind="text"),
            ),
            rows,
        ),
    )


def label_lines(evidence: Evidence) -> tuple[str, ...]:
    """What was found out about labels."""
    if evidence.needs_labels is None:
        return ("labels: not tried",)
    return (
        f"labels: {'needed' if evidence.needs_labels else 'not needed'}; permuted ones "
        f"{'change the score' if evidence.changes_with_labels else 'change nothing'}",
    )


def leakage_part(seen: Sequence[Seen], labels: Sequence[str]) -> Part:
    """What it did besides computing, and what could not have been seen."""
    rows = tuple((words(one.kind), words(one.what), words(one.when)) for one in seen) or (
        (words("nothing"), words("no file, table, connection or program"), words("")),
    )
    return Part(
        "leakage",
        "Does it read accuracies?",
        "Seen while the file was loaded and while it scored: files that Python opens, modules "
        "outside the installed packages among them, Parquet files that pyarrow or pandas read, "
        "look-ups in this project's benchmarks, imports of "
        "packages that hold accuracies, data bases, connections, programs. Not seen: accuracies "
        "written into the file itself (numbers and long texts are counted below), files that a C "
        "or Rust extension opens by itself, and a formula that was fitted beforehand.",
        Grid(
            "leakage",
            (
                GridColumn("kind", "Reaches for", kind="text"),
                GridColumn("what", "What", kind="text"),
                GridColumn("when", "While", kind="text"),
            ),
            rows,
        ),
        notes=tuple(labels),
    )
