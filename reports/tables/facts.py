"""Facts and notes beside a table, by which its numbers can be traced."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from untrained.reports.tables.numbers import MISSING, confidence_level, decimal, listing
from untrained.results.statistics.bootstrap import LINEAR_BEYOND, PART_SIZE, PARTS, PARTS_BEYOND

if TYPE_CHECKING:
    from untrained.results import (
        AgreementRow,
        CorrelationTable,
        RowProvenance,
        SideBySide,
        TableProvenance,
        TableRow,
    )

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Fact:
    """A named property of a whole table."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ProtocolNote:
    """The protocol and seeds that some rows of a table share."""

    number: int
    """1, 2, ... in the order of the rows; 0 when all rows share it and no mark is needed."""
    text: str
    digest: str
    seeds: tuple[int, ...]
    indicators: tuple[str, ...]
    """Each with its version, `naswot v1`, in the order of the rows."""

    def sentence(self) -> str:
        """Write name and text in one line."""
        if not self.digest:
            return f"{', '.join(self.indicators)}: {self.text}"
        seeds = "seed" if len(self.seeds) == 1 else "seeds"
        protocols = "protocols" if " " in self.digest else "protocol"
        return (
            f"{', '.join(self.indicators)}: {self.text}; {seeds} {listing(self.seeds)} "
            f"({protocols} {self.digest.replace(' ', ', ')})"
        )


def facts(table: CorrelationTable) -> tuple[Fact, ...]:
    """List population, target, source of the truth and kind of the intervals."""
    functions = (
        f"{table.n_functions:,}; one architecture of each, drawn at random with seed "
        f"{table.bootstrap_seed}, and resampled by itself"
    )
    return (
        Fact("Space", table.space),
        Fact("Population", f"{table.population}; {table.n_population:,} architectures"),
        *([Fact("Functions", functions)] if table.n_functions else ()),
        Fact("Target", table.target),
        Fact("Ground truth", truth(table)),
        *([Fact("Draws", draws(table))] if any(row.seeds for row in table.rows) else ()),
        Fact("Intervals", intervals(table, table.n_population)),
    )


def draws(table: CorrelationTable) -> str:
    """How often weights and batches were drawn, and what of that is in the intervals."""
    weights = max((len(row.seeds) for row in table.rows), default=1)
    mean = ", a score is their mean" if weights > 1 else ""
    noises = [row.batch for row in table.rows if row.batch]
    if not noises:
        return f"{weights} of the weights{mean}; 1 of the batch, whose noise is in no interval"
    batches, n = max((one.draws, one.n) for one in noises)
    return (
        f"{weights} of the weights{mean}; {batches} of the batch, on {n:,} of the "
        "architectures, whose common noise is added in quadrature to the intervals of this table "
        "and of differences between indicators"
    )


def protocol_notes(rows: Sequence[TableRow | AgreementRow]) -> tuple[ProtocolNote, ...]:
    """Write one note for each distinct (protocol, seeds) of rows, in their order."""
    groups: dict[tuple[str, str, tuple[int, ...]], list[str]] = {}
    for row in rows:
        # scores of others have no version, protocol or seed that is known
        indicator = f"{row.indicator} v{row.version}" if row.version else row.indicator
        groups.setdefault(_protocol_of(row), []).append(indicator)
    alone = len(groups) == 1
    return tuple(
        ProtocolNote(
            number=0 if alone else number,
            text=text,
            digest=digest,
            seeds=seeds,
            indicators=tuple(indicators),
        )
        for number, ((digest, text, seeds), indicators) in enumerate(groups.items(), start=1)
    )


def protocol_number(row: RowProvenance, notes: tuple[ProtocolNote, ...]) -> int:
    """Find the number of a row's note; 0 if the table needs no marks."""
    for note in notes:
        if (note.digest, note.text, note.seeds) == _protocol_of(row):
            return note.number
    raise ValueError(f"the notes are those of another table: none is for {row!r}")


