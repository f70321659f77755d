"""Study files: reading, and the place of a mistake."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from untrained.foundation import MalformedInput, MissingData, UnknownName, UserError, suggest
from untrained.harness.study.study import Study

_KEY = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"^\s*\[\[?\s*({_DOTTED})\s*\]\]?")
_ASSIGNMENT = re.compile(rf"^\s*({_DOTTED})\s*=")


Keys = tuple[str | int, ...]


def line_of(text: str, keys: Sequence[str | int], *, value: str | None = None) -> int | None:
    """The line on which a key is assigned, or the table that should hold it begins.

    Args:
        keys: path of the key, from the top; whole numbers count the tables of an array from 0.
        value: a string; a line with it is preferred to that of the key, the next one at first.

    Returns:
        Line number from 1; that of the nearest enclosing key that is there; None if none is.
    """
    places = _places(text)
    lines = text.splitlines()
    for length in range(len(keys), 0, -1):
        line = places.get(tuple(keys[:length]))
        if line is None:
            continue
        if value is not None:
            quoted = (f'"{value}"', f"'{value}'")
            for number in (*range(line, len(lines) + 1), *range(1, line)):
                if any(q in lines[number - 1] for q in quoted):
                    return int(number)
        return line
    return None


def _places(text: str) -> dict[Keys, int]:
    found: dict[Keys, int] = {}
    arrays: dict[tuple[str, ...], int] = {}
    table: Keys = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            path = _split(header[1])
            if line.lstrip().startswith("[["):
                arrays[path] = arrays.get(path, -1) + 1
                found.setdefault(path, number)
            table = _counted(path, arrays)
            found.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            keys = table + _split(assignment[1])
            for length in range(len(table) + 1, len(keys) + 1):
                found.setdefault(keys[:length], number)
    return found


def _counted(path: tuple[str, ...], arrays: Mapping[tuple[str, ...], int]) -> Keys:
    """The path with the number of the current table behind each array of tables."""
    keys: Keys = ()
    for length, name in enumerate(path, start=1):
        keys += (name,)
        if path[:length] in arrays:
            keys += (arrays[path[:length]],)
    return keys


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, dotted))


S = TypeVar("S", bound=BaseModel)

_EXPECTED = {
    "tuple_type": "should be a list, in square brackets",
    "model_type": "should be a table",
    "string_type": "should be a text, in quotes",
    "int_type": "should be a whole number",
    "float_type": "should be a number",
    "bool_type": "should be true or false",
}
"""Words of TOML for what pydantic says in those of Python."""


@dataclass(frozen=True, slots=True)
class NamedStudy:
    """A study and where it comes from."""

    name: str
    """Stem of the file's name."""
    study: Study
    command: str
    """What a reader types to regenerate its results."""
    text: str = ""
    """The TOML document, for the places of later errors."""
    place: str = ""
    """File name for messages; empty for a study that was not read from a file."""

    @property
    def title(self) -> str:
        """The study's title, or its name."""
        return self.study.title or self.name

    @contextmanager
    def at(self, *keys: str | int) -> Iterator[None]:
        """Put the place of a key before the text of a user's error that the block raises.

        Args:
            keys: path of the key in the file, with the number of a table in an array; of an
                unknown name, its own line is preferred.

        Raises:
            MalformedInput: the error, with its place; without a file it stays as it is.
        """
        try:
            yield
        except UserError as error:
            if not self.place:
                raise
            name = error.name if isinstance(error, UnknownName) else None
            number = line_of(self.text, keys, value=name)
            place = self.place if number is None else f"{self.place}:{number}"
            raise MalformedInput(f"{place}: {error}") from error


def builtin_studies() -> list[str]:
    """Names of the studies that come with the project, sorted."""
    folder = files("untrained.harness.study") / "studies"
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


