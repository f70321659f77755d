"""The command line."""

from __future__ import annotations

import errno
import inspect
import os
import signal
import sys
import threading
from contextlib import suppress
from importlib import import_module
from typing import Annotated, Any, NoReturn, TextIO

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from untrained.foundation import Interrupted, UserError

COMMANDS = {
    "list": (
        "list:list_",
        "List what is installed: indicators, searchers, spaces, benchmarks and the rest.",
    ),
    "run": (
        "run:run",
        "Run a study: score, correlate, report. An interrupted run is resumed by the same command.",
    ),
    "score": (
        "score:score",
        "Score architectures into a store; what is there already is not scored again.",
    ),
    "status": (
        "status:status",
        "Show what a store holds, what its indicators cost, and how far its runs are.",
    ),
    "merge": ("merge:merge", "Merge stores, such as those of shards, into one."),
    "search": (
        "search:search",
        "Search for good networks, several times, and look up what was found.",
    ),
    "search-task": (
        "search_task:search_task",
        "Search a regression task whose losses rank networks like their accuracies (GenNAS).",
    ),
    "correlate": (
        "report:correlate",
        "Rank correlations of the scores in a store with true accuracies, with intervals.",
    ),
    "report": (
        "report:report",
        "Write tables and figures of the scores in a store, or of two stores side by side.",
    ),
    "validate": (
        "validate:validate",
        "Judge a new indicator: better than params, than the best baseline, where and how surely.",
    ),
    "new": ("new:app", "Write a file to start from."),
    "check": (
        "check:check",
        "Fail if a score, a correlation or the truth has moved since a baseline was agreed on.",
    ),
    "data": ("data:app", "List, fetch, convert and verify ground truth and images."),
}
"""Where each command is, in the modules of this folder, and what it does in a sentence."""


class Commands(TyperGroup):
    """The commands; each is imported when it is called, because a list of them needs none."""

    _listed = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order in which they are shown."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or what is known of it without an import while help is written."""
        if cmd_name not in COMMANDS:
            return None
        place, text = COMMANDS[cmd_name]
        if self._listed:
            return TyperCommand(cmd_name, help=text, rich_markup_mode="rich")
        module, _, name = place.partition(":")
        found = getattr(import_module(f"untrained.harness.cli.{module}"), name)
        if not isinstance(found, typer.Typer):
            found, function = typer.Typer(rich_markup_mode="rich", add_completion=False), found
            found.command(cmd_name)(function)
        command = get_command(found)
        command.name = cmd_name
        for one in (command, *getattr(command, "commands", {}).values()):
            one.help = _without_line_breaks(one.help or "")
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands."""
        self._listed = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listed = False


def _without_line_breaks(text: str) -> str:
    """Join the lines of each paragraph, which typer would break where a docstring does."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


app = typer.Typer(
    name="untrained",
    cls=Commands,
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
        from importlib.metadata import version

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


def main() -> None:
    """Run the command line and leave with its exit status.

    SIGTERM, and SIGHUP of a terminal that is closed, interrupt as Ctrl-C does. Output that cannot
    be written is an error in a sentence; a reader that has read enough is none.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in STOPS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                before[number] = signal.signal(number, signal.default_int_handler)
    try:
        try:
            app(prog_name="untrained")
        finally:
            if sys.stdout is not None:  # as after >&-
                sys.stdout.flush()
    except Interrupted as interruption:
        _leave(str(interruption), INTERRUPTED)
    except UserError as error:
        _leave(str(error), 2)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        _discard(sys.stdout)
        if error.errno == errno.EPIPE:
            sys.exit(1)
        _leave(f"cannot write the output: {error.strerror}. Send it elsewhere.", 2)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(text: str, status: int) -> NoReturn:
    try:
        print(f"untrained: {text}", file=sys.stderr)
        sys.stderr.flush()
    except OSError:  # the terminal is gone
        _discard(sys.stderr)
    sys.exit(status)


def _discard(stream: TextIO) -> None:
    """Let a stream that cannot be written to lead nowhere, where Python flushes it at the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


STOPS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
UNWRITABLE = {errno.EPIPE, errno.EIO, errno.ENOSPC, errno.EBADF, errno.EFBIG}
INTERRUPTED = 130
"""Exit status of an interrupted program, by convention 128 + SIGINT; also after SIGTERM."""
