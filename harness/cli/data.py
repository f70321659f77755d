"""`untrained data`: ground truth and images, what is there and how to get the rest."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from untrained.foundation import UnknownName

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="List, fetch, convert and verify ground truth and images.",
    epilog="Everything lies in one folder: that of the environment variable UNTRAINED_DATA, else "
    "the user's data folder. Tables are in tables/, images in images/, surrogates in surrogates/.",
)

Output = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Folder to write to (default: the data folder)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command("list")
def list_data(*, as_json: AsJson = False) -> None:
    """Say what data is there, what is missing, and how to get it.

    [dim]untrained data list[/dim]
    """
    from untrained.harness.cli.output import print_rows
    from untrained.spaces import data_folder

    rows = list(_inventory())
    if as_json:
        print(json.dumps({"folder": str(data_folder()), "data": rows}, indent=2))
        return
    print(f"data folder: {data_folder()}\n")
    print_rows(rows)


@app.command("fetch")
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="See untrained data list.")],
    *,
    output: Output = None,
) -> None:
    """Download official files from where they are published, then convert them.

    A download that broke off goes on where it was; size and checksum are verified where they are
    known. The official files stay in the folder [bold]official[/bold] of the data folder.

    [dim]untrained data fetch nasbench101 cifar10-images[/dim]
    """
    from untrained.spaces import data_folder
    from untrained.spaces.converters.download import download, sources

    known = sources()
    for name in names:
        if name not in known:
            raise UnknownName("published file", name, known, "untrained data list")
    folder = output or data_folder()
    for name in names:
        source = known[name]
        print(f"{name}: {source.citation} ({source.licence})", file=sys.stderr)
        with _bar(source.file, unit="bytes") as advance:
            path = download(source, folder / "official", progress=advance)
        _convert(name, path, folder, replace=True)


@app.command("convert")
def convert_data(
    name: Annotated[str, typer.Argument(metavar="NAME", help="See untrained data list.")],
    source: Annotated[Path, typer.Argument(metavar="PATH", help="Official file or folder.")],
    *,
    output: Output = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an existing table.")] = False,
) -> None:
    """Turn a benchmark's official file into a table that runs read.

    Nothing that a file names is run: pickles are read with an allow-list.

    [dim]untrained data convert nasbench201 NAS-Bench-201-v1_1-096897.pth

    untrained data convert cifar10-images cifar-10-python.tar.gz[/dim]
    """
    _convert(name, source, output, replace=replace)


@app.command("verify")
def verify_data(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Names of tables (default: all that are present)."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check tables against known counts, optima and values; exit status 1 where one is wrong.

    [dim]untrained data verify nasbench201[/dim]
    """
    from dataclasses import asdict

    from untrained.harness.cli.output import print_rows
    from untrained.spaces import benchmarks
    from untrained.spaces.converters.conversion import verify

    chosen = names or [name for name, item in benchmarks.items() if item.missing() is None]
    checks = [(name, check) for name in chosen for check in verify(name)]
    rows = [{"name": name, **asdict(check)} for name, check in checks]
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        print_rows(
            [{"name": name, **check.row()} for name, check in checks], unbroken=("name", "what")
        )
    if not all(check.holds for _, check in checks):
        raise typer.Exit(1)


def _inventory() -> Iterator[dict[str, str]]:
    """List all registered benchmarks, then all image sets: one row each."""
    from untrained.foundation import MissingData
    from untrained.harness.data.datasets import datasets
    from untrained.harness.data.inputs import image_file
    from untrained.spaces import benchmarks

    def row(name: str, kind: str, of: str, how: str) -> dict[str, str]:
        there = "no" if how else "yes"
        return {"name": name, "kind": kind, "of": of, "there": there, "how to get it": how}

    for name, benchmark in benchmarks.items():
        missing = benchmark.missing()
        how = "" if missing is None else _how_to_get(name) or missing
        yield row(name, benchmark.kind, benchmark.space, how)
    for dataset in datasets.values():
        if dataset.words or dataset.features or dataset.enlarged_from:
            continue
        name, how = f"{dataset.name}-images", ""
        try:
            image_file(dataset)
        except MissingData as error:
            how = _how_to_get(name) or str(error)
        yield row(name, "images", dataset.name, how)


def _how_to_get(name: str) -> str:
    """Name the command that makes a table or image set, and its source; empty if none is known."""
    from untrained.harness.data.image_conversion import image_converters
    from untrained.spaces.converters import converters
    from untrained.spaces.converters.download import sources

    source = sources().get(name)
    if source is not None and source.address:
        return f"untrained data fetch {name}"
    takes = converters[name].takes if name in converters else image_converters().get(name)
    if takes is None:
        return ""
    where = f" (from {source.page})" if source is not None else ""
    return f"untrained data convert {name} PATH, PATH: {takes}{where}"


def _convert(name: str, source: Path, folder: Path | None, *, replace: bool) -> None:
    from untrained.harness.data.image_conversion import convert_images, image_converters
    from untrained.spaces.converters import convert, converters
    from untrained.spaces.converters.surrogate_placement import (
        place_surrogate,
        placeable_surrogates,
    )

    images, surrogates = image_converters(), placeable_surrogates()
    if name in surrogates:
        placed = place_surrogate(name, source, folder=folder, replace=replace)
        print(f"written: {', '.join(map(str, placed))}")
        return
    if name not in converters and name not in images:
        known = [*converters, *images, *surrogates]
        raise UnknownName("converter", name, known, "untrained data list")
    with _bar(name, unit="images" if name in images else "architectures") as advance:

        def count(done: int) -> None:
            advance(done, None)

        if name in images:
            paths = convert_images(name, source, folder=folder, replace=replace, progress=count)
            print(f"written: {', '.join(map(str, paths))}")
            return
        done = convert(name, source, folder=folder, replace=replace, progress=count)
    print(
        f"written: {done.path} ({done.num_architectures:,} architectures, "
        f"{done.num_values:,} values); untrained data verify {name}"
    )


@contextmanager
def _bar(title: str, *, unit: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show a bar on a terminal, nothing elsewhere; the yielded call takes done and total."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(f"{{task.completed:,.0f}} {unit}"),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
