"""`untrained status`: what a store holds, and how far its runs are."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from untrained.harness.cli.options import AsJson

if TYPE_CHECKING:
    from untrained.harness.execution.run_log import RunState

_SECONDS = 2.0
_MOST_RUNS = 5


def status(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="Score store.")],
    *,
    log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Log of its runs (default: STORE.jsonl beside the store)."
        ),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Refresh every 2 seconds until no run is at work.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a store holds, what its indicators cost, and how far its runs are.

    [dim]untrained status scores.sqlite

    untrained status scores.sqlite --watch[/dim]
    """
    from untrained.harness.execution.run_log import log_path, read_log

    place = log or log_path(store)
    if log is not None and (not log.exists() or (log.stat().st_size and not read_log(log))):
        from untrained.foundation import MissingData

        why = "no line of it is an event of a run" if log.exists() else "it does not exist"
        raise MissingData(
            f"cannot read the log {str(log)!r}: {why}. Leave --log out for the log "
            f"beside the store, {str(log_path(store))!r}."
        )
    while True:
        counts, costs, runs = _look(store, place)
        if watch and sys.stdout.isatty():
            print("\033[2J\033[H", end="")
        if as_json:
            found = {
                "store": str(store),
                "statuses": counts,
                "indicators": costs,
                "runs": [
                    asdict(run)
                    | {"running": run.is_running, "rate": run.rate, "left_s": run.left_s}
                    for run in runs
                ],
            }
            print(json.dumps(found), flush=True)
        else:
            _show(store, counts, costs, runs)
        if not watch or not any(run.is_running for run in runs):
            return
        try:
            time.sleep(_SECONDS)
        except KeyboardInterrupt:
            return


def _look(store: Path, log: Path) -> tuple[dict[str, int], list[dict[str, Any]], list[RunState]]:
    from untrained.harness.execution.run_log import read_log
    from untrained.results import ScoreStore

    runs = read_log(log)[-_MOST_RUNS:] if log.exists() else []
    with ScoreStore(store, create=False) as opened:
        return opened.count_by_status(), opened.costs(), runs


def _show(
    store: Path, counts: dict[str, int], costs: list[dict[str, Any]], runs: list[RunState]
) -> None:
    from untrained.harness.cli.output import print_rows, printable

    statuses = ", ".join(f"{count} {name}" for name, count in counts.items())
    print(f"{sum(counts.values())} scores in {store}: {statuses or 'none'}")
    if costs:
        print_rows([_cost_row(one) for one in costs], unbroken=("indicator",))
    last = {run.command: run for run in runs}
    for run in runs:
        print(printable(_run_line(run)))
        if len(run.workers) > 1:
            for worker, count in sorted(run.workers.items()):
                print(printable(f"  {worker}: {count} scores"))
        went_on = last[run.command] is not run
        if run.command and not went_on and not run.is_running and run.outcome != "finished":
            print(printable(f"  to go on: {run.command}"))


def _cost_row(one: dict[str, Any]) -> dict[str, str]:
    from untrained.harness.execution.progress import duration

    total, mean, most = one["total_s"], one["mean_s"], one["peak_bytes"]
    return {
        "indicator": f"{one['indicator']} v{one['version']}",
        "scores": str(one["scores"]),
        "not_ok": str(one["not_ok"]),
        "seconds_each": "-" if mean is None else f"{mean:.3g}",
        "longest": "-" if one["longest_s"] is None else f"{one['longest_s']:.3g}",
        "together": "-" if total is None else duration(total),
        "peak_memory": "-" if most is None else f"{most / 2**20:.0f} MiB",
    }


def _run_line(run: RunState) -> str:
    from untrained.harness.execution.progress import duration

    rest = run.wanted - run.stored
    parts = [f"{run.done} of {rest} scores", duration(run.elapsed_s)]
    if run.rate:
        parts.append(f"{run.rate:.1f} scores/s")
    if run.failed:
        parts.append(f"{run.failed} failed")
    if run.is_running and run.left_s is not None:
        parts.append(f"{duration(run.left_s)} left")
    if run.is_running:
        state = f"at work on {run.host} (process {run.pid}), last line {run.heard}"
    else:
        state = run.outcome or f"ended without a word (process {run.pid} on {run.host} is gone)"
    return f"run {run.run}: {', '.join(parts)}; {state}"
