"""`untrained validate`: what a new indicator in one file is worth."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from untrained.harness.cli.options import Workers, split_names

STORE_NAME = "scores.sqlite"
_MINUTES = 15.0


def validate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.py",
            help="Python file with a function decorated by @indicator, or with a plain function "
            "(network, inputs, labels) -> float.",
        ),
    ],
    *,
    function: Annotated[
        str | None, typer.Option(help="Name of the function, where the file has several.")
    ] = None,
    higher_is_better: Annotated[
        bool | None,
        typer.Option(
            "--higher-is-better/--lower-is-better",
            help="Direction of a plain function (default: higher).",
        ),
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0.1, help="Approximate duration; more minutes allow more networks.")
    ] = _MINUTES,
    networks: Annotated[
        int | None, typer.Option(min=3, metavar="N", help="Maximum number of networks of a space.")
    ] = None,
    spaces: Annotated[
        str, typer.Option(metavar="A,B", help="Search spaces with stored scores to compare on.")
    ] = "nasbench201,nasbench101,darts",
    workers: Workers = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0, help="Seed of resamples, searches, and the second initialisation and batch."
        ),
    ] = 0,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Time limit of the indicator on one network, in seconds.")
    ] = 60.0,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of the verdict page and the scores (default: NAME-verdict).",
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Store of the indicator's scores (default: in the output folder)."
        ),
    ] = None,
) -> None:
    """Judge a new indicator: better than params, than the best baseline, where and how surely.

    It is examined by the contract suite, measured on the networks whose scores by other
    indicators come with the project, and compared with every one of them. One page, as HTML and
    Markdown, says what came of it. An interrupted run is resumed by the same command; an edited
    file is scored anew. The file's code is run: validate only what you would run yourself.

    Exit status: 0 fine, 1 a score failed, a promise is broken or could not be examined, or
    accuracies were read, 2 the file has no usable indicator.

    [dim]untrained validate my_indicator.py

    untrained validate plain.py --function score --lower-is-better --minutes 5[/dim]
    """
    from untrained.harness.execution.executors import available_cores
    from untrained.harness.execution.progress import make_progress
    from untrained.harness.validation.candidate import find_candidate
    from untrained.harness.validation.measuring import Settings
    from untrained.harness.validation.validation import validate_candidate
    from untrained.reports import write_report
    from untrained.reports.pages.verdict_page import verdict_report
    from untrained.results import ScoreStore

    candidate = find_candidate(file, function=function, higher_is_better=higher_is_better)
    folder = output or Path(f"{candidate.function}-verdict")
    with ScoreStore(store or folder / STORE_NAME) as opened:
        validation = validate_candidate(
            candidate,
            spaces=split_names(spaces),
            store=opened,
            folder=folder,
            settings=Settings(
                minutes=minutes,
                networks=networks,
                workers=workers or available_cores(),
                seed=seed,
                timeout_s=timeout,
            ),
            progress=make_progress(),
            command=shlex.join(["untrained", *sys.argv[1:]]),
            on_progress=lambda text: print(f"{text} ...", file=sys.stderr, flush=True),
        )
    report = verdict_report(validation.page)
    files = write_report(report, folder, ("html", "markdown"), stem="verdict")
    print(report.summary)
    print(f"written: {', '.join(map(str, files))}", file=sys.stderr)
    if not validation.is_clean:
        raise typer.Exit(1)
