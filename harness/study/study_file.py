"""The loader of study files: every mistake is named with its line when a study is loaded."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from untrained.foundation import (
    MalformedInput,
    MissingData,
    UnknownName,
    UserError,
    parse_toml,
    suggest,
)
from untrained.harness.study.study import Study, StudyFile

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


@lru_cache(maxsize=1)
def _places(text: str) -> Mapping[Keys, int]:
    """Number the lines of all keys, once for all mistakes of a study."""
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


M = TypeVar("M", bound=BaseModel)
S = TypeVar("S", bound=StudyFile)

At = Callable[..., AbstractContextManager[None]]
"""`at(*keys)`: a user's error that the block raises is a mistake in the value of that key."""

_EXPECTED = {
    "tuple_type": "should be a list, in square brackets",
    "model_type": "should be a table",
    "string_type": "should be a text, in quotes",
    "int_type": "should be a whole number",
    "float_type": "should be a number",
    "bool_type": "should be true or false",
    "too_short": "should name at least one",
}
"""Words of TOML for what pydantic says in those of Python."""


@dataclass(frozen=True, slots=True)
class Named(Generic[S]):
    """A study whose names all exist, and where it comes from."""

    name: str
    """Stem of the file's name."""
    study: S
    command: str
    """Command that regenerates its results."""
    text: str = ""
    """The TOML document; empty for a study that was not read from a file."""

    @property
    def title(self) -> str:
        """The study's title, or its name."""
        return self.study.title or self.name


@dataclass(frozen=True, slots=True)
class StudyLoader(Generic[S]):
    """Loads studies of one kind: a file, a built-in one, or values from options."""

    model: type[S]
    kind: str
    """For messages: `study`."""
    package: str
    """Package with the folder `studies` of the built-in ones."""
    command: str
    """Command that runs a study: `untrained run`."""
    hint: str
    """Remedy for an unknown name."""
    check_names: Callable[[S, At], None]
    """Function that looks up every name of a study."""

    def builtin(self) -> list[str]:
        """Names of the studies that come with the project, sorted."""
        folder = files(self.package) / "studies"
        return sorted(
            entry.name.removesuffix(".toml")
            for entry in folder.iterdir()
            if entry.name.endswith(".toml")
        )

    def load(
        self, name: str, changes: Mapping[str, Any] | None = None, *, check_names: bool = True
    ) -> Named[S]:
        """Load the study in a file, or the built-in one.

        Args:
            name: path of a TOML file (or anything that ends in .toml), or name of a built-in study.
            changes: values that replace those of the file.
            check_names: False to list studies: nothing is looked up.

        Raises:
            UnknownName: neither a file nor a built-in study.
            MissingData: a .toml file that is not there.
            MalformedInput: the file cannot be read or is no study, or a name in it does not exist;
                the message names line and key.
        """
        path, folder, builtin = Path(name), None, self.builtin()
        if path.is_file():
            folder = path.parent
            from untrained.spaces.framework.architecture_file import read_text

            text = read_text(path, what=f"the {self.kind}").replace("\r\n", "\n")
        elif name in builtin:
            path = Path(f"{name}.toml")
            text = (files(self.package) / "studies" / path.name).read_text(encoding="utf-8")
        elif path.suffix == ".toml" or len(path.parts) > 1:
            raise MissingData(
                f"the {self.kind} file {path} does not exist; built-in ones are: "
                f"{', '.join(builtin)}"
            )
        else:
            raise UnknownName(self.kind, name, builtin, self.hint)
        return self.parse(
            text,
            place=str(path),
            command=f"{self.command} {name}",
            folder=folder,
            changes=changes,
            check_names=check_names,
        )

    def parse(
        self,
        text: str,
        *,
        place: str,
        command: str,
        folder: Path | None = None,
        changes: Mapping[str, Any] | None = None,
        check_names: bool = True,
    ) -> Named[S]:
        """Read the study in a TOML text.

        Args:
            place: file name for messages; its stem names the study.
            folder: what relative paths inside are relative to (default: they stay as they are).

        Raises:
            MalformedInput: not TOML, or not a study; every mistake is named with its line.
        """
        try:
            document = parse_toml(text)
        except tomllib.TOMLDecodeError as error:
            raise MalformedInput(_syntax_error(str(error), text, place)) from error
        study = checked(self.model, {**document, **(changes or {})}, text=text, place=place)
        if check_names:
            self._look_names_up(study, text, place)
        if folder is not None:
            study = study.anchored(folder)
        return Named(Path(place).stem, study, command, text)

    def make(self, values: Mapping[str, Any], *, name: str, command: str) -> Named[S]:
        """Make a study from plain values.

        Raises:
            UserError: the values are no study, or a name in them does not exist.
        """
        study = checked(self.model, values)
        self._look_names_up(study)
        return Named(name, study, command)

    def _look_names_up(self, study: S, text: str = "", place: str = "") -> None:
        found: list[tuple[int, UserError]] = []

        @contextmanager
        def at(*keys: str | int) -> Iterator[None]:
            try:
                yield
            except MissingData:
                pass  # no mistake in the study: a run says what is missing, where it needs it
            except UserError as error:
                name = error.name if isinstance(error, UnknownName) else None
                found.append((line_of(text, keys, value=name) or 0, error))

        self.check_names(study, at)
        if found and not place:
            raise found[0][1]
        if found:
            lines = dict.fromkeys(
                f"{place}:{number}: {error}" if number else f"{place}: {error}"
                for number, error in sorted(found, key=lambda one: one[0])
            )
            raise MalformedInput("\n".join(lines)) from found[0][1]


