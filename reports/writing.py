"""Reports on disk: whole files or none."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from untrained.foundation import StorageError
from untrained.reports.formats import formats
from untrained.reports.report import Report


def write_report(
    report: Report,
    folder: str | os.PathLike[str],
    names: Iterable[str] = ("html", "markdown", "csv"),
    *,
    stem: str = "report",
) -> list[Path]:
    """Render a report in some formats and write one file each.

    Everything is rendered before anything is written, and a file appears under its name only when
    it is complete: an earlier report survives whatever goes wrong.

    Args:
        report: what to render.
        folder: where the files go; made if it is not there.
        names: formats, as registered.
        stem: name of the files before the suffix.

    Returns:
        The files, in the order of `names`.

    Raises:
        UnknownName: a name no format is registered under.
        StorageError: the folder cannot be made, or a file in it cannot be written.
    """
    chosen = [formats[name] for name in dict.fromkeys(names)]
    texts: dict[str, str] = {}
    for item in chosen:
        plain = f"{stem}{item.suffix}"
        # two formats of one suffix must not overwrite each other
        texts[f"{stem}-{item.name}{item.suffix}" if plain in texts else plain] = item.render(report)
    place = Path(folder)
    paths = []
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            paths.append(_write_atomically(place / name, text))
    except OSError as error:
        raise StorageError(
            f"cannot write the report into {str(place)!r}: {error.strerror or error} "
            f"({error.filename or place}); {_done(paths)}; "
            "choose a folder you may write to, with room for a few megabytes"
        ) from error
    return paths


def _done(paths: list[Path]) -> str:
    if not paths:
        return "no file was written or changed"
    return f"already written: {', '.join(path.name for path in paths)}"


def _write_atomically(path: Path, text: str) -> Path:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        # a lone surrogate (an undecodable file name in a message) must not lose the report
        with partial.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path
