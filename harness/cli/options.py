"""Options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from untrained.harness.study.study import Statistics


class DeviceName(StrEnum):
    """What networks are computed on."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class ProtocolKind(StrEnum):
    """Whose protocol indicators are measured under."""

    reference = "reference"
    shared = "shared"


class LabelKind(StrEnum):
    """Which labels images have."""

    true = "true"
    random = "random"


Store = Annotated[Path, typer.Option(metavar="FILE", help="The score store.", show_default=False)]
StoredScores = Annotated[
    Path,
    typer.Option(
        "--store",
        metavar="FILE",
        help="The score store, or the scores.parquet exported from one.",
        show_default=False,
    ),
]
KnownScores = Annotated[
    list[Path] | None,
    typer.Option(
        "--scores",
        metavar="FILE",
        help="Scores that are there already, exported or in a store: they are added first and not "
        "computed again. May be repeated.",
        show_default=False,
    ),
]
TaskFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--task",
        metavar="FILE",
        help="A task of GenNAS (untrained search-task), which is then an indicator; may be "
        "repeated.",
        show_default=False,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Worker processes; by default one a CPU core, or one a GPU. Scores do not depend "
        "on it.",
        show_default=False,
    ),
]
DeviceOption = Annotated[DeviceName, typer.Option(help="What networks are computed on.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan with counts and stop.")]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Score again what failed in an earlier run.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Space = Annotated[
    str | None,
    typer.Option(help="Only this search space; by default all in the store.", show_default=False),
]
ProtocolDigests = Annotated[
    list[str] | None,
    typer.Option(
        "--protocol",
        metavar="DIGEST",
        help="Which protocol, where an indicator was scored under several; may be repeated.",
        show_default=False,
    ),
]
AggregatesOption = Annotated[
    str | None,
    typer.Option(
        "--aggregates",
        metavar="A,B",
        help="Further rows, computed from stored scores: see untrained list aggregates.",
        show_default=False,
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        help="Only scores of this seed; by default the mean over all.", show_default=False
    ),
]
BenchmarkOption = Annotated[
    str | None,
    typer.Option(
        "--benchmark",
        "--truth",
        metavar="NAME|FILE",
        help="Benchmark or CSV or Parquet file with accuracies (default: the first benchmark whose "
        "data is present). none: no accuracies, only agreement with sizes and each other.",
        show_default=False,
    ),
]
TruthDataset = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        help="Dataset of the target; by default the one scores are about.",
        show_default=False,
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(
        help="Metric of the target; by default test accuracy if there is one.", show_default=False
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(min=0, help="Training epochs; by default the longest.", show_default=False),
]
TruthSeed = Annotated[
    int | None,
    typer.Option(
        min=-1, help="Training seed; by default the mean over all (-1).", show_default=False
    ),
]
Resamples = Annotated[int, typer.Option(min=2, help="Bootstrap resamples.")]
Confidence = Annotated[float, typer.Option(help="Of the intervals, between 0 and 1.")]

DEFAULT_STATISTICS = Statistics()


def use_tasks(files: list[Path] | None) -> list[str]:
    """Make the tasks of `--task` indicators.

    Returns:
        Their ids, each as long as it was trained when it was found last.
    """
    if not files:
        return []
    from untrained.indicators.gennas_found import use_task

    return [name for file in files for name in use_task(file)]
