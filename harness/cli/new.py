"""The command `untrained new`, and the file it starts from."""

from __future__ import annotations

import keyword
import re
import sys
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from untrained.foundation import StorageError, UserError


def check_name(name: str) -> None:
    """Check the name of a new indicator.

    Raises:
        UserError: it may not; the message says why and proposes another one.
    """
    from untrained.indicators import indicators

    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UserError(
            f"an indicator cannot be named {name!r}: its name is that of a Python function in "
            f"lower-case letters, digits and underscores, a letter first; try {_proposed(name)!r}"
        )
    if name in indicators:
        raise UserError(
            f"an indicator named {name!r} exists already ({indicators[name].title}; untrained list "
            "indicators); choose another name"
        )


def _proposed(name: str) -> str:
    from untrained.indicators import indicators

    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    plain = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_").lstrip("0123456789_")
    plain = plain or "my_indicator"
    return f"{plain}_score" if keyword.iskeyword(plain) or plain in indicators else plain


def indicator_template(name: str, *, year: int) -> str:
    """Fill the template of a file that defines a working indicator, with a reference of a year.

    Raises:
        UserError: an indicator may not be called so.
    """
    check_name(name)
    title = name.replace("_", " ").capitalize()
    text = (files("untrained.harness.cli") / "templates" / "indicator.py.txt").read_text("utf-8")
    return text.replace("TITLE", title).replace("NAME", name).replace("YEAR", str(year))


def write_template(text: str, path: Path) -> None:
    """Write a file that is not there yet, and the folders above it.

    Raises:
        StorageError: it is there already, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise StorageError(
            f"{path} exists already and is left as it is; choose another name or --output FILE"
        ) from None
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}; choose a folder you may write to"
        ) from error


app = typer.Typer(no_args_is_help=True, help="Write a file to start from.")


@app.callback()
def new() -> None:
    """Write a file to start from."""


@app.command()
def indicator(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Name of the indicator and its function: lower-case letters, digits, underscores.",
        ),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File to write (default: NAME.py in the working directory)."
        ),
    ] = None,
) -> None:
    """Write a working indicator to change; it passes the contract suite as it is.

    [dim]untrained new indicator mean_saliency

    untrained validate mean_saliency.py[/dim]
    """
    path = output or Path(f"{name}.py")
    write_template(indicator_template(name, year=datetime.now(UTC).year), path)
    print(path)
    print(
        f"change it, then: untrained validate {path} (docs/new-indicator.md walks through it)",
        file=sys.stderr,
    )
