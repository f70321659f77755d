"""Checking a table against what is known of the benchmark."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from untrained.foundation import UserError
from untrained.spaces.benchmarks.benchmark import Benchmark
from untrained.spaces.framework.registry import benchmarks, spaces


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is known, and what the table has."""

    what: str
    expected: str
    found: str
    holds: bool

    def row(self) -> dict[str, str]:
        """For a table."""
        holds = "yes" if self.holds else "NO"
        return {"what": self.what, "expected": self.expected, "found": self.found, "holds": holds}


@cache
def _known() -> dict[str, Any]:
    text = files("untrained.spaces.converters").joinpath("known_values.toml").read_text("utf-8")
    return tomllib.loads(text)


def verify(name: str) -> list[Check]:
    """Check a benchmark's table.

    Returns:
        That it can be read, that every architecture is one of the space in its own notation, and
        counts and optima where they are known.

    Raises:
        UnknownName: no such benchmark.
        MissingData: its data is not there.
    """
    benchmark = benchmarks[name]
    try:
        architectures = set().union(
            *(benchmark.table(target)["architecture"] for target in benchmark.targets())
        )
    except UserError as damage:
        if benchmark.missing() is not None:
            raise
        return [Check("readable", "a table", str(damage), holds=False)]
    return [
        _notation(benchmark, architectures),
        *_counts(name, len(architectures)),
        *_optima(name, benchmark),
    ]


def _notation(benchmark: Benchmark, architectures: set[str]) -> Check:
    space = spaces[benchmark.space]
    strange = ""
    for text in sorted(architectures):
        try:
            if space.parse(text).text != text:
                strange = text
        except UserError:
            strange = text
        if strange:
            break
    return Check(
        "architectures",
        f"of {space.name}, in its notation",
        f"{strange!r} is not" if strange else f"all {len(architectures):,} are",
        holds=not strange,
    )


def _counts(name: str, found: int) -> Iterator[Check]:
    expected = _known().get(name, {}).get("architectures")
    if expected is not None:
        yield Check("number", f"{expected:,}", f"{found:,}", holds=found == expected)


def _optima(name: str, benchmark: Benchmark) -> Iterator[Check]:
    for known in _known().get(name, {}).get("best", []):
        asked = {key: known[key] for key in ("dataset", "metric", "epochs")}
        what = f"best {asked['dataset']} {asked['metric']} after {asked['epochs']} epochs"
        expected = f"{known['value']:.2f}"
        try:
            best = float(benchmark.best(**asked)["value"].iloc[0])
        except UserError:
            yield Check(what, expected, "no such values", holds=False)
            continue
        holds = abs(best - known["value"]) <= known["within"]
        yield Check(what, expected, f"{best:.3f}", holds=holds)
