"""`untrained score`: fill a store with scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from untrained.foundation import UserError
from untrained.harness.cli.options import (
    AsJson,
    DeviceOption,
    DryRun,
    Execution,
    LogOption,
    Rerun,
    RetryFailed,
    ShardOption,
    Store,
    TaskFiles,
    Workers,
    model_options,
    split_names,
    use_tasks,
)
from untrained.harness.study.study import Conditions


@model_options("conditions", Conditions)
@model_options("execution", Execution)
def score(
    *,
    space: Annotated[str, typer.Option(help="Search space.")],
    indicators: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="Indicator ids, patterns of them (ntk_*), or all, some of which take minutes a "
            "network: untrained list indicators shows the passes of each.",
        ),
    ],
    store: Store,
    task: TaskFiles = None,
    architectures: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File of architectures: a list, CSV table, Python module, JSON document or log.",
        ),
    ] = None,
    notation: Annotated[
        str | None,
        typer.Option(
            help="Notation of --architectures, if not the space's own: naslib or autodl for "
            "operation indices of NAS-Bench-201."
        ),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Number of architectures to draw, without replacement."
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Score the whole space.")] = False,
    conditions: dict[str, Any],
    share_classes: Annotated[
        bool,
        typer.Option(
            "--share-classes",
            help="Score one architecture of each functional class where the indicator allows it.",
        ),
    ] = False,
    shard: ShardOption = None,
    execution: dict[str, Any],
    workers: Workers = None,
    device: DeviceOption = "auto",
    retry_failed: RetryFailed = False,
    rerun: Rerun = "missing",
    log: LogOption = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Score architectures into a store; what is there already is not scored again.

    [dim]untrained score --space nasbench201 --sample 100 --indicators naswot,snip --store s.sqlite

    untrained score --space nasbench201 --architectures list.txt --indicators all
    --input cifar10 --store s.sqlite[/dim]
    """
    use_tasks(task)
    values = {
        "spaces": [space],
        "indicators": split_names(indicators),
        **conditions,
        "share_classes": share_classes,
        "population": _population(architectures, notation, sample, all_),
    }
    from untrained.harness.cli.run import fill, leave, print_plan, print_summary
    from untrained.harness.execution.run_log import log_path
    from untrained.harness.study.plan import plan_study
    from untrained.harness.study.shard import Shard
    from untrained.harness.study.study_file import STUDIES, checked

    where = checked(Execution, execution)

    part = None if shard is None else Shard.parse(shard)
    plans = plan_study(STUDIES.make(values, name=space, command="untrained score").study)
    if part:
        plans = part.part_of(plans)
    if dry_run:
        print_plan(plans, store)
        return
    from untrained.results import ScoreStore

    with ScoreStore(store) as opened:
        summary = fill(
            opened,
            plans,
            device=device,
            workers=workers,
            rerun="failed" if retry_failed else rerun,
            log=log or log_path(store),
            execution=where,
        )
    print_summary(summary, store, as_json=as_json)
    leave(summary)


def _population(
    architectures: Path | None, notation: str | None, sample: int | None, all_: bool
) -> dict[str, Any]:
    given = [architectures is not None, sample is not None, all_]
    if sum(given) != 1:
        raise UserError(
            f"{'none' if not any(given) else 'several'} of --architectures, --sample and --all "
            "were given; give exactly one of them: it says which architectures to score"
        )
    if notation is not None and architectures is None:
        raise UserError(
            f"cannot use the notation {notation!r}: it is for a file of architectures. Give "
            "--architectures FILE, or leave --notation out."
        )
    if architectures is not None:
        return {"kind": "list", "file": str(architectures), "notation": notation}
    return {"kind": "all"} if all_ else {"kind": "sample", "n": sample}
