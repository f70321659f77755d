"""`untrained run`: a whole study."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from untrained.harness.cli.options import (
    DeviceName,
    DeviceOption,
    DryRun,
    KnownScores,
    RetryFailed,
    Workers,
)

STORE_NAME = "scores.sqlite"
SCORES_NAME = "scores.parquet"


def run(
    study: Annotated[
        str, typer.Argument(metavar="STUDY", help="A TOML file, or a built-in study by name.")
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="For store and report; by default what the study says, else its name.",
            show_default=False,
        ),
    ] = None,
    scores: KnownScores = None,
    workers: Workers = None,
    device: DeviceOption = DeviceName.auto,
    retry_failed: RetryFailed = False,
    dry_run: DryRun = False,
) -> None:
    """Run a study: score, correlate, report. An interrupted run is resumed by the same command.

    [dim]untrained run nasbench201-quick

    untrained run my-study.toml --output results --workers 4

    untrained run darts-quick --scores results/committed/darts-quick/scores.parquet[/dim]
    """
    from untrained.harness.analysis.agreement_tables import tables_of
    from untrained.harness.analysis.correlation_tables import make_report
    from untrained.harness.analysis.score_selection import ranked_of_plan
    from untrained.harness.cli.output import print_report, warn_without_truth
    from untrained.harness.cli.running import fill, print_failures, print_plan, print_summary
    from untrained.harness.study.factorial import effects_of_factors, plan_cells
    from untrained.harness.study.study_file import load_study
    from untrained.harness.study.truth import truths_of_study
    from untrained.reports import factor_part, formats, write_report
    from untrained.results import ScoreStore

    named = load_study(study)
    folder = output or Path(named.study.report.folder or named.name)
    cells = plan_cells(named)
    plans = [plan for cell in cells for plan in cell.plans]
    # what is wrong at the end must not show only after hours of scoring
    truths = truths_of_study(named)
    warn_without_truth(truths)
    with named.at("report", "formats"):
        for name in named.study.report.formats:
            formats[name]
    if dry_run:
        print_plan(plans, folder / STORE_NAME, known=scores or ())
        return
    with ScoreStore(folder / STORE_NAME) as store:
        for known in scores or ():
            store.absorb(known)
        summary = fill(store, plans, device=device, workers=workers, retry_failed=retry_failed)
        print_summary(summary, store.path)
        ranked = [ranked_of_plan(plan, store) for plan in cells[0].plans]
        sections, agreements = tables_of(
            ranked, truths, statistics=named.study.statistics, command=named.command
        )
        effects = effects_of_factors(cells, store, truths)
        sections = [
            replace(section, parts=(*section.parts, factor_part(found)))
            if (found := effects.get(section.table.space))
            else section
            for section in sections
        ]
        report = make_report(named.title, sections, ranked, store, agreements=agreements)
        exported = store.export(folder / SCORES_NAME)
    files = [*write_report(report, folder, named.study.report.formats), exported]
    print_report(report)
    print(f"written: {', '.join(str(file) for file in files)}", file=sys.stderr)
    if summary.num_failures:
        print_failures(summary)
        raise typer.Exit(1)
