"""`untrained run`: a whole study; the parts of a run that other commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from untrained.harness.cli.options import (
    DeviceName,
    DeviceOption,
    DryRun,
    Execution,
    KnownScores,
    LogOption,
    Rerun,
    RetryFailed,
    ShardOption,
    Workers,
    model_options,
)

if TYPE_CHECKING:
    from untrained.harness.execution.runner import RunSummary
    from untrained.harness.study.plan import Plan
    from untrained.harness.study.study import Cluster
    from untrained.indicators import Protocol
    from untrained.results import ScoreStore

STORE_NAME = "scores.sqlite"
SCORES_NAME = "scores.parquet"


@model_options("execution", Execution)
def run(
    study: Annotated[
        str, typer.Argument(metavar="STUDY", help="TOML file, or name of a built-in study.")
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of store and report (default: the study's value, else its name).",
        ),
    ] = None,
    scores: KnownScores = None,
    shard: ShardOption = None,
    execution: dict[str, Any],
    workers: Workers = None,
    device: DeviceOption = "auto",
    retry_failed: RetryFailed = False,
    rerun: Rerun = "missing",
    log: LogOption = None,
    dry_run: DryRun = False,
) -> None:
    """Run a study: score, correlate, report. An interrupted run is resumed by the same command.

    [dim]untrained run nasbench201-quick

    untrained run my-study.toml --output results --workers 4

    untrained run darts-quick --scores darts-quick[/dim]
    """
    from untrained.harness.analysis.correlation_tables import build_tables, make_report
    from untrained.harness.analysis.score_matrix import effects_of_factors
    from untrained.harness.analysis.score_selection import select_scores
    from untrained.harness.cli.output import print_report, warn_without_truth
    from untrained.harness.execution.run_log import log_path
    from untrained.harness.study.conditions import read_protocols
    from untrained.harness.study.plan import plan_batches, plan_cells, wanted_scores
    from untrained.harness.study.shard import Shard
    from untrained.harness.study.study_file import checked, load_study
    from untrained.harness.study.truth import truths_of_study
    from untrained.reports import factor_part, write_report
    from untrained.results import ScoreStore
    from untrained.results.store.committed import find_scores

    part = None if shard is None else Shard.parse(shard)
    where = checked(Execution, execution)
    named = load_study(study)
    known = [*map(find_scores, named.study.scores), *(scores or ())]
    loaded = [ScoreStore.load(file) for file in known]  # a bad one leaves no empty store behind
    recorded = read_protocols(text for one in loaded for text in one.protocols.values())
    cells = plan_cells(named.study, recorded=recorded)
    batches = {
        plan.space: plan_batches(named.study, plan, recorded=recorded) for plan in cells[0].plans
    }
    plans = [*chain.from_iterable([*(cell.plans for cell in cells), *batches.values()])]
    _warn_of_other_images(plans, recorded)
    # what is wrong at the end must not show only after hours of scoring
    truths = truths_of_study(named.study)
    warn_without_truth(truths)
    folder = output or Path(named.study.report.folder or named.name)
    path = folder / (part.file_name(STORE_NAME) if part else STORE_NAME)
    if part:
        plans = part.part_of(plans)
    if dry_run:
        print_plan(plans, path, known=known)
        return
    with ScoreStore(path) as store:
        while loaded:
            store.absorb(loaded.pop(0), part=partial(wanted_scores, plans))
        summary = fill(
            store,
            plans,
            device=device,
            workers=workers,
            rerun="failed" if retry_failed else rerun,
            log=log or log_path(path),
            execution=where,
            cluster=named.study.cluster,
        )
        print_summary(summary, store.path)
        if part:
            _print_merging(path.with_name(part.file_name(STORE_NAME, number="*")), part.count)
            leave(summary)
            return
        ranked = [
            replace(
                select_scores(plan, store),
                batches=tuple(select_scores(one, store) for one in batches[plan.space]),
            )
            for plan in cells[0].plans
        ]
        sections, agreements = build_tables(
            ranked, truths, statistics=named.study.statistics, command=named.command
        )
        effects = effects_of_factors(cells, store, truths, average=named.study.statistics.average)
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
    leave(summary)


def fill(
    store: ScoreStore,
    plans: Sequence[Plan],
    *,
    device: DeviceName,
    workers: int | None,
    rerun: Literal["missing", "failed", "all"] = "missing",
    log: Path | None = None,
    execution: Execution | None = None,
    cluster: Cluster | None = None,
) -> RunSummary:
    """Score what the store lacks, with progress on standard error and in the log, if any."""
    from untrained.harness.cli.output import typed_command
    from untrained.harness.execution.engines import Request, open_executor
    from untrained.harness.execution.progress import make_progress
    from untrained.harness.execution.run_log import LoggedProgress
    from untrained.harness.execution.runner import run_plans

    progress = make_progress()
    if log is not None:
        progress = LoggedProgress(progress, log, command=typed_command())
    if store.network_disk:
        progress.warn(
            f"{store.path} is on a network disk ({store.network_disk}): one process at a time may "
            "write to it. Shards need a store each."
        )
    execution = execution or Execution()
    request = Request.of(
        device,
        workers=workers,
        limited=any(plan.timeout_s for plan in plans),
        scheduler=execution.scheduler,
        cluster=cluster if execution.executor and not execution.scheduler else None,
        wait_s=execution.wait_s,
    )
    with open_executor(execution.executor, request) as executor:
        return run_plans(
            plans,
            store,
            executor=executor,
            progress=progress,
            device=request.device,
            retry_failed=rerun == "failed",
            rescore=rerun == "all",
        )


def _warn_of_other_images(plans: Sequence[Plan], recorded: Collection[Protocol]) -> None:
    """Say on standard error if scores at hand were measured on other images than a run's."""
    from untrained.harness.study.conditions import recorded_images

    for protocol in {one for plan in plans for one in plan.protocols.values() if one.source}:
        shown = recorded_images(protocol, recorded)
        if shown and (protocol.sample_ids, protocol.source) not in shown:
            print(
                "cannot use all given scores: some were measured on other images than those in the "
                "data folder. Let UNTRAINED_DATA name a folder without these images to rank the "
                "given scores.",
                file=sys.stderr,
            )
            return


