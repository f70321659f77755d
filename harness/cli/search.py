"""`untrained search`: run searches and say what they found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from untrained.foundation import Interrupted, StorageError, UserError
from untrained.harness.cli.options import DeviceOption, TaskFiles, Workers, flag_of, model_options
from untrained.harness.study.search_study import SearchSpec, SearchStudy
from untrained.harness.study.study import Conditions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from untrained.harness.search.experiment.run import GroundTruth, OnRun, SearchRuns
    from untrained.harness.search.experiment.run_files import UnfinishedRuns
    from untrained.harness.search.experiment.study import NamedSearchStudy
    from untrained.reports import Format
    from untrained.results.searches.table import SearchTable

_FLAGS = {"settings": "set", "limits": "limit", "seconds": "budget"}
_OF_STUDIES = ("label", "runs", "inputs", "against")
_OF_STUDY_FILES = ("title", "known_scores", "landscape", "measuring", "search")
_CHANGEABLE = ("runs", "seed", "scores", "store")
"""Values of a study that options may change."""


@model_options("one", SearchSpec, without=_OF_STUDIES, flags=_FLAGS, defaults=False)
@model_options("whole", SearchStudy, without=_OF_STUDY_FILES, defaults=False)
@model_options("measuring", Conditions, without=("seed", "dataset", "protocol"), defaults=False)
def search(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="[STUDY]",
            help="TOML file with searches, or name of a built-in one, instead of the options that "
            "describe a single search.",
        ),
    ] = None,
    *,
    one: dict[str, Any],
    task: TaskFiles = None,
    whole: dict[str, Any],
    measuring: dict[str, Any],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder for report.md, report.html, their figures, runs.csv and "
            "trajectories.parquet.",
        ),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FOLDER",
            help="Folder of an earlier --output: its runs are reported again and nothing is run.",
        ),
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Format of the printed table: text, or a format of reports that is a text "
            "(markdown, json, csv, latex, html): see untrained list formats.",
        ),
    ] = "text",
    workers: Workers = None,
    device: DeviceOption = "auto",
) -> None:
    """Search for good networks, several times, and look up what was found.

    A searcher (how to go through the space) and an estimator (what a network is worth before it is
    trained) are chosen apart. Searches see scores and validation accuracies; test accuracies are
    looked up when they have ended. On tables a search takes milliseconds, and what it would have
    cost is added up.

    Draw 100 networks and keep the one of the highest score (NASWOT), 500 times:

    [dim]untrained search --searcher random --set n=100 --indicator naswot --space nasbench201
    --scores nasbench201-cifar10 --runs 500[/dim]

    Regularised evolution with trainings worth 12,000 s:

    [dim]untrained search --searcher rea --space nasbench201 --budget 12000 --runs 500[/dim]

    Measure as the search goes, with at most a million parameters:

    [dim]untrained search --searcher evolution --set steps=200 --indicator synflow --space darts
    --store darts.sqlite --limit params=1e6 --runs 1[/dim]

    A set of searches in one table; after an interruption, the same command goes on with the run
    that was not finished:

    [dim]untrained search nasbench201-search --output results/committed/nasbench201-search[/dim]
    """
    from importlib.metadata import version

    from untrained.harness.cli.options import use_tasks
    from untrained.harness.execution.executors import find_device
    from untrained.harness.search.evaluators.measuring import Measuring
    from untrained.harness.search.experiment.reporting import search_table
    from untrained.harness.search.experiment.run import run_study
    from untrained.harness.search.experiment.run_files import UnfinishedRuns, read_runs
    from untrained.reports.formats.formats import write_files
    from untrained.reports.pages.search import search_json, search_report

    shown = None if format_ in ("text", "json") else _text_format(format_)
    tasks = use_tasks(task)
    if "indicator" in one:
        one["indicator"] = [name.strip() for name in one["indicator"].split(",")]
    elif tasks:
        one["indicator"] = tasks[-1:]
    pairs = {name: one[name] for name in ("settings", "limits") if name in one}
    one |= {name: _pairs(flag_of(name, _FLAGS), texts) for name, texts in pairs.items()}
    if "seed" in whole:
        measuring["seed"] = whole["seed"]
    if measuring:
        whole["measuring"] = measuring
    named = _study(study, one, whole)
    if output is not None:
        write_files({}, output)  # that it cannot be written is said before hours of searching
    kept = UnfinishedRuns(output / "unfinished") if output is not None and from_ is None else None
    try:
        finished, truth, where = run_study(
            named,
            measuring=None
            if named.study.store is None
            else Measuring.of_study(named.study, device=device, workers=workers),
            device=find_device(device),
            stored_runs={} if from_ is None else read_runs(from_),
            unfinished={} if kept is None else kept.read(),
            on_run=_counter(kept),
        )
    except KeyboardInterrupt:
        raise Interrupted(_kept(kept, named.study.store)) from None
    table = search_table(named, finished, truth, where)
    made = version("untrained")
    if output is not None:
        _write(finished, truth, table, output, made)
        if kept is not None:
            kept.remove()
    if shown is not None:
        print(shown.render(search_report(table, version=made)), end="")
    elif format_ == "json":
        print(search_json(table), end="")
    else:
        _print_table(table)


def _write(
    finished: Sequence[SearchRuns],
    truth: GroundTruth | None,
    table: SearchTable,
    output: Path,
    made: str,
) -> None:
    """Write all files of the searches; runs first, from which the report can be made again."""
    from untrained.harness.search.experiment.run_files import (
        front_frame,
        genotypes_text,
        write_runs,
    )
    from untrained.reports.formats.formats import write_files
    from untrained.reports.pages.search import search_files
    from untrained.results.store.export import write_frame

    written = write_runs(finished, truth, output)
    written += write_files(search_files(table, version=made), output)
    front = front_frame(finished, truth)
    if front is not None:
        written.append(write_frame(front, output / "fronts.csv", metadata={}))
    genotypes = genotypes_text(finished)
    if genotypes is not None:
        written += write_files({"genotypes.py": genotypes}, output)
    print(f"written: {', '.join(map(str, written))}", file=sys.stderr)


def _text_format(name: str) -> Format:
    """Find a format that can be printed.

    Raises:
        UnknownName: there is no such format.
        UserError: it makes a picture or several files.
    """
    from untrained.reports import Report, formats

    found = formats[name]
    if found.suffix == ".svg" or not isinstance(found.make(Report("", ())), str):
        raise UserError(
            f"cannot print a table of searches as {name}: the format makes pictures or several "
            "files. Choose text, markdown, html, csv, json or latex, or write all files with "
            "--output FOLDER."
        )
    return found


def _print_table(table: SearchTable) -> None:
    from untrained.harness.cli.output import print_rows
    from untrained.reports.pages.search import search_facts, search_grids

    for fact in search_facts(table):
        print(fact)
    for row in table.rows:
        for fact in row.facts:
            print(f"{row.label}: {fact}")
    for number, grid in enumerate(search_grids(table)):
        print("\n" if number else "", end="")
        print_rows(grid.texts(), unbroken=("search",))
    print("\n".join(table.notes))


def _study(name: str | None, one: dict[str, Any], whole: dict[str, Any]) -> NamedSearchStudy:
    """Make the study that the command line describes.

    Raises:
        UserError: both or neither of a study and a search are given.
    """
    from untrained.harness.cli.output import typed_command
    from untrained.harness.search.experiment.study import SEARCH_STUDIES

    if name is not None:
        given = sorted({*one, *whole, *whole.get("measuring", ())} - {*_CHANGEABLE, "measuring"})
        if given:
            options = ", ".join(flag_of(one, _FLAGS) for one in given)
            raise UserError(
                f"cannot combine the study {name} with {options}: a study defines its "
                "searches and their conditions. Leave the options out, or the study; --runs, "
                "--seed, --scores and --store go with a study."
            )
        changes = {k: v for k, v in whole.items() if k != "measuring"}
        if "scores" in changes:
            changes["store"] = None
        elif "store" in changes:
            changes["scores"] = None
        return SEARCH_STUDIES.load(name, changes)
    missing = [f"--{key}" for key, part in (("searcher", one), ("space", whole)) if key not in part]
    if missing:
        raise UserError(
            f"cannot search without {' and '.join(missing)}: nothing says what to search. Give "
            "the options (untrained list searchers, untrained list spaces) or the name of a study."
        )
    return SEARCH_STUDIES.make(
        {**whole, "search": [one]},
        name=f"{one['searcher']} on {whole['space']}",
        command=typed_command("--output", "--workers"),
    )


def _kept(kept: UnfinishedRuns | None, store: str | Path | None) -> str:
    """Keep the last runs of an interrupted command, and say how to go on."""
    if kept is not None and kept.write():
        there = f"finished runs are in {kept.folder}"
    elif store is not None:
        there = f"scores are in {store}"
    else:
        how = "; with --output, finished runs are" if kept is None else ""
        return f"interrupted; no run has been kept{how}"
    return f"interrupted; {there}: run the same command again and it goes on from there"


def _counter(kept: UnfinishedRuns | None) -> OnRun:
    """Keep the runs so far, and show the progress of each search on a terminal."""
    is_shown = sys.stderr.isatty()

    def told(searches: Sequence[SearchRuns], total: int) -> None:
        if kept is not None:
            try:
                kept.keep(searches)
            except StorageError as error:  # hours of searching are not lost for it
                print(f"untrained: {error}; the search goes on", file=sys.stderr)
        if is_shown:
            now, done = searches[-1], len(searches[-1].trajectories)
            end = "\n" if done == total else ""
            text = f"\r{now.label}: {done:,} of {total:,} runs"
            print(text, end=end, file=sys.stderr, flush=True)

    return told


def _pairs(option: str, texts: Sequence[str] | None) -> dict[str, Any]:
    """Read `NAME=VALUE` texts; a limit's value is a number.

    Raises:
        UserError: a text is of another form.
    """
    found: dict[str, Any] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise UserError(
                f"cannot read {option} {text!r}: it is not NAME=VALUE without spaces. Write for "
                f"instance {option} {'n=100' if option == '--set' else 'params=1e6'}."
            )
        found[name.strip()] = value.strip()
        if option == "--limit":
            try:
                found[name.strip()] = float(value)
            except ValueError:
                raise UserError(
                    f"cannot read {option} {text!r}: {value!r} is no number. Write for instance "
                    f"{option} {name.strip()}=1e6."
                ) from None
    return found
