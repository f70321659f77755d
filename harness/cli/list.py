"""The command `untrained list`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from untrained.foundation import UnknownName, UserError
from untrained.harness.cli.list_cache import kept
from untrained.harness.cli.output import print_rows

if TYPE_CHECKING:
    from untrained.indicators import Family, Indicator, Protocol


def list_(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help="indicators, aggregates, searchers, spaces, benchmarks, studies, baselines or "
            "formats; all by default.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Print docs/indicators.md (indicators only).")
    ] = False,
    as_schema: Annotated[
        bool, typer.Option("--schema", help="Print docs/study.schema.json (studies only).")
    ] = False,
) -> None:
    """List what is installed: indicators, searchers, spaces, benchmarks and the rest.

    [dim]untrained list indicators

    untrained list benchmarks --json

    untrained list studies --schema[/dim]
    """
    if kind is not None and kind not in _KINDS:
        raise UnknownName("kind of thing to list", kind, _KINDS)
    if as_markdown or as_schema:
        wanted, option = ("indicators", "--markdown") if as_markdown else ("studies", "--schema")
        _check_alone(kind, wanted, option, as_json or (as_markdown and as_schema))
        print(catalogue() if as_markdown else study_schema(), end="")
        return
    kinds = [kind] if kind else list(_KINDS)
    found = {
        name: kept(name, _KINDS[name]) if name in _OF_CODE else list(_KINDS[name]())
        for name in kinds
    }
    if as_json:
        print(json.dumps(found[kind] if kind else found, indent=2, ensure_ascii=False))
        return
    for number, (name, items) in enumerate(found.items()):
        if number:
            print()
        _print_table(name, items)


def _check_alone(kind: str | None, wanted: str, option: str, with_others: bool) -> None:
    if kind != wanted or with_others:
        raise UserError(
            f"cannot print {kind or 'all kinds'} with {option}: it belongs to the {wanted} and "
            f"goes with no other format; write `untrained list {wanted} {option}`"
        )


def study_schema() -> str:
    """Write the JSON schema of study files, for editors and checks: docs/study.schema.json."""
    from untrained.harness.study.study import Study

    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(schema | Study.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def _print_table(title: str, items: Iterable[Mapping[str, Any]]) -> None:
    shown_of = _SHOWN_OF.get(title, dict)
    only_json = _ONLY_JSON.get(title, frozenset())
    rows = [
        {key: _as_text(value) for key, value in shown_of(row).items() if key not in only_json}
        for row in items
    ]
    print_rows(rows, title=title, unbroken=_UNBROKEN, width_of_files=_WIDTH_OF_FILES)
    if title in _BELOW:
        print(_BELOW[title])


def _shown_indicator(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": f"{row['name']}{' †' * row['uses_accuracy']}",
        "better": row["better"],
        "needs": [need.replace("_", " ") for need in row["needs"]],
        "passes": row["cost"].replace("forward", "fwd").replace("backward", "bwd"),
        "protocol": row["protocol_in_brief"],
    }


def _shown_searcher(row: Mapping[str, Any]) -> dict[str, Any]:
    settings = [f"{name}={one['default']}" for name, one in row["parameters"].items()]
    return {**row, "parameters": " ".join(settings)}


_SHOWN_OF: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "indicators": _shown_indicator,
    "searchers": _shown_searcher,
}
_BELOW = {
    "searchers": "settings of each: --json; given by untrained search --set NAME=VALUE",
    "indicators": "passes: forward and backward, of one network by itself; B samples, K classes, "
    "M batches\n† uses accuracies of trained networks\nall that is declared: --json, --markdown",
}
_ONLY_JSON: Mapping[str, frozenset[str]] = {
    "aggregates": frozenset({"reference", "version", "parameters", "deviations"}),
    "searchers": frozenset({"reference", "deviations"}),
    "spaces": frozenset({"reference"}),
    "benchmarks": frozenset({"missing", "targets"}),
}
_UNBROKEN = frozenset({"name", "passes"})
_WIDTH_OF_FILES = 100


def _as_text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _indicators() -> Iterable[dict[str, Any]]:
    from dataclasses import asdict

    from untrained.indicators import indicators

    for item in indicators.values():
        yield {
            "name": item.id,
            "title": item.title,
            "formula": item.formula,
            "better": "high" if item.higher_is_better else "low",
            "needs": sorted(need.value for need in item.needs),
            "cost": str(item.cost),
            "protocol_in_brief": brief(item.protocol),
            "uses_accuracy": item.uses_accuracy,
            "reference": item.reference,
            "family": item.family.value,
            "protocol": item.protocol.describe(),
            "protocol_fields": asdict(item.protocol),
            "version": item.version,
            "class_invariant": item.class_invariant,
            "splits": item.splits,
            "follows_initialisation": item.follows_initialisation,
            "deviations": item.deviations,
        }


def _aggregates() -> Iterable[dict[str, Any]]:
    from untrained.results.aggregates import aggregates

    for item in aggregates.values():
        yield {
            "name": item.id,
            "title": item.title,
            "formula": item.formula,
            "better": "high" if item.higher_is_better else "low",
            "members": ", ".join(item.members) or "those you name",
            "relative": item.relative,
            "parameters": {
                name: {"default": parameter.default, "meaning": parameter.meaning}
                for name, parameter in item.parameters.items()
            },
            "reference": item.reference,
            "version": item.version,
            "deviations": item.deviations,
        }


def _searchers() -> Iterable[dict[str, Any]]:
    from untrained.harness.search import searchers

    for item in searchers.values():
        yield {
            "name": item.name,
            "title": item.title,
            "asks_for": sorted(ask.value for ask in item.asks),
            "parameters": {
                name: {
                    "default": parameter.default,
                    "meaning": parameter.meaning,
                    "choices": list(parameter.choices),
                }
                for name, parameter in item.parameters.items()
            },
            "reference": item.reference,
            "deviations": item.deviations,
        }


def _spaces() -> Iterable[dict[str, Any]]:
    from untrained.spaces import benchmarks, spaces

    for space in spaces.values():
        yield {
            "name": space.name,
            "title": space.title,
            "architectures": space.size,
            "benchmarks": [item.name for item in benchmarks.values() if item.space == space.name],
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
    from untrained.harness.study.study_file import builtin_studies, load_study

    for name in builtin_studies():
        named = load_study(name, check_names=False)
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


def _baselines() -> Iterable[dict[str, Any]]:
    from untrained.harness.gate.baseline_files import builtin_baselines, load_baseline

    for name in builtin_baselines():
        baseline = load_baseline(name, check_names=False)
        yield {
            "name": name,
            "title": baseline.study.title if baseline.study else "golden scores alone",
            "indicators": len({one.indicator for one in baseline.golden}),
            "networks": sum(map(len, baseline.architectures.values())),
            "seeds": len(baseline.seeds),
        }


_KINDS: Mapping[str, Callable[[], Iterable[dict[str, Any]]]] = {
    "indicators": _indicators,
    "aggregates": _aggregates,
    "searchers": _searchers,
    "spaces": _spaces,
    "benchmarks": _benchmarks,
    "studies": _studies,
    "baselines": _baselines,
    "formats": _formats,
}


_OF_CODE = frozenset({"indicators", "aggregates", "searchers", "spaces", "formats"})
"""Kinds whose rows depend on code alone, not on data or files of the user."""


_HEAD = """\
# Indicators

