"""`untrained report`: a store's scores against accuracies, as documents."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from untrained.foundation import UserError
from untrained.harness.cli.options import (
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
    TruthDataset,
    TruthSeed,
)
from untrained.harness.study.study import ReportOptions

FORMATS = (
    "Among html, markdown, csv, json, latex; tables and figures: every table as CSV, every figure "
    "as SVG and PDF, in a folder; svg and pdf: correlation against cost. Those of plug-ins: "
    "untrained list formats."
)
"""Written down: looking formats up would load plug-ins for every --help. A test compares."""


def report(
    *,
    store: Annotated[
        Path | None,
        typer.Option(
            "--store",
            metavar="FILE",
            help="The score store, or the scores.parquet exported from one.",
            show_default=False,
        ),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare",
            metavar="BEFORE AFTER",
            help="Instead of --store: two stores or exports, and what changed from one to the "
            "other.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the files go; by default beside the (second) store.",
            show_default=False,
        ),
    ] = None,
    formats: Annotated[
        str, typer.Option("--formats", "--format", metavar="A,B", help=FORMATS)
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
    """Write tables and figures of the scores in a store, or of two stores side by side.

    [dim]untrained report --store s.sqlite --output report

    untrained report --store s.sqlite --formats html,json --benchmark nasbench201

    untrained report --compare old/scores.parquet new/scores.sqlite --output comparison[/dim]
    """
    from untrained.harness.cli.running import comparison_from_options, report_from_options
    from untrained.reports import formats as registered
    from untrained.reports import verdict_counts, write_report

    names = [name.strip() for name in formats.split(",") if name.strip()]
    for name in names:
        registered[name]
    truth = {
        "benchmark": benchmark,
        "dataset": dataset,
        "metric": metric,
        "epochs": epochs,
        "seed": truth_seed,
    }
    statistics = {"resamples": resamples, "confidence": confidence}
    if (store is None) == (compare is None):
        raise UserError(
            "a report is of one store or of two side by side: give --store FILE or "
            "--compare BEFORE AFTER"
        )
    if compare is not None:
        if aggregates:
            raise UserError(
                f"--aggregates {aggregates} was asked for with --compare, which compares the "
                "stored scores themselves; leave one of them out"
            )
        made = comparison_from_options(
            compare, space=space, truth=truth, protocols=protocol, seed=seed, statistics=statistics
        )
        for one in made.comparisons:
            print(f"{one.space}: {verdict_counts(one)}", file=sys.stderr)
        for file in write_report(made, output or compare[1].parent, names, stem="comparison"):
            print(file)
        return
    assert store is not None
    made = report_from_options(
        "report",
        store,
        space=space,
        truth=truth,
        protocols=protocol,
        seed=seed,
        aggregates=aggregates,
        statistics=statistics,
    )
    for file in write_report(made, output or store.parent, names):
        print(file)
