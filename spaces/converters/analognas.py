"""The accuracies inside the package analog-nasbench (AnalogNAS-Bench), `data.anb`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from untrained.spaces.converters.converter import Value, converter
from untrained.spaces.nasbench201.analog import read_accuracies

_NOTE = (
    "percent; baseline_accuracy is the digital network's, the others are after conversion to "
    "analog hardware, some after a drift of the time in their name, with its uncertainty; the "
    "benchmark nasbench201-analog reads the package's file itself and needs no table"
)


@converter(
    "nasbench201-analog",
    title="AnalogNAS-Bench",
    takes="data.anb of the installed package analognasbench",
    space="nasbench201",
    note=_NOTE,
)
def read(path: Path) -> Iterator[Value]:
    """Every metric of every architecture."""
    frame = read_accuracies(path)
    for architecture, values in zip(frame.index, frame.itertuples(index=False), strict=True):
        for metric, value in zip(frame.columns, values, strict=True):
            yield Value(architecture, "cifar10", metric, 0, -1, value)
