"""`untrained list`: what there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import typer

from untrained.foundation import UnknownName, UserError


def list_(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="indicators, spaces, benchmarks, studies or formats; all by default.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what is installed: indicators, spaces, benchmarks, studies, report formats.

    [dim]untrained list indicators

    untrained list benchmarks --json[/dim]
    """
    if kind is not None and kind not in _KINDS:
        raise UnknownName("kind of thing to list", kind, _KINDS)
    kinds = [kind] if kind else list(_KINDS)
    found = {name: list(_KINDS[name]()) for name in kinds}
    if as_json:
        print(json.dumps(found[kind] if kind else found, indent=2, ensure_ascii=False))
        return
    for number, (name, items) in enumerate(found.items()):
        if number:
            print()
        _print_table(name, items)


def _print_table(title: str, items: Iterable[Mapping[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    rows = list(items)
    shown = [key for key in (rows[0] if rows else {}) if key not in _ONLY_JSON]
    for key in shown:
        table.add_column(key.replace("_", " "), overflow="fold", no_wrap=key == "name")
    for row in rows:
        table.add_row(*(Text(_as_text(row[key])) for key in shown))
    Console().print(table)


_ONLY_JSON = frozenset(
    {"missing", "reference", "protocol", "version", "class_invariant", "targets", "needs"}
)


def _as_text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case _:
            return str(value)


def _indicators() -> Iterable[dict[str, Any]]:
    from untrained.indicators import indicators

    for item in indicators.values():
        yield {
            "name": item.id,
            "title": item.title,
            "formula": item.formula,
            "better": "high" if item.higher_is_better else "low",
            "reference": item.reference,
            "needs": sorted(need.value for need in item.needs),
            "protocol": item.protocol.describe(),
            "version": item.version,
            "class_invariant": item.class_invariant,
        }


def _spaces() -> Iterable[dict[str, Any]]:
    from untrained.spaces import spaces

    for space in spaces.values():
        yield {
            "name": space.name,
            "title": space.title,
            "architectures": space.size,
            "reference": space.reference,
        }


def _benchmarks() -> Iterable[dict[str, Any]]:
    from dataclasses import asdict

    from untrained.spaces import benchmarks

    for item in benchmarks.values():
        missing = item.missing()
        try:
            targets = [] if missing else [asdict(target) for target in item.targets()]
        except UserError as damage:  # one damaged table must not hide the others
            missing, targets = str(damage), []
        yield {
            "name": item.name,
            "space": item.space,
            "kind": item.kind,
            "present": missing is None,
            "missing": missing,
            "targets": targets,
        }


def _studies() -> Iterable[dict[str, Any]]:
    from untrained.harness.study_file import builtin_studies, load_study

    for name in builtin_studies():
        named = load_study(name)
        population = named.study.population
        yield {
            "name": name,
            "title": named.title,
            "spaces": ", ".join(named.study.spaces),
            "population": population.kind if population.n is None else f"{population.n} sampled",
            "inputs": named.study.inputs,
        }


def _formats() -> Iterable[dict[str, Any]]:
    from untrained.reports import formats

    for item in formats.values():
        yield {"name": item.name, "title": item.title, "suffix": item.suffix}


_KINDS: Mapping[str, Callable[[], Iterable[dict[str, Any]]]] = {
    "indicators": _indicators,
    "spaces": _spaces,
    "benchmarks": _benchmarks,
    "studies": _studies,
    "formats": _formats,
}