def load_study(name: str) -> NamedStudy:
    """The study in a file (a path, or anything that ends in .toml), or the built-in one.

    Relative paths inside a file are relative to it.

    Args:
        name: path of a TOML file, or name of a built-in study.

    Raises:
        UnknownName: neither a file nor a built-in study.
        MissingData: a .toml file that is not there.
        MalformedInput: the file cannot be read or is no study; the message names line and key.
    """
    path = Path(name)
    if path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MalformedInput(f"the study {path} cannot be read: {error}") from error
        return parse_study(
            text, place=str(path), folder=path.parent, command=f"untrained run {path}"
        )
    builtin = builtin_studies()
    if name in builtin:
        source = files("untrained.harness.study") / "studies" / f"{name}.toml"
        text = source.read_text(encoding="utf-8")
        return parse_study(text, place=f"{name}.toml", command=f"untrained run {name}")
    if path.suffix == ".toml" or len(path.parts) > 1:
        raise MissingData(
            f"the study file {path} does not exist; built-in studies are: {', '.join(builtin)}"
        )
    raise UnknownName("study", name, builtin, "untrained list studies, or give a .toml file")


def parse_study(text: str, *, place: str, command: str, folder: Path | None = None) -> NamedStudy:
    """The study in a TOML text.

    Args:
        place: file name for messages; its stem names the study.
        folder: what relative paths inside are relative to; by default they stay as they are.

    Raises:
        MalformedInput: not TOML, or not a study; every mistake is named with its line.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MalformedInput(_syntax_error(str(error), text, place)) from error
    study = checked(Study, document, text=text, place=place)
    if folder is not None:
        study = _anchored(study, folder)
    return NamedStudy(Path(place).stem, study, command, text, place)


def checked(model: type[S], values: Mapping[str, Any], *, text: str = "", place: str = "") -> S:
    """A part of a study, made from plain values.

    Raises:
        MalformedInput: unknown keys or wrong values; every mistake is named, with its line.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise MalformedInput("\n".join(_mistakes(error, model, text, place))) from error


def _anchored(study: Study, folder: Path) -> Study:
    """The same study with its paths relative to `folder`."""
    population, report = study.population, study.report
    if population.file is not None:
        population = population.model_copy(update={"file": str(folder / population.file)})
    if report.folder is not None:
        report = report.model_copy(update={"folder": str(folder / report.folder)})
    return study.model_copy(update={"population": population, "report": report})


def _syntax_error(message: str, text: str, place: str) -> str:
    where = re.search(r"\s*\(at line (\d+), column (\d+)\)$", message)
    if where:
        position, message = f"{where[1]}:{where[2]}", message[: where.start()]
    else:
        position = str(max(1, len(text.splitlines())))
        message = message.removesuffix(" (at end of document)") + ", at the end of the file"
    return f"{place}:{position}: not TOML: {message}; correct that line and run again"


def _mistakes(error: ValidationError, model: type[BaseModel], text: str, place: str) -> list[str]:
    details = error.errors(include_url=False)
    unknown = {d["loc"] for d in details if d["type"] == "extra_forbidden"}
    found: list[tuple[int, str]] = []
    for detail in details:
        keys = [str(part) for part in detail["loc"] if isinstance(part, str)]
        if detail["type"] == "missing" and any(
            suggest(str(loc[-1]), [keys[-1]]).startswith("did you mean") for loc in unknown
        ):
            continue  # it is there, under a misspelt name that is reported by itself
        number = line_of(text, detail["loc"])
        where = "" if not place else f"{place}: " if number is None else f"{place}:{number}: "
        found.append((number or 0, f"{where}{_mistake(detail, model)}"))
    return [text for _, text in sorted(dict.fromkeys(found))]


def _mistake(detail: ErrorDetails, model: type[BaseModel]) -> str:
    *parents, key = [str(p) for p in detail["loc"] if isinstance(p, str)] or [""]
    dotted = ".".join([*parents, key])
    if detail["type"] == "extra_forbidden":
        known = _keys_of(model, parents)
        return f"unknown key {dotted!r}; {suggest(key, known)}"
    if detail["type"] == "missing":
        return f"the key {dotted!r} is missing; add it"
    expected = _EXPECTED.get(detail["type"])
    message = expected or detail["msg"].removeprefix("Value error, ")
    if isinstance(detail["input"], dict):
        return f"{dotted}: {message}" if dotted else message
    return f"{dotted} = {detail['input']!r}: {message[:1].lower()}{message[1:]}"


def _keys_of(model: type[BaseModel], parents: Sequence[str]) -> list[str]:
    for parent in parents:
        annotation: Any = model.model_fields[parent].annotation
        candidates = [annotation, *get_args(annotation)]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return list(model.model_fields)
