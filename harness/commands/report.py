"""`untrained report`: a store's scores against accuracies, as documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from untrained.harness.commands.options import (
    DEFAULT_STATISTICS,
    AggregatesOption,
    BenchmarkOption,
    Confidence,
    Epochs,
    Metric,
    ProtocolDigests,
    Resamples,
    SeedOption,
    Space,
    StoredScores,
    TruthDataset,
    TruthSeed,
)
from untrained.harness.study import ReportOptions


def report(
    *,
    store: StoredScores,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the files go; by default beside the store."),
    ] = None,
    formats: Annotated[
        str, typer.Option(metavar="A,B", help="See untrained list formats.")
    ] = ",".join(ReportOptions().formats),
    space: Space = None,
    benchmark: BenchmarkOption = None,
    dataset: TruthDataset = None,
    metric: Metric = None,
    epochs: Epochs = None,
    truth_seed: TruthSeed = None,
    protocol: ProtocolDigests = None,
    seed: SeedOption = None,
    aggregates: AggregatesOption = None,
    resamples: Resamples = DEFAULT_STATISTICS.resamples,
    confidence: Confidence = DEFAULT_STATISTICS.confidence,
) -> None:
    """Write tables and figures of the scores in a store: HTML, Markdown, CSV.

    [dim]untrained report --store s.sqlite --output report

    untrained report --store s.sqlite --formats html,json --benchmark nasbench201[/dim]
    """
    from untrained.harness.commands.from_store import report_from_options
    from untrained.reports import formats as registered
    from untrained.reports import write_report

    names = [name.strip() for name in formats.split(",") if name.strip()]
    for name in names:
        registered[name]
    made = report_from_options(
        "report",
        store,
        space=space,
        truth={
            "benchmark": benchmark,
            "dataset": dataset,
            "metric": metric,
            "epochs": epochs,
            "seed": truth_seed,
        },
        protocols=protocol,
        seed=seed,
        aggregates=aggregates,
        statistics={"resamples": resamples, "confidence": confidence},
    )
    for file in write_report(made, output or store.parent, names):
        print(file)
