"""The command line."""

from __future__ import annotations

import signal
import sys
import threading
from importlib.metadata import version
from typing import Annotated

import typer

from untrained.foundation import Interrupted, UserError
from untrained.harness.cli.check import check
from untrained.harness.cli.data import app as data
from untrained.harness.cli.list import list_
from untrained.harness.cli.new import app as new
from untrained.harness.cli.report import correlate, report
from untrained.harness.cli.run import run
from untrained.harness.cli.score import score
from untrained.harness.cli.search import search
from untrained.harness.cli.search_task import search_task
from untrained.harness.cli.validate import validate

app = typer.Typer(
    name="untrained",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Results go to standard output or files, progress to standard error. Exit status: "
    "0 fine, 1 some scores failed or something has moved, 2 wrong usage or input, 130 interrupted.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"untrained {version('untrained')}")
        raise typer.Exit


@app.callback()
def untrained(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Score untrained networks with training-free indicators and rank them against accuracies.

    Start with [bold]untrained run nasbench201-quick[/bold]: it needs no data and ends with a table.
    """


app.command("list")(list_)
app.command("run")(run)
app.command("score")(score)
app.command("search")(search)
app.command("search-task")(search_task)
app.command("correlate")(correlate)
app.command("report")(report)
app.command("validate")(validate)
app.add_typer(new, name="new")
app.command("check")(check)
app.add_typer(data, name="data")


def main() -> None:
    """Run the command line and leave with its exit status.

    SIGTERM interrupts as Ctrl-C does.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler) if in_main_thread else None
    try:
        app(prog_name="untrained")
    except Interrupted as interruption:
        print(f"untrained: {interruption}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except UserError as error:
        print(f"untrained: {error}", file=sys.stderr)
        sys.exit(2)
    finally:
        if in_main_thread:
            signal.signal(signal.SIGTERM, before)


INTERRUPTED = 130
"""Exit status of an interrupted program, by convention 128 + SIGINT; also after SIGTERM."""
