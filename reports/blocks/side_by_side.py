"""Two stores side by side: what changed, whether it matters, and what was different."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.dot_rows import Dots, dot_rows
from untrained.reports.figures.drawing import Figure
from untrained.reports.pages.report import Report
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.facts import ARROW, ARROW_MEANING, intervals, truth
from untrained.reports.tables.grid import Cell, Column, Grid, Line, probability
from untrained.reports.tables.numbers import MISSING, confidence_level, percent, seconds
from untrained.results.statistics.population import MIN_NETWORKS

if TYPE_CHECKING:
    from untrained.results import ComparedRow, SideBySide


@report_block("side-by-side", of=Report, order=10)
def comparisons(report: Report) -> Iterator[Part]:
    """Compare two stores, for each search space."""
    for place, one in enumerate(report.comparisons, start=1):
        yield from side_by_side_parts(one, place)


_SIDES = ("before", "after")


def side_by_side_parts(one: SideBySide, place: int) -> tuple[Part, ...]:
    """Make the parts of one comparison, the first, second, ... of the report."""
    main = Part(
        f"side-by-side-{place}",
        one.title,
        f"Before is {one.before}, after is {one.after}. {_meaning(one)}",
        _grid(one),
        (figure,) if (figure := _figure(one, place)) else (),
        notes=_notes(one),
        full=changes_grid(one),
        command=one.command,
    )
    if not one.differences:
        return (main,)
    columns = [Column(name, name, kind="text") for name in ("what", "before", "after")]
    grid = Grid(f"differences-{place}", columns, one.differences)
    return main, Part(
        f"differences-{place}",
        f"What was different: {one.title}",
        "Everything known that is not the same on both sides, and may explain a change.",
        grid,
    )


def verdict_counts(one: SideBySide) -> str:
    """Count the indicators of each verdict and name those that matter, as half a sentence."""
    found: dict[str, list[str]] = {}
    for row in one.rows:
        found.setdefault(row.change.verdict, []).append(row.indicator)
    silent = ("same", "same order", "within noise", "negligible")
    for row in one.rows:
        if row.change.lost:
            found.setdefault("with scores lost", []).append(row.indicator)
    parts = [
        f"{len(names)} {verdict}" + ("" if verdict in silent else f" ({', '.join(names)})")
        for verdict, names in found.items()
    ]
    return ", ".join(parts) or "no indicator is on both sides"


def _meaning(one: SideBySide) -> str:
    known = (
        f"{TAU}-b is that with {one.target}, on the networks that have both scores and a true "
        "value; its change is resampled in pairs, and p is adjusted for the number of indicators "
        "whose order changed by Holm's method. "
        if one.target
        else "Without accuracies no change of order can be said to matter or not. "
    )
    return known + (
        "Verdicts: same: equal scores, to "
        f"{one.tolerance:g} of their size; same order: other numbers, the same ranking; within "
        "noise: the change of tau-b is not told apart from zero, and the interval says how large "
        f"it may be; negligible: told apart, but surely below {one.margin:g}; moved: told apart "
        "and not negligible, or constant on one side alone; cannot say: other scores, and no p."
    )


def _grid(one: SideBySide) -> Grid:
    fewer = any(row.change.n_truth != row.change.n for row in one.rows)
    n_truth = Column("n_truth", "n, true value", "change.n_truth", "of those, with a true value")
    with_truth = (
        *([n_truth] if fewer else ()),
        Column("tau_before", f"{TAU}-b before", "change.tau_before"),
        Column("tau_after", f"{TAU}-b after", "change.tau_after"),
        Column(
            "delta", f"change of {TAU}-b", "change.delta", interval=True, sign=True, sign_ends=True
        ),
        Column("p_holm", "p, Holm", "change.p_holm", show=probability),
    )
    return Grid(
        "side-by-side",
        (
            Column("indicator", "Indicator", _label, kind="code"),
            Column("verdict", "verdict", _verdict, kind="text"),
            Column("n", "n", "change.n", "networks with a score on both sides"),
            Column("rho", f"{RHO} after, before", "change.rho"),
            *(with_truth if one.target else ()),
            Column(
                "coverage",
                "coverage",
                _coverage,
                "share of the common networks that have a score",
                kind="text",
            ),
            Column("statuses", "statuses", _statuses, "what scores went from and to", kind="text"),
            Column("cost", "s/arch", _costs, "median, before and after", kind="text"),
            Column("cost_ratio", "times", "side.cost_ratio", "how many times the time", places=2),
        ),
        one.rows,
    )


def _label(row: ComparedRow) -> Cell:
    return Cell(f"{row.indicator}{'' if row.higher_is_better else f' {ARROW}'}", row.indicator)


def _coverage(row: ComparedRow) -> str:
    covered = [percent(row.change.coverage_before), percent(row.change.coverage_after)]
    return " to ".join(dict.fromkeys(covered))


def _costs(row: ComparedRow) -> str:
    costs = [seconds(row.side.alone_s_before), seconds(row.side.alone_s_after)]
    return "" if costs == [MISSING, MISSING] else " to ".join(costs)


def _verdict(row: ComparedRow) -> Cell:
    """Write the verdict, with the scores that only one side has."""
    change = row.change
    sides = [(change.lost, "lost"), (change.gained, "gained")]
    text = ", ".join([change.verdict, *(f"{n:,} {what}" for n, what in sides if n)])
    return Cell(text, change.verdict)


def _statuses(row: ComparedRow) -> str:
    return "; ".join(f"{n:,} {old} to {new}" for old, new, n in row.side.statuses)


def changes_grid(*tables: SideBySide) -> Grid:
    """Make the table for programs: the rows of some comparisons, each row complete by itself."""
    of_table = ("title", "space", "before", "after", "target", "truth_sha256")
    of_change = (
        *("n_listed", "n", "lost", "gained", "identical", "n_truth"),
        *("largest_difference", "rho", "tau", "tau_before", "tau_after"),
    )
    tested = ("p", "p_holm", "coverage_before", "coverage_after")
    return Grid(
        "side-by-side",
        (
            *(Column(name, get=f"table.{name}") for name in of_table),
            Column("indicator", get="row.indicator"),
            Column("verdict", get="row.change.verdict"),
            *(Column(f"version_{side}", get=f"row.{side}.version") for side in _SIDES),
            *(Column(f"protocol_{side}", get=f"row.{side}.protocol") for side in _SIDES),
            Column("seeds_before", get=lambda line: " ".join(map(str, line.row.before.seeds))),
            Column("seeds_after", get=lambda line: " ".join(map(str, line.row.after.seeds))),
            *(Column(name, get=f"row.change.{name}") for name in of_change),
            Column("delta", get="row.change.delta", interval=True),
            *(Column(name, get=f"row.change.{name}") for name in tested),
            *(Column(f"alone_s_{side}", get=f"row.side.alone_s_{side}") for side in _SIDES),
            Column("cost_ratio", get="row.side.cost_ratio"),
            Column("statuses", get=lambda line: _statuses(line.row)),
        ),
        [Line(one, row) for one in tables for row in one.rows],
    )


def _notes(one: SideBySide) -> tuple[str, ...]:
    lines = [f"Space: {one.space}"]
    lines.append(
        f"Architectures: {one.n_common:,} on both sides, of {one.n_before:,} before and "
        f"{one.n_after:,} after"
    )
    for side, names, total in (
        ("before", one.only_before, one.n_before),
        ("after", one.only_after, one.n_after),
    ):
        if names:
            more = total - one.n_common - len(names)
            lines.append(
                f"Only {side}: {', '.join(names)}" + (f" and {more:,} more" if more else "")
            )
    for side, names in (("before", one.indicators_before), ("after", one.indicators_after)):
        if names:
            lines.append(f"Indicators only {side}: {', '.join(names)}")
    lines.append(f"Target: {one.target or 'none'}; {truth(one)}")
    lines.append(
        f"Intervals: {intervals(one, one.n_common)}; verdicts at a family-wise level of "
        f"{confidence_level(1 - one.confidence)}"
    )
    few = [r.indicator for r in one.rows if r.change.n >= MIN_NETWORKS > r.change.n_truth]
    if one.target and few:
        lines.append(
            f"No {TAU}-b of {', '.join(few)}: fewer than {MIN_NETWORKS} networks have both scores "
            "and a true value"
        )
    if any(not row.higher_is_better for row in one.rows):
        lines.append(ARROW_MEANING)
    return (*lines, *one.notes)


def _figure(one: SideBySide, place: int) -> Figure | None:
    # what ranks as before has not changed at all
    shown = [r for r in one.rows if r.change.tau != 1 and not math.isnan(r.change.delta)]
    if not shown:
        return None
    return dot_rows(
        [row.indicator for row in shown],
        [Dots.of("change", [row.change for row in shown], "delta")],
        name=f"side-by-side-{place}",
        text="Change of Kendall's tau-b of each indicator whose order changed, with its interval",
        x_label=f"change of Kendall tau-b, after minus before [{confidence_level(one.confidence)}]",
    )
