"""`untrained score`: fill a store with scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from untrained.foundation import UserError
from untrained.harness.cli.options import (
    AsJson,
    DeviceName,
    DeviceOption,
    DryRun,
    LabelKind,
    ProtocolKind,
    RetryFailed,
    Store,
    TaskFiles,
    Workers,
    use_tasks,
)
from untrained.harness.study.study import Study

_DEFAULTS = Study.model_fields
_PROTOCOL = ProtocolKind(_DEFAULTS["protocol"].default)
_LABELS = LabelKind(_DEFAULTS["labels"].default)


def score(
    *,
    space: Annotated[str, typer.Option(help="Search space.", show_default=False)],
    indicators: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="Indicator ids, patterns of them (ntk_*), or all, some of which take minutes a "
            "network: untrained list indicators shows the passes of each.",
            show_default=False,
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
            "operation indices of NAS-Bench-201.",
            show_default=False,
        ),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Score N, drawn without replacement.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Score the whole space.")] = False,
    input_: Annotated[
        str,
        typer.Option(
            "--input",
            metavar="SOURCE",
            help="What the networks see: gaussian, ones, or a dataset's images (cifar10, ...), "
            "in place of which scores that their papers measure on noise keep it.",
        ),
    ] = _DEFAULTS["inputs"].default,
    labels: Annotated[
        LabelKind,
        typer.Option(help="Of images; synthetic inputs always have random ones."),
    ] = _LABELS,
    seed: Annotated[
        int, typer.Option(help="Seeds the sample, the initialisations and the inputs.")
    ] = _DEFAULTS["seed"].default,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Shape and classes; by default those of the images, else cifar10.",
            show_default=False,
        ),
    ] = None,
    protocol: Annotated[
        ProtocolKind, typer.Option(help="The reference protocol of each indicator, or one for all.")
    ] = _PROTOCOL,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Instead of the protocol's.", show_default=False)
    ] = None,
    channels: Annotated[
        int | None,
        typer.Option(min=1, help="First stage's width instead of the protocol's."),
    ] = None,
    cells: Annotated[
        int | None, typer.Option(min=1, help="Cells a stage instead of the protocol's.")
    ] = None,
    initialisation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of the weights instead of the protocol's: default, kaiming_normal_fan_in, "
            "kaiming_normal_fan_out, gaussian.",
        ),
    ] = None,
    share_classes: Annotated[
        bool,
        typer.Option(
            "--share-classes",
            help="Score one architecture of each functional class where the indicator allows it.",
        ),
    ] = _DEFAULTS["share_classes"].default,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Limit for one indicator on one network."),
    ] = None,
    workers: Workers = None,
    device: DeviceOption = DeviceName.auto,
    retry_failed: RetryFailed = False,
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
        "indicators": _names(indicators),
        "inputs": input_,
        "labels": labels.value,
        "seed": seed,
        "dataset": dataset,
        "protocol": protocol.value,
        "batch_size": batch_size,
        "channels": channels,
        "cells": cells,
        "initialisation": initialisation,
        "share_classes": share_classes,
        "timeout_s": timeout,
        "population": _population(architectures, notation, sample, all_),
    }
    from untrained.harness.cli.running import fill, print_failures, print_plan, print_summary
    from untrained.harness.study.plan import plan_study
    from untrained.harness.study.study_file import NamedStudy, checked

    study = checked(Study, values)
    plans = plan_study(NamedStudy(name=space, study=study, command="untrained score"))
    if dry_run:
        print_plan(plans, store)
        return
    from untrained.results import ScoreStore

    with ScoreStore(store) as opened:
        summary = fill(opened, plans, device=device, workers=workers, retry_failed=retry_failed)
    print_summary(summary, store, as_json=as_json)
    if summary.num_failures:
        print_failures(summary)
        raise typer.Exit(1)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    return [name for name in names if name]


def _population(
    architectures: Path | None, notation: str | None, sample: int | None, all_: bool
) -> dict[str, Any]:
    given = [architectures is not None, sample is not None, all_]
    if sum(given) != 1:
        raise UserError(
            f"{'none' if not any(given) else 'several'} of --architectures, --sample and --all "
            "were given; give exactly one of them: it says which architectures to score"
        )
    if architectures is not None:
        return {"kind": "list", "file": str(architectures), "notation": notation}
    return {"kind": "all"} if all_ else {"kind": "sample", "n": sample}
