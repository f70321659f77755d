"""Options that several commands have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import typer
from pydantic import BaseModel, ConfigDict, PositiveFloat

DeviceName = Literal["auto", "cpu", "cuda"]

_FLAGS = {"inputs": "input", "timeout_s": "timeout", "wait_s": "wait", "protocols": "protocol"}
"""Options that are not named like their field."""
_METAVARS = {
    "inputs": "SOURCE",
    "initialisation": "NAME",
    "timeout_s": "SECONDS",
    "executor": "NAME",
    "scheduler": "ADDRESS",
    "wait_s": "SECONDS",
    "protocols": "DIGEST",
    "aggregates": "A,B",
    "benchmark": "NAME|FILE",
    "lower_is_better": "NAME",
    "indicator": "A[,B,C]",
    "settings": "NAME=VALUE",
    "limits": "NAME=VALUE",
    "seconds": "SECONDS",
    "scores": "FILE",
    "store": "FILE",
}
_LISTED = {"indicator"}
"""Fields with several values that are one text with commas."""
_TYPES = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list[str],
    "object": list[str],
}


def flag_of(field: str, flags: Mapping[str, str] = MappingProxyType({})) -> str:
    """Name the option of a model's field: `--batch-size` of `batch_size`."""
    return "--" + {**_FLAGS, **flags}.get(field, field).replace("_", "-")


def model_options(
    parameter: str,
    model: type[BaseModel],
    *,
    without: Collection[str] = (),
    flags: Mapping[str, str] = MappingProxyType({}),
    aliases: Mapping[str, str] = MappingProxyType({}),
    defaults: bool = True,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make options of the fields of a model: their types, bounds, defaults and descriptions.

    A field with several values, or with a value for each of some names, may be given repeatedly.

    Args:
        parameter: parameter of the command that the options replace; the command gets a dictionary
            of the values that were given or have a default.
        without: fields that are no options of this command.
        flags: names of options that this command calls otherwise.
        aliases: further options of a field.
        defaults: False where an option that is not given is to be told from its default.
    """
    added = {
        f"{parameter}_{name}": _option(
            name, field, (flag_of(name, flags), *aliases.get(name, "").split()), defaults=defaults
        )
        for name, field in model.model_json_schema()["properties"].items()
        if name not in without
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def call(**given: Any) -> None:
            values = {name.removeprefix(f"{parameter}_"): given.pop(name) for name in added}
            values = {name: value for name, value in values.items() if value is not None}
            command(**given, **{parameter: values})

        signature = inspect.signature(command, eval_str=True)
        parameters = []
        for one in signature.parameters.values():
            if one.name == parameter:
                parameters += [
                    inspect.Parameter(name, one.KEYWORD_ONLY, default=default, annotation=kind)
                    for name, (kind, default) in added.items()
                ]
            else:
                parameters.append(one)
        call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return call

    return decorate


def _option(
    name: str, field: Mapping[str, Any], names: Sequence[str], *, defaults: bool
) -> tuple[Any, Any]:
    """Make type and default of a command's parameter for a field of a JSON schema."""
    kind = next(one for one in [field, *field.get("anyOf", ())] if "type" in one)
    python: Any = Literal[tuple(kind["enum"])] if "enum" in kind else _TYPES[kind["type"]]
    if name in _LISTED:
        python = str
    least = kind.get("minimum")
    if kind["type"] == "integer" and "exclusiveMinimum" in kind:
        least = kind["exclusiveMinimum"] + 1
    text = " ".join(field["description"].split()).replace("`", "")
    default = field.get("default")
    several = python == list[str]
    if several:
        text, default = f"{text.removesuffix('.')}; may be repeated.", None
    if not defaults and default not in (None, []) and default is not False:
        text = f"{text.removesuffix('.')} (default: {default})."
    option = typer.Option(
        *names,
        min=least,
        metavar=_METAVARS.get(name),
        help=text,
        show_default=defaults and default is not None,
    )
    if default is None or not defaults:
        return Annotated[python | None, option], None
    return Annotated[python, option], default


Store = Annotated[Path, typer.Option(metavar="FILE", help="Score store.")]
_SCORES_HELP = (
    "Score store, the scores.parquet exported from one, the name of a study with committed scores, "
    "or scores of others: CSV or Parquet with a column architecture and one column an indicator, "
    "or zc_*.json of NAS-Bench-Suite-Zero (with --space)."
)


def _find_scores(source: str) -> Path:
    from untrained.results.store.committed import find_scores

    return find_scores(source)


_SCORES = typer.Option(
    *("--store", "--scores"), metavar="FILE", parser=_find_scores, help=_SCORES_HELP
)
StoredScores = Annotated[Path, _SCORES]
StoredScoresIfAny = Annotated[Path | None, _SCORES]
KnownScores = Annotated[
    list[Path] | None,
    typer.Option(
        "--scores",
        metavar="FILE",
        parser=_find_scores,
        help="Existing scores, exported, in a store, or the name of a study with committed scores: "
        "they are added first and not computed again. May be repeated.",
    ),
]
TaskFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--task",
        metavar="FILE",
        help="Task of GenNAS (untrained search-task), which becomes an indicator; may be repeated.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Number of worker processes (default: one per CPU core, or up to 12 per GPU). Scores "
        "do not depend on it.",
    ),
]
DeviceOption = Annotated[DeviceName, typer.Option(help="Device of the networks.")]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="K/N",
        help="Part of the architectures, such as 3/100 for the third of 100 parts (default: all). "
        "untrained merge joins their stores.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan with counts and stop.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="The same as --rerun failed.")]
Rerun = Annotated[
    Literal["missing", "failed", "all"],
    typer.Option(
        help="Scores to compute: those that the store lacks, also those that failed, or all (which "
        "replaces what is stored)."
    ),
]
LogOption = Annotated[
    Path | None,
    typer.Option(
        "--log",
        metavar="FILE",
        help="Log of the run, one JSON object a line (default: STORE.jsonl beside the store).",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


class Execution(BaseModel):
    """Where networks are measured; the options of `run` and `score` are made from these fields."""

    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)

    executor: str | None = None
    """What runs the networks: serial, processes, dask, or an executor of another package (default:
    processes, or serial with one worker)."""
    scheduler: str | None = None
    """Scheduler of dask, such as tcp://host:8786 (default: workers of this machine, or the jobs of
    the study's cluster)."""
    wait_s: PositiveFloat = 300.0
    """Longest time in which a scheduler may have no worker, in seconds."""


def split_names(text: str) -> list[str]:
    """Split a text of names with commas; empty and repeated ones are left out."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def use_tasks(files: list[Path] | None) -> list[str]:
    """Make the tasks of `--task` indicators.

    Returns:
        Their ids, each as long as it was trained when it was found last.
    """
    if not files:
        return []
    from untrained.indicators.gennas.found import use_task

    return [name for file in files for name in use_task(file)]
