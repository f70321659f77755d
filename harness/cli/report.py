"""`untrained correlate` and `untrained report`: a store's scores against accuracies."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from untrained.foundation import UserError
from untrained.harness.cli.options import (
    AsJson,
    StoredScores,
    StoredScoresIfAny,
    flag_of,
    model_options,
    split_names,
)
from untrained.harness.study.study import ReportOptions, Statistics, StudyTable, Truth

if TYPE_CHECKING:
    from untrained.reports import Report, Section
    from untrained.results import AgreementTable

FORMATS = (
    "Among html, markdown, csv, json, latex; tables and figures: every table as CSV, every figure "
    "as SVG and PDF, in a folder; svg and pdf: correlation against cost. Those of plug-ins: "
    "untrained list formats."
)
"""Written down: looking formats up would load plug-ins for every --help. A test compares."""


class StoredSelection(StudyTable):
    """Part of a store that a table shows."""

    space: str | None = None
    """Search space (default: all in the store)."""
    protocols: list[str] | None = None
    """Protocol, where an indicator was scored under several."""
    seed: int | None = None
    """Seed of the scores (default: the mean over all seeds)."""
    aggregates: str | None = None
    """Further rows, computed from stored scores: see untrained list aggregates."""
    lower_is_better: list[str] | None = None
    """Column of a file of others' scores whose lower values are better."""


_TRUTH_FLAGS = {"seed": "truth_seed"}


