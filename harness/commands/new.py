"""`untrained new`: files to start from."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

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
            help="Of the indicator and its function: lower-case letters, digits, underscores.",
            show_default=False,
        ),
    ],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Where it goes; by default NAME.py here.", show_default=False
        ),
    ] = None,
) -> None:
    """Write a working indicator to change; it passes the contract suite as it is.

    [dim]untrained new indicator mean_saliency

    untrained validate mean_saliency.py[/dim]
    """
    from untrained.harness.template import indicator_template, write_template

    path = output or Path(f"{name}.py")
    write_template(indicator_template(name, year=datetime.now(UTC).year), path)
    print(path)
    print(
        f"change it, then: untrained validate {path} (docs/new-indicator.md walks through it)",
        file=sys.stderr,
    )