def _print_merging(stores: Path, count: int) -> None:
    """Say on standard error how the stores of all shards become a report."""
    print(
        f"the report needs all {count} shards: untrained merge {stores} --output "
        f"{stores.with_name(STORE_NAME)}, then the same command without --shard",
        file=sys.stderr,
    )


def print_plan(plans: Sequence[Plan], path: Path, *, known: Sequence[Path] = ()) -> None:
    """Print what a run would do: nothing is scored, and no store is made.

    Args:
        path: the store, which need not exist.
        known: further stores and exports that a run would add first.
    """
    from untrained.results import ScoreStore

    stored = [*([path] if path.exists() else []), *known]
    for plan in plans:
        left = plan.keys
        for file in stored:
            with ScoreStore.read(file) as store:
                left = store.missing(left)
        networks = sum(1 for _ in plan.tasks(left, device="cpu"))
        print(f"{plan.space}: {plan.selection.text}; seeds {', '.join(map(str, plan.seeds))}")
        for name, protocol in plan.protocols.items():
            print(f"  {name} v{plan.versions[name]}: {protocol.describe()} ({protocol.digest})")
        for one in plan.aggregates:
            print(f"  {one.name}, computed when tables are made: {one.describe()}")
        print(
            f"  {len(plan.keys)} scores, {len(plan.keys) - len(left)} of them in "
            f"{', '.join(map(str, stored)) or path}; "
            f"{len(left)} to do on {networks} networks"
        )


def print_summary(summary: RunSummary, path: Path, *, as_json: bool = False) -> None:
    """Print counts of a run: JSON on standard output, or a line on standard error."""
    if as_json:
        fields = asdict(summary) | {"statuses": dict(summary.statuses), "store": str(path)}
        print(json.dumps(fields, indent=2))
        return
    counts = ", ".join(f"{n} {status}" for status, n in summary.statuses)
    print(f"{summary.wanted} scores in {path}: {counts} ({summary.scored} new)", file=sys.stderr)


def leave(summary: RunSummary) -> None:
    """Exit with status 1 if scores failed; say on standard error why, and how to try again."""
    from untrained.harness.cli.output import printable, typed_command

    if not summary.num_failures:
        return
    print(
        f"untrained: {summary.num_failures} of {summary.wanted} scores failed; their reasons are "
        "in the store (column reason):",
        file=sys.stderr,
    )
    for group in summary.failures[:_MOST_GROUPS]:
        print(
            f"  {group.count} {group.status} of {', '.join(group.indicators)}: "
            f"{printable(group.reason[:_LONGEST_REASON])} (first: {printable(group.architecture)})",
            file=sys.stderr,
        )
    if len(summary.failures) > _MOST_GROUPS:
        rest = sum(group.count for group in summary.failures[_MOST_GROUPS:])
        print(f"  {rest} for {len(summary.failures) - _MOST_GROUPS} other reasons", file=sys.stderr)
    again = typed_command("--rerun").replace(" --retry-failed", "")
    print(f"to try them once more: {again} --rerun failed", file=sys.stderr)
    raise typer.Exit(1)


_MOST_GROUPS = 10
_LONGEST_REASON = 200