def _table_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options `selection`, `truth` and `statistics`."""
    command = model_options("selection", StoredSelection)(command)
    command = model_options(
        "truth", Truth, without=("absent",), flags=_TRUTH_FLAGS, aliases={"benchmark": "--truth"}
    )(command)
    without = ("seed", "interval")
    return model_options("statistics", Statistics, without=without)(command)


@_table_options
def correlate(
    *,
    store: StoredScores,
    selection: dict[str, Any],
    truth: dict[str, Any],
    statistics: dict[str, Any],
    as_json: AsJson = False,
) -> None:
    """Rank correlations of the scores in a store with true accuracies, with intervals.

    [dim]untrained correlate --store s.sqlite

    untrained correlate --store s.sqlite --aggregates te_nas,az_nas

    untrained correlate --store s.sqlite --benchmark nasbench201 --dataset cifar100 --json

    untrained correlate --scores zc_nasbench201.json --space nasbench201 --dataset cifar10[/dim]
    """
    from untrained.harness.cli.output import print_report
    from untrained.reports import formats

    report = _report_of_store("correlate", store, selection, truth, statistics)
    if as_json:
        print(formats["json"].render(report), end="")
        return
    print_report(report)


@_table_options
def report(
    *,
    store: StoredScoresIfAny = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare",
            metavar="BEFORE AFTER",
            help="Two stores or exports instead of --store: a report of what changed from one to "
            "the other.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder of the files (default: that of the (second) store)."
        ),
    ] = None,
    formats: Annotated[
        str, typer.Option("--formats", "--format", metavar="A,B", help=FORMATS)
    ] = ",".join(ReportOptions().formats),
    selection: dict[str, Any],
    truth: dict[str, Any],
    statistics: dict[str, Any],
) -> None:
    """Write tables and figures of the scores in a store, or of two stores side by side.

    [dim]untrained report --store s.sqlite --output report

    untrained report --store s.sqlite --formats html,json --benchmark nasbench201

    untrained report --compare old/scores.parquet new/scores.sqlite --output comparison[/dim]
    """
    from untrained.reports import formats as registered
    from untrained.reports import verdict_counts, write_report

    names = split_names(formats)
    for name in names:
        registered[name]
    if (store is None) == (compare is None):
        raise UserError(
            "a report is of one store or of two side by side: give --store FILE or "
            "--compare BEFORE AFTER"
        )
    if compare is not None:
        folder = output or _folder_beside(compare[1])
        made = _report_of_two_stores(compare, selection, truth, statistics)
        for one in made.comparisons:
            print(f"{one.space}: {verdict_counts(one)}", file=sys.stderr)
        files = write_report(made, folder, names, stem="comparison")
    else:
        assert store is not None
        folder = output or _folder_beside(store)
        made = _report_of_store("report", store, selection, truth, statistics)
        files = write_report(made, folder, names)
    for file in files:
        print(file)


def _folder_beside(scores: Path) -> Path:
    """Return the folder of a file of scores.

    Raises:
        UserError: the scores come with the project, whose own reports lie beside them.
    """
    from untrained.results.store.committed import name_source

    if name_source(scores) != str(scores):
        raise UserError(
            f"cannot write the report beside the scores of {name_source(scores)}: they come with "
            "the project, and so does a report there. Name a folder with --output."
        )
    return scores.parent


def _report_of_store(
    command: str,
    path: Path,
    selection: Mapping[str, Any],
    truth: Mapping[str, Any],
    statistics: Mapping[str, Any],
) -> Report:
    """Make one table for each search space of a store, or the table of a file of scores.

    Raises:
        UserError: the store cannot be read, or what is asked for is not in it.
    """
    from untrained.harness.study.study_file import checked

    wanted, how = checked(Truth, truth), checked(Statistics, statistics)
    from untrained.harness.analysis.correlation_tables import build_tables, make_report
    from untrained.harness.analysis.score_file import is_score_file, select_file_scores
    from untrained.harness.analysis.score_selection import ScoreSelection, select_stored_scores
    from untrained.harness.study.plan import aggregates_of_names
    from untrained.harness.study.truth import find_truth
    from untrained.results import ScoreStore

    computed = aggregates_of_names(split_names(selection.get("aggregates", "")))
    names = ",".join(one.name for one in computed)
    again = _typed(command, "--store", path, selection={**selection, "aggregates": names})
    again += _typed_conditions(truth, statistics)

    datasets: list[str | None] = [*split_names(wanted.dataset or "")] or [None]
    metrics: list[str | None] = [*split_names(wanted.metric or "")] or [None]

    def made_of(
        scores: Mapping[str | None, list[ScoreSelection]], store: ScoreStore | None
    ) -> Report:
        sections: list[Section] = []
        agreements: list[AgreementTable] = []
        for dataset, metric in product(datasets, metrics):
            selections = scores[dataset]
            one = wanted.model_copy(update={"dataset": dataset, "metric": metric})
            truths = {
                part.space: find_truth(part.space, one, datasets=part.datasets)
                for part in selections
            }
            tables = build_tables(selections, truths, statistics=how, command=again)
            sections += tables[0]
            agreements = agreements or tables[1]
        title = f"Correlations of {path.name}" if sections else f"Agreement of {path.name}"
        return make_report(title, sections, scores[datasets[0]], store, agreements=agreements)

    if is_score_file(path):
        for name in ("protocols", "seed"):
            if name in selection:
                raise UserError(
                    f"cannot choose with {flag_of(name)} among the scores in {path}: a file of "
                    "others' scores does not say it. Leave the option out."
                )
        # a file may have scores for each data set
        of_files = {
            dataset: [
                select_file_scores(
                    path,
                    selection.get("space"),
                    dataset=dataset,
                    lower_is_better=selection.get("lower_is_better", ()),
                    aggregates=computed,
                )
            ]
            for dataset in datasets
        }
        return made_of(of_files, None)
    if "lower_is_better" in selection:
        raise UserError(
            f"cannot use --lower-is-better with {path}: the directions of measured indicators are "
            "known. Leave the option out."
        )
    with ScoreStore.read(path) as store:
        selections = select_stored_scores(
            store,
            space=selection.get("space"),
            protocols=selection.get("protocols", ()),
            seed=selection.get("seed"),
            aggregates=computed,
        )
        return made_of(dict.fromkeys(datasets, selections), store)


def _report_of_two_stores(
    paths: tuple[Path, Path],
    selection: Mapping[str, Any],
    truth: Mapping[str, Any],
    statistics: Mapping[str, Any],
) -> Report:
    """Compare two stores; without accuracies where they are missing.

    Raises:
        UserError: a store cannot be read, or what is asked for is not in it.
    """
    from untrained.harness.analysis.store_comparison import compare_stores
    from untrained.harness.study.study_file import checked

    for name in ("aggregates", "lower_is_better"):
        if name in selection:
            raise UserError(
                f"cannot use {flag_of(name)} with --compare: it compares the stored scores "
                "themselves. Leave one of them out."
            )
    return compare_stores(
        paths,
        space=selection.get("space"),
        # without the accuracies there is less to say, but still what changed
        truth=checked(Truth, {**truth, "absent": "agreement"}),
        protocols=selection.get("protocols", ()),
        seed=selection.get("seed"),
        statistics=checked(Statistics, statistics),
        command=_typed("report", "--compare", *paths, selection=selection)
        + _typed_conditions(truth, statistics),
    )


def _typed(command: str, *words: object, selection: Mapping[str, Any]) -> str:
    """Write the beginning of the command that repeats a call."""
    from untrained.results.store.committed import name_source

    parts = [word for name, value in selection.items() for word in _words(flag_of(name), value)]
    given = [name_source(word) if isinstance(word, Path) else str(word) for word in words]
    return shlex.join(["untrained", command, *given, *parts])


def _typed_conditions(truth: Mapping[str, Any], statistics: Mapping[str, Any]) -> str:
    """Write the rest of the command, without statistics that have their default."""
    usual = Statistics()
    words = [w for name, value in truth.items() for w in _words(flag_of(name, _TRUTH_FLAGS), value)]
    for name, value in statistics.items():
        if value != getattr(usual, name):
            words += _words(flag_of(name), value)
    return "".join(f" {word}" for word in map(shlex.quote, words))


def _words(flag: str, value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [word for one in values if one != "" for word in (flag, str(one))]
