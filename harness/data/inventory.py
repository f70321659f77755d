"""What data a run may need, whether it is there, and how to get what is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from untrained.foundation import MissingData
from untrained.harness.data.datasets import datasets
from untrained.harness.data.image_conversion import image_converters
from untrained.harness.data.images import image_file
from untrained.spaces import benchmarks
from untrained.spaces.converters import converters
from untrained.spaces.converters.download import sources


@dataclass(frozen=True, slots=True)
class DataItem:
    """One table or image set."""

    name: str
    """What `untrained data` calls it."""
    kind: str
    """`tabular` or `surrogate` ground truth, or `images`."""
    used_for: str
    """Search space of the table, or dataset of the images."""
    present: bool
    how: str
    """How to get it; empty where it is there."""

    def row(self) -> dict[str, str]:
        """For a table."""
        return {
            "name": self.name,
            "kind": self.kind,
            "of": self.used_for,
            "there": "yes" if self.present else "no",
            "how to get it": self.how,
        }


def inventory() -> Iterator[DataItem]:
    """All registered benchmarks, then all image sets."""
    for name, benchmark in benchmarks.items():
        missing = benchmark.missing()
        yield DataItem(
            name,
            benchmark.kind,
            benchmark.space,
            missing is None,
            "" if missing is None else how_to_get(name) or missing,
        )
    for name, dataset in datasets.items():
        try:
            image_file(dataset)
        except MissingData as missing_images:
            how = how_to_get(f"{name}-images") or str(missing_images)
        else:
            how = ""
        yield DataItem(f"{name}-images", "images", name, not how, how)


def how_to_get(name: str) -> str:
    """The command that makes a table or image set, and where its official file is published.

    Returns:
        Empty text where nothing is known.
    """
    source = sources().get(name)
    if source is not None and source.address:
        return f"untrained data fetch {name}"
    takes = converters[name].takes if name in converters else image_converters().get(name)
    if takes is None:
        return ""
    where = f" (from {source.page})" if source is not None else ""
    return f"untrained data convert {name} PATH, PATH: {takes}{where}"