def failures(table: CorrelationTable) -> Iterator[str]:
    """Write a line for each indicator that ranks fewer architectures than the population has.

    It counts the failed scores by status (with several seeds there are several scores an
    architecture) and says what tau-b becomes when missing scores rank last.
    """
    for row in table.ranked:
        c = row.correlation
        missing = c.n_population - c.n
        if not missing and not row.failures:
            continue
        fates = ", ".join(f"{n:,} {status}" for status, n in sorted(row.failures)) or "no score"
        line = f"{c.indicator}: {missing:,} of {c.n_population:,} not ranked, {fates}"
        if not math.isnan(c.tau_failures_last):
            line += f"; tau-b {decimal(c.tau_failures_last)} if they rank last"
        yield line


ARROW = "↓"
ARROW_MEANING = (
    f"{ARROW} lower is better: the score's sign is turned, so a positive correlation is a good one."
)

AGGREGATE = "‡"
AGGREGATE_MEANING = (
    f"{AGGREGATE} computed from the scores of other rows when the table was made, where an "
    "architecture has all of them; its time is their sum. Resamples keep the computed values: "
    "ranks inside them are those of the whole population."
)


STAR = "*"


def star_lines(table: CorrelationTable) -> Iterator[str]:
    """Explain a star behind a difference, where there can be one."""
    compared = sum(not math.isnan(row.correlation.delta_p_holm) for row in table.rows)
    if compared:
        yield (
            f"{STAR} told apart from {table.baseline} at a family-wise level of "
            f"{confidence_level(1 - table.confidence)}, by Holm's method over the comparisons of "
            f"the column ({compared:,} over architectures)"
        )


def note_lines(table: CorrelationTable) -> tuple[str, ...]:
    """List the lines below a table: protocols, failures, the table's notes."""
    return (*protocol_lines(table.ranked), *other_lines(table))


def other_lines(table: CorrelationTable) -> tuple[str, ...]:
    """List the lines of `note_lines` after those on protocols."""
    return (*star_lines(table), *mark_lines(table.rows), *failures(table), *table.notes)


def protocol_lines(rows: Sequence[TableRow | AgreementRow]) -> list[str]:
    """Write the protocol notes of rows, each behind its number."""
    return [f"{mark(n.number)} {n.sentence()}".strip() for n in protocol_notes(rows)]


def mark_lines(rows: Sequence[RowProvenance]) -> Iterator[str]:
    """Explain the arrow and the double dagger, where a row has them."""
    if any(not row.higher_is_better for row in rows):
        yield ARROW_MEANING
    if any(row.members for row in rows):
        yield AGGREGATE_MEANING


def mark(number: int) -> str:
    """Write a note's number in superscript digits; empty for 0.

    >>> mark(0), mark(12)
    ('', '¹²')
    """
    return str(number).translate(_SUPERSCRIPTS) if number else ""


def truth(table: CorrelationTable | SideBySide) -> str:
    """Write the source of the truth with the digest of its file."""
    digest = table.truth_sha256[:12]
    return f"{table.truth_source}, SHA-256 {digest}" if digest else table.truth_source


def intervals(table: TableProvenance, n: int) -> str:
    """Describe the intervals of a table of n networks."""
    if not table.resamples:
        return "none"
    kind = "percentile" if table.interval == "percentile" else "BCa"
    text = (
        f"{confidence_level(table.confidence)} {kind} bootstrap over architectures, "
        f"{table.resamples:,} resamples, seed {table.bootstrap_seed}"
    )
    if n > LINEAR_BEYOND:
        text += (
            f"; where more than {LINEAR_BEYOND:,} networks are ranked, coefficients are "
            "linear in how often a resample has each network"
        )
    if n > PARTS_BEYOND:
        text += (
            f"; where more than {PARTS_BEYOND:,} are, top slices are resampled in {PARTS} "
            f"random parts of {PART_SIZE:,} networks"
        )
    return text


def _protocol_of(row: RowProvenance) -> tuple[str, str, tuple[int, ...]]:
    return (row.protocol, row.protocol_text, tuple(row.seeds))


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
