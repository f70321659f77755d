"""Write the leaderboard from the committed reports: one HTML file that loads nothing.

python docs/site/leaderboard.py FILE
"""

from __future__ import annotations

import base64
import csv
import hashlib
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from untrained.spaces import spaces

_HERE = Path(__file__).parent
COMMITTED = _HERE.parents[1] / "results" / "committed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One indicator under one target of one report."""

    study: str
    space: str
    target: str
    indicator: str
    n: int
    n_functions: int | None
    tau: tuple[float, float, float]
    """Estimate over architectures, and its 95 % interval."""
    tau_functions: tuple[float, float, float]
    """Over functions; NaN where no two architectures are known to be one."""
    difference: tuple[float, float, float]
    """To the parameter count, over functions where there are any, else over architectures."""
    seconds: float
    """Median a network, of the indicator by itself; NaN where not measured."""


def _number(row: dict[str, str], name: str) -> float:
    return float(row[name]) if row.get(name) else math.nan


def _triple(row: dict[str, str], value: str, end: str, suffix: str = "") -> tuple[float, ...]:
    names = (f"{value}{suffix}", f"{end}_low{suffix}", f"{end}_high{suffix}")
    return tuple(_number(row, name) for name in names)


def entries(folder: Path = COMMITTED) -> Iterator[Entry]:
    """Read the rows of all committed correlation tables."""
    for file in sorted(folder.glob("*/report.csv")):
        with file.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                if not row.get("tau"):
                    continue  # of a table without accuracies, or of too few networks
                known = row["space"] in spaces
                suffix = "_functions" if row.get("n_functions") else ""
                yield Entry(
                    study=file.parent.name,
                    space=spaces[row["space"]].title if known else row["space"],
                    target=row["target"],
                    indicator=row["indicator"],
                    n=int(row["n"]),
                    n_functions=int(row["n_functions"]) if suffix else None,
                    tau=_triple(row, "tau", "tau"),
                    tau_functions=_triple(row, "tau", "tau", "_functions"),
                    difference=_triple(row, "delta_tau", "delta", suffix),
                    seconds=_number(row, "alone_s"),
                )  # type: ignore[arg-type]


def _cell(values: tuple[float, ...], sign: str = "") -> str:
    middle, low, high = values
    if math.isnan(middle):
        return '<td data-v=""></td>'
    inside = "" if math.isnan(low) else f" <small>[{low:{sign}.3f}, {high:{sign}.3f}]</small>"
    return f'<td data-v="{middle}">{middle:{sign}.3f}{inside}</td>'


def _row(entry: Entry) -> str:
    functions = "" if entry.n_functions is None else str(entry.n_functions)
    seconds = "" if math.isnan(entry.seconds) else f"{entry.seconds:.3g}"
    cells = [
        *(f"<td>{escape(text)}</td>" for text in (entry.indicator, entry.space, entry.target)),
        f"<td>{entry.n}</td>",
        _cell(entry.tau),
        f"<td>{functions}</td>",
        _cell(entry.tau_functions),
        _cell(entry.difference, "+"),
        f"<td>{seconds}</td>",
        f"<td>{escape(entry.study)}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def page(folder: Path = COMMITTED) -> str:
    """Write the page."""
    found = sorted(entries(folder), key=lambda e: (e.space, e.target, e.study, -e.tau[0]))
    script = _HERE.joinpath("leaderboard.js").read_text("utf-8")
    names = sorted({entry.space for entry in found})
    return Template(_HERE.joinpath("leaderboard.html").read_text("utf-8")).substitute(
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        count=len(found),
        indicators=len({entry.indicator for entry in found}),
        options="".join(f"<option>{escape(name)}</option>" for name in names),
        lines="\n".join(map(_row, found)),
        script=script,
    )


def summary(folder: Path = COMMITTED) -> str:
    """Write the page of the site: the best indicator of each table, and the link."""
    best: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries(folder):
        best.setdefault((entry.space, entry.target, entry.study), []).append(entry)
    lines = [
        "# Leaderboard",
        "",
        '<a href="../leaderboard.html">The sortable table of all indicators</a> is one file that '
        "loads nothing; keep it or mail it. Below, the indicator with the highest τ-b of each "
        "committed table, and the parameter count beside it on the same networks.",
        "",
        "| space, target | report | best | τ-b | functions | params | s/network |",
        "| :-- | :-- | :-- | --: | --: | --: | --: |",
    ]
    for (space, target, study), rows in sorted(best.items()):
        top = max(rows, key=lambda e: e.tau[0])
        params = next((e for e in rows if e.indicator == "params"), None)
        shown = [
            "" if value is None or math.isnan(value) else f"{value:{form}}"
            for value, form in (
                (top.tau[0], ".3f"),
                (top.tau_functions[0], ".3f"),
                (params and params.tau[0], ".3f"),
                (top.seconds, ".3g"),
            )
        ]
        link = f"[{study}](../results/committed/{study}/report.md)"
        lines.append(f"| {space}: {target} | {link} | `{top.indicator}` | {' | '.join(shown)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
