"""The registry of document formats, and files on disk, whole or none.

A file of this folder registers the formats that it defines.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, TypeVar

from untrained.foundation import Registry, StorageError
from untrained.reports.pages.report import Report

if TYPE_CHECKING:
    from jinja2 import Environment

Content = str | bytes
"""Content of one file."""
Make = Callable[[Report], Content | Mapping[str, Content]]
"""One file, or the files of a folder by name."""
_Maker = TypeVar("_Maker", bound=Make)


@dataclass(frozen=True, slots=True)
class Format:
    """A way to turn a report into a file, or into a folder of files."""

    name: str
    title: str
    """One line for a list of formats."""
    suffix: str
    """Suffix of the file, with its dot (`.md`), or of the folder (`-figures`)."""
    make: Make

    def render(self, report: Report) -> str:
        """Make the text of the file.

        Raises:
            TypeError: the format makes bytes or several files; `make` gives these.
        """
        made = self.make(report)
        if not isinstance(made, str):
            raise TypeError(f"the format {self.name} makes no text; write_report writes its files")
        return made


formats: Registry[Format] = Registry(
    "report format",
    package="untrained.reports.formats",
    group="untrained.formats",
    hint="untrained list formats",
)


def report_format(name: str, *, title: str, suffix: str) -> Callable[[_Maker], _Maker]:
    """Register the decorated function as what makes the file, or the files, of a format.

    The function must be deterministic (no clock, no unsorted set: the same report gives the same
    bytes) and import what is heavy inside itself.

    Args:
        name: what users select it by.
        title: one line for a list of formats.
        suffix: of the file it makes, with the dot, or of the folder.

    Returns:
        The decorator; it returns the function unchanged.
    """

    def register(make: _Maker) -> _Maker:
        item = Format(name=name, title=title, suffix=suffix, make=make)
        formats.register(name, item, origin=make.__module__)
        return make

    return register


@cache
def template(name: str) -> str:
    """Read a file of the folder of templates."""
    return files("untrained.reports.formats").joinpath("templates", name).read_text("utf-8")


def template_environment(**options: Any) -> Environment:
    """Make the Jinja environment of a text format; an undefined name is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(  # noqa: S701  (HTML asks for autoescape, LaTeX escapes every text itself)
        loader=FunctionLoader(template),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )


def write_report(
    report: Report,
    folder: str | os.PathLike[str],
    names: Iterable[str] = ("html", "markdown", "csv"),
    *,
    stem: str = "report",
) -> list[Path]:
    """Render a report in some formats and write their files.

    Everything is rendered before anything is written, and a file appears under its name only when
    it is complete: an earlier report survives whatever goes wrong.

    Args:
        folder: where the files go; made if it is not there.
        stem: name of the files, and of folders of files, before the suffix.

    Returns:
        The files, in the order of `names`.

    Raises:
        UnknownName: a name no format is registered under.
        StorageError: the folder cannot be made, or a file in it cannot be written.
    """
    chosen = [formats[name] for name in dict.fromkeys(names)]
    contents: dict[str, Content] = {}
    for item in chosen:
        plain = f"{stem}{item.suffix}"
        made = item.make(report)
        if isinstance(made, Mapping):
            contents |= {f"{plain}/{name}": content for name, content in made.items()}
        else:
            # two formats of one suffix must not overwrite each other
            contents[f"{stem}-{item.name}{item.suffix}" if plain in contents else plain] = made
    return write_files(contents, folder)


def write_files(contents: Mapping[str, Content], folder: str | os.PathLike[str]) -> list[Path]:
    """Write files below a folder, each complete before it appears under its name.

    Args:
        contents: by name; a slash in a name makes a folder. None at all: the folder is made, and
            whether files can be written into it is found out.

    Returns:
        The files, in the order of `contents`.

    Raises:
        StorageError: a folder cannot be made, or a file cannot be written.
    """
    place = Path(folder)
    paths: list[Path] = []
    try:
        place.mkdir(parents=True, exist_ok=True)
        if not contents:
            TemporaryFile(dir=place).close()
        for name, content in contents.items():
            (place / name).parent.mkdir(exist_ok=True)
            paths.append(_write_atomically(place / name, content))
    except OSError as error:
        written = f"already written: {', '.join(path.name for path in paths)}"
        raise StorageError(
            f"cannot write the report into {str(place)!r}: {error.strerror or error} "
            f"({error.filename or place}); "
            f"{written if paths else 'no file was written or changed'}; "
            "choose a folder you may write to, with room for a few megabytes"
        ) from error
    return paths


_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def _write_atomically(path: Path, content: Content) -> Path:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    if isinstance(content, str):
        # names come from anywhere; what a terminal obeys must not reach one through a file
        content = _CONTROLS.sub("\ufffd", content)
        # a lone surrogate (an undecodable file name in a message) must not lose the report
        content = content.encode(errors="backslashreplace")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path