def checked(model: type[M], values: Mapping[str, Any], *, text: str = "", place: str = "") -> M:
    """A part of a study, made from plain values.

    Raises:
        MalformedInput: unknown keys or wrong values; every mistake is named, with its line.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise MalformedInput("\n".join(_mistakes(error, model, text, place))) from error


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
        if detail["type"] == "too_short" and detail["input"]:
            continue  # it is not empty: each wrong element is reported by itself
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


def _check_measured(pattern: str) -> None:
    """Check that a name or pattern is that of indicators.

    Raises:
        UserError: it is that of an aggregate, or of nothing.
    """
    from untrained.indicators import indicators
    from untrained.results.aggregates import aggregates

    if pattern in aggregates:
        members = ", ".join(aggregates[pattern].members) or "indicators that you name"
        raise UserError(
            f"cannot measure {pattern}: it is an aggregate, computed from {members}. Measure "
            f"those, and name {pattern} among the aggregates."
        )
    indicators.matching(pattern)


def _check_names(study: Study, at: At) -> None:
    # `untrained list studies` loads no indicator
    from untrained.harness.study.plan import (
        aggregates_of_names,
        bind_aggregate,
        shared_indicators,
    )
    from untrained.harness.study.truth import find_truth
    from untrained.indicators import indicators
    from untrained.reports import formats
    from untrained.results.aggregates import aggregates
    from untrained.spaces import find_initialisation, spaces

    levels = study.factors
    datasets = []
    for keys, inputs in [(("inputs",), study.inputs)] + [
        (("factors", "inputs"), level) for level in levels.inputs
    ]:
        with at(*keys):
            datasets.append(study.model_copy(update={"inputs": inputs}).find_dataset())
    if study.initialisation is not None:
        with at("initialisation"):
            find_initialisation(study.initialisation)
    for name in levels.initialisation:
        with at("factors", "initialisation"):
            find_initialisation(name)
    for name in study.spaces:
        with at("spaces"):
            spaces[name]
    for pattern in study.indicators if study.indicators != ("all",) else ():
        with at("indicators"):
            _check_measured(pattern)
    with at("share_classes"):
        shared_indicators(study)
    for name, given in study.options.items():
        with at("options"):
            indicators[name].chosen(given)
    taken = []
    for name in study.aggregates:
        with at("aggregates"):
            taken += [one.name for one in aggregates_of_names([name])]
    for number, own in enumerate(study.aggregate):
        with at("aggregate", number, "name"):
            _check_free(own.name, taken, indicators, aggregates)
        taken.append(own.name)
        for member in own.members:
            with at("aggregate", number, "members"):
                indicators[member]
        with at("aggregate", number, "kind"):
            kind = aggregates[own.kind]
            with at("aggregate", number):
                bind_aggregate(own, kind)
    for name in study.report.formats:
        with at("report", "formats"):
            formats[name]
    for name in study.spaces:
        if name in spaces and datasets:
            with at("truth"):
                find_truth(name, study.truth, datasets={datasets[0].name})


def _check_free(name: str, taken: Collection[str], *registries: Collection[str]) -> None:
    for what, names in zip(("an indicator", "a registered aggregate"), registries, strict=True):
        if name in names:
            raise MalformedInput(
                f"the aggregate {name!r} has the name of {what}, whose row it would be taken for; "
                "choose another name"
            )
    if name in taken:
        raise MalformedInput(f"two aggregates are named {name!r}; choose another name for one")


STUDIES = StudyLoader(
    Study,
    kind="study",
    package="untrained.harness.study",
    command="untrained run",
    hint="untrained list studies, or give a .toml file",
    check_names=_check_names,
)
builtin_studies, load_study, parse_study = STUDIES.builtin, STUDIES.load, STUDIES.parse