Written by `untrained list indicators --markdown`; what it says is declared beside the code.

**Needs** is what a network or batch must have for the score to exist. **Passes** is what an \
indicator costs by itself; read together, indicators share their passes. A *forward* pass goes \
once through the network's layers, whatever it carries along: no graph, a graph, derivatives \
(forward mode), a vectorised axis; also that of a copy of the network, or of one with other \
tensors in place of its own. A *backward* pass is one traversal of the graph by autograd. A pass \
that stops early counts as a whole, and so does one of fewer samples. **B** is the number of \
samples in a batch, **K** of classes, **M** of batches. Tests count the passes that are made.

**Reference protocol** is that of the paper or the authors' code: batch, then what differs from a \
NAS-Bench-201 network of 16 channels and 5 cells a stage, batch statistics and the layers' own \
initialisation. "No batch": the score looks at no data.

† Something in the definition was set with the accuracies of trained networks, so that its \
correlation with accuracy is not that of a training-free score.
"""


def catalogue() -> str:
    """Write a summary table and a section an indicator, by family, without plug-ins."""
    from untrained.indicators import Family

    shown = {family: _of(family) for family in Family}
    lines = [
        _HEAD,
        "| Indicator | Better | Needs | Passes | Reference protocol |",
        "| :-- | :-- | :-- | :-- | :-- |",
    ]
    for family, items in shown.items():
        lines.append(f"| **{family.value}** | | | | |")
        lines.extend(_row(item) for item in items)
    told: dict[str, str] = {}
    for family, items in shown.items():
        lines += ["", f"## {family.value}"]
        for item in items:
            lines += ["", *_section(item, told)]
    lines += ["", *_foreign()]
    return "\n".join(lines) + "\n"


def _foreign() -> Iterator[str]:
    """Tabulate the indicators that score each kind of network, as a contract test has read it."""
    from importlib.resources import files

    text = files("untrained.harness.cli").joinpath("foreign_networks.json").read_text("utf-8")
    read = json.loads(text)
    networks: list[str] = read["networks"]
    yield "## Networks of your own"
    yield ""
    yield (
        "● has a score, · is refused with the reason. What counts is what a network computes: the "
        "same function with the same weights has the same score however it is written. A test "
        "builds these networks, checks scores against slow computations, and writes this table."
    )
    yield ""
    numbered = [f"{number} {name}" for number, name in enumerate(networks, start=1)]
    yield f"Networks: {'; '.join(numbered)}."
    yield ""
    yield f"| Indicator | {' | '.join(str(n + 1) for n in range(len(networks)))} |"
    yield f"| :-- |{' :-: |' * len(networks)}"
    for name, scored in read["scored"].items():
        marks = ("●" if network in scored else "·" for network in networks)
        yield f"| `{name}` | {' | '.join(marks)} |"


def brief(protocol: Protocol) -> str:
    """Describe a protocol in a few words: the batch, then differences from the usual one."""
    from untrained.indicators import Protocol

    usual = Protocol()
    parts = []
    if protocol.inputs == "none":
        parts.append("no batch")
    else:
        batches = f"{protocol.num_batches} x " if protocol.num_batches > 1 else ""
        parts.append(f"{batches}{protocol.batch_size:,} {protocol.inputs}")
        if protocol.resolution != usual.resolution:
            parts.append(f"{protocol.resolution} px")
    if (protocol.channels, protocol.cells) != (usual.channels, usual.cells):
        parts.append(f"{protocol.channels} ch x {protocol.cells}")
    if protocol.skeleton != usual.skeleton:
        parts.append(protocol.skeleton)
    if protocol.batch_norm != usual.batch_norm:
        parts.append("running statistics")
    if protocol.initialisation != usual.initialisation:
        parts.append(protocol.initialisation.replace("_", " "))
    return ", ".join(parts)


def _needs(item: Indicator) -> list[str]:
    """List the needs of an indicator as words in alphabetical order."""
    return sorted(need.value.replace("_", " ") for need in item.needs)


def _of(family: Family) -> list[Indicator]:
    from untrained.indicators import indicators

    own = "untrained.indicators."
    return [
        item
        for item in indicators.values()
        if item.family is family and item.function.__module__.startswith(own)
    ]


def _row(item: Indicator) -> str:
    texts = [
        f"[{item.id}](#{item.id}){' †' * item.uses_accuracy}",
        "higher" if item.higher_is_better else "lower",
        ", ".join(_needs(item)),
        str(item.cost),
        brief(item.protocol),
    ]
    return f"| {' | '.join(texts)} |"


def _section(item: Indicator, told: dict[str, str]) -> Iterator[str]:
    """Write a heading and a list; a text of an earlier indicator is referred to."""
    yield f"### {item.id}"
    yield ""
    yield f"{_plain(item.title)}: `{item.formula}`"
    yield ""
    yield f"- Source: {_plain(item.reference)}"
    yield f"- {'Higher' if item.higher_is_better else 'Lower'} is better"
    yield f"- Needs: {', '.join(_needs(item)) or 'nothing but the network'}"
    yield f"- Passes: {item.cost}"
    yield f"- Reference protocol: {item.protocol.describe()}"
    yield (
        "- Architectures of one function "
        + ("score alike" if item.class_invariant else "may differ")
    )
    if not item.follows_initialisation:
        yield "- Does not depend on how the weights were drawn"
    if item.uses_accuracy:
        yield "- † Uses accuracies"
    for name, option in item.options.items():
        yield f"- Option `{name}`: {_plain(option.meaning)} (default {option.default:g})"
    if item.deviations:
        first = told.setdefault(item.deviations, item.id)
        text = _plain(item.deviations) if first == item.id else f"as [{first}](#{first})"
        yield f"- Deviations: {text}"


def _plain(text: str) -> str:
    """Escape text so that Markdown finds no mark-up beside its code spans."""
    return text.replace("<", "\\<").replace("*", "\\*")
