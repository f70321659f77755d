"""Blocks of a verdict: cost and leakage, size, scope."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from untrained.reports.blocks.block import Part
from untrained.reports.pages.verdict import short_target
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.grid import Cell, GridColumn, number, paired, whole_number, words
from untrained.reports.tables.numbers import seconds
from untrained.results.statistics.indicator_comparison import Contribution, Evidence, Standing


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
        paired(
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
        paired(
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
        paired(
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


def size_part(evidence: Evidence) -> Part | None:
    """Correlation with the sizes, and what is left given them."""
    rows = [_size_row(one) for one in evidence.standings if one.rho_with]
    if not rows:
        return None
    return Part(
        "size",
        "Beyond the size of the network",
        "What is left of the rank correlation with the accuracy when the ranks of a size are held "
        "fixed. Nothing is left (a dash) of a score that ranks as the size does.",
        paired(
            "size",
            (
                GridColumn("target", "Target", kind="text"),
                GridColumn("rho_params", f"{RHO} with params"),
                GridColumn("rho_flops", f"{RHO} with FLOPs"),
                GridColumn("given_params", f"{RHO} given params", interval=True),
                GridColumn("given_flops", f"{RHO} given FLOPs", interval=True),
                GridColumn("given_both", f"{RHO} given both", interval=True, aside=True),
            ),
            tuple(rows),
        ),
    )


def _size_row(one: Standing) -> tuple[Cell, ...]:
    rhos = dict(one.rho_with)
    partial = {p.given: p for p in one.partial}

    def given(*sizes: str) -> Cell:
        found = partial.get(sizes)
        if found is None:
            return number(math.nan)
        return number(found.rho, low=found.rho_low, high=found.rho_high)

    return (
        words(short_target(one.space, one.target)),
        number(rhos.get("params", math.nan)),
        number(rhos.get("flops", math.nan)),
        given("params"),
        given("flops"),
        given("params", "flops"),
    )


def redundancy_part(evidence: Evidence) -> Part | None:
    """The indicator it ranks most like, the best one, and what it adds to each."""
    rows = [row for one in evidence.standings for row in _additions(one)]
    if not rows:
        return None
    return Part(
        "redundancy",
        "What it adds to others",
        f"{RHO} is that between the two scores. The sum of the two indicators' ranks is compared "
        "with the other indicator alone, on the same networks: a difference above zero says that "
        "something is added.",
        paired(
            "redundancy",
            (
                GridColumn("target", "Target", kind="text"),
                GridColumn("role", "beside", kind="text"),
                GridColumn("other", "indicator", kind="text", code=True),
                GridColumn("rho", RHO),
                GridColumn("tau", f"its {TAU}-b"),
                GridColumn("sum", f"{TAU}-b of the sum"),
                GridColumn("delta", "difference", interval=True),
            ),
            tuple(rows),
        ),
    )


def _additions(one: Standing) -> Iterator[tuple[Cell, ...]]:
    where = short_target(one.space, one.target)
    nearest_is_best = one.nearest is not None and one.nearest.other == one.best
    roles: list[tuple[str, Contribution | None]] = [
        ("the most alike, and the best" if nearest_is_best else "the most alike", one.nearest),
        ("the best", one.with_best),
    ]
    for role, found in roles:
        if found is not None:
            yield (
                words(where),
                words(role),
                words(found.other),
                number(found.rho),
                number(found.tau_other),
                number(found.tau_sum),
                number(found.delta, sign=True, low=found.delta_low, high=found.delta_high),
            )


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
        paired(
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
