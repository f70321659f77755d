"""What two sides of a comparison were not measured alike under."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from untrained.results import ComparedRow, Difference, Environment


def environment_differences(
    before: Sequence[Environment], after: Sequence[Environment]
) -> Iterator[Difference]:
    """The fields that differ, every distinct value of a side."""

    def found(places: Sequence[Environment], field: str) -> str:
        values = {getattr(place, field) for place in places}
        texts = sorted("unknown" if value is None else str(value) for value in values)
        # as many digits of a commit as tell it apart anywhere
        return ", ".join(text[:12] if field == "git_commit" else text for text in texts)

    for field in fields(Environment):
        old, new = found(before, field.name), found(after, field.name)
        if old != new:
            yield Difference(f"environment: {field.name}", old, new)


def row_differences(rows: Sequence[ComparedRow]) -> Iterator[Difference]:
    """Versions, protocols and seeds, the indicators with the same difference together."""
    users: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        old, new = row.before, row.after
        for what, one, other in (
            ("version", f"v{old.version}", f"v{new.version}"),
            (
                "protocol",
                f"{old.protocol_text} ({old.protocol})",
                f"{new.protocol_text} ({new.protocol})",
            ),
            ("seeds", " ".join(map(str, old.seeds)), " ".join(map(str, new.seeds))),
        ):
            if one != other:
                users.setdefault((what, one, other), []).append(row.indicator)
    for (what, one, other), names in users.items():
        yield Difference(f"{what} of {', '.join(names)}", one, other)
