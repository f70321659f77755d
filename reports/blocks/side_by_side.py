"""Two stores side by side: what changed, whether it matters, and what was different."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from untrained.reports.blocks.block import Part, report_block
from untrained.reports.figures.dot_rows import Dots, dot_rows
from untrained.reports.figures.drawing import Figure
from untrained.reports.pages.report import Report
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.facts import ARROW, ARROW_MEANING, SHORT_SHA256, intervals
from untrained.reports.tables.grid import (
    Cell,
    Grid,
    GridColumn,
    number,
    paired,
    probability,
    whole_number,
    words,
)
from untrained.reports.tables.numbers import MISSING, confidence_level, count, percent, seconds

if TYPE_CHECKING:
    from untrained.results import ComparedRow, SideBySide


@report_block("side-by-side", of=Report, order=10)
def comparisons(report: Report) -> Iterator[Part]:
    """Two stores side by side, for each search space."""
    for place, one in enumerate(report.comparisons, start=1):
        yield from side_by_side_parts(one, place)


def side_by_side_parts(one: SideBySide, place: int) -> tuple[Part, ...]:
    """What a report shows of one comparison.

    Args:
        place: 1, 2, ... of the comparison in the report, for names.
    """
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
    grid = paired(
        f"differences-{place}",
        (
            GridColumn("what", "what", kind="text"),
            GridColumn("before", "before", kind="text"),
            GridColumn("after", "after", kind="text"),
        ),
        tuple((words(d.what), words(d.before), words(d.after)) for d in one.differences),
    )
    return main, Part(
        f"differences-{place}",
        f"What was different: {one.title}",
        "Everything known that is not the same on both sides, and may explain a change.",
        grid,
    )


def verdict_counts(one: SideBySide) -> str:
    """How many indicators have each verdict, and which where it matters; half a sentence."""
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
    truth = bool(one.target)
    return paired(
        "side-by-side",
        (
            GridColumn("indicator", "Indicator", kind="text", code=True),
            GridColumn("verdict", "verdict", kind="text"),
            GridColumn("n", "n", "networks with a score on both sides"),
            GridColumn("rho", f"{RHO} after, before"),
            *(
                (
                    GridColumn("tau_before", f"{TAU}-b before"),
                    GridColumn("tau_after", f"{TAU}-b after"),
                    GridColumn("delta", f"change of {TAU}-b", interval=True),
                    GridColumn("p_holm", "p, Holm"),
                )
                if truth
                else ()
            ),
            GridColumn(
                "coverage",
                "coverage",
                "share of the common networks that have a score",
                kind="text",
            ),
            GridColumn("statuses", "statuses", "what scores went from and to", kind="text"),
            GridColumn("cost", "s/arch", "median, before and after", kind="text"),
            GridColumn("cost_ratio", "times", "how many times the time"),
        ),
        tuple(_line(row, truth=truth) for row in one.rows),
    )


def _line(row: ComparedRow, *, truth: bool) -> tuple[Cell, ...]:
    change, side = row.change, row.side
    covered = [percent(change.coverage_before), percent(change.coverage_after)]
    costs = [seconds(side.alone_s_before), seconds(side.alone_s_after)]
    numbers = (
        number(change.tau_before),
        number(change.tau_after),
        replace(
            number(change.delta, sign=True, low=change.delta_low, high=change.delta_high),
            signed=True,
        ),
        Cell(probability(change.p_holm), None if math.isnan(change.p_holm) else change.p_holm),
    )
    return (
        Cell(f"{row.indicator}{'' if row.higher_is_better else f' {ARROW}'}", row.indicator),
        Cell(_verdict(row), change.verdict),
        whole_number(change.n),
        number(change.rho),
        *(numbers if truth else ()),
        words(" to ".join(dict.fromkeys(covered))),
        words(_statuses(row)),
        words("" if costs == [MISSING, MISSING] else " to ".join(costs)),
        number(side.cost_ratio, 2),
    )


def _verdict(row: ComparedRow) -> str:
    """With the scores that are on one side alone."""
    change = row.change
    sides = [(change.lost, "lost"), (change.gained, "gained")]
    return ", ".join([change.verdict, *(f"{count(n)} {what}" for n, what in sides if n)])


def _statuses(row: ComparedRow) -> str:
    return "; ".join(f"{count(n)} {old} to {new}" for old, new, n in row.side.statuses)


def changes_grid(*tables: SideBySide) -> Grid:
    """For programs: the lines of some comparisons, each complete by itself."""
    texts = ("title", "space", "before", "after", "target", "truth_sha256", "indicator", "verdict")
    sides = ("version", "protocol", "seeds")
    counts = ("n_listed", "n", "lost", "gained", "identical", "n_truth")
    numbers = ("largest_difference", "rho", "tau", "tau_before", "tau_after")
    tested = ("p", "p_holm", "coverage_before", "coverage_after")
    costs = ("alone_s_before", "alone_s_after", "cost_ratio")
    return paired(
        "side-by-side",
        (
            *(GridColumn(name, name, kind="text") for name in texts),
            *(
                GridColumn(f"{name}_{side}", name, kind="text")
                for name in sides
                for side in ("before", "after")
            ),
            *(GridColumn(name, name) for name in (*counts, *numbers)),
            GridColumn("delta", "delta", interval=True),
            *(GridColumn(name, name) for name in (*tested, *costs)),
            GridColumn("statuses", "statuses", kind="text"),
        ),
        tuple(
            (
                *(words(getattr(one, name)) for name in texts[:6]),
                words(row.indicator),
                words(row.change.verdict),
                *(
                    words(" ".join(map(str, value)) if isinstance(value, tuple) else str(value))
                    for name in sides
                    for value in (getattr(row.before, name), getattr(row.after, name))
                ),
                *(whole_number(getattr(row.change, name)) for name in counts),
                *(number(getattr(row.change, name), 6) for name in numbers),
                number(row.change.delta, 6, low=row.change.delta_low, high=row.change.delta_high),
                *(number(getattr(row.change, name), 6) for name in tested),
                *(number(getattr(row.side, name), 6) for name in costs),
                words(_statuses(row)),
            )
            for one in tables
            for row in one.rows
        ),
    )


def _notes(one: SideBySide) -> tuple[str, ...]:
    lines = [f"Space: {one.space}"]
    lines.append(
        f"Architectures: {count(one.n_common)} on both sides, of {count(one.n_before)} before and "
        f"{count(one.n_after)} after"
    )
    for side, names, total in (
        ("before", one.only_before, one.n_before),
        ("after", one.only_after, one.n_after),
    ):
        if names:
            more = total - one.n_common - len(names)
            lines.append(
                f"Only {side}: {', '.join(names)}" + (f" and {count(more)} more" if more else "")
            )
    for side, names in (("before", one.indicators_before), ("after", one.indicators_after)):
        if names:
            lines.append(f"Indicators only {side}: {', '.join(names)}")
    digest = f", SHA-256 {one.truth_sha256[:SHORT_SHA256]}" if one.truth_sha256 else ""
    lines.append(f"Target: {one.target or 'none'}; {one.truth_source}{digest}")
    lines.append(
        f"Intervals: {intervals(one)}; verdicts at a family-wise level of "
        f"{confidence_level(1 - one.confidence)}"
    )
    if any(not row.higher_is_better for row in one.rows):
        lines.append(ARROW_MEANING)
    return (*lines, *one.notes)


def _figure(one: SideBySide, place: int) -> Figure | None:
    # what ranks as before has not changed at all
    shown = [r for r in one.rows if r.change.tau != 1 and not math.isnan(r.change.delta)]
    if not shown:
        return None
    changes = [row.change for row in shown]
    return dot_rows(
        [row.indicator for row in shown],
        [
            Dots(
                "change",
                tuple(change.delta for change in changes),
                tuple(change.delta_low for change in changes),
                tuple(change.delta_high for change in changes),
            )
        ],
        name=f"side-by-side-{place}",
        text="Change of Kendall's tau-b of each indicator whose order changed, with its interval",
        x_label=f"change of Kendall tau-b, after minus before [{confidence_level(one.confidence)}]",
    )
