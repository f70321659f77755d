"""What `run` and `score` have in common: from a study to a filled store."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from untrained.harness.commands.options import DeviceName
    from untrained.harness.plan import Plan
    from untrained.harness.runner import RunSummary
    from untrained.results import ScoreStore


def fill(
    store: ScoreStore,
    plans: Sequence[Plan],
    *,
    device: DeviceName,
    workers: int | None,
    retry_failed: bool,
) -> RunSummary:
    """Score what the store lacks, with progress on standard error."""
    from untrained.harness.devices import find_device, make_executor
    from untrained.harness.progress import make_progress
    from untrained.harness.runner import run_plans

    chosen = find_device(device.value)
    return run_plans(
        plans,
        store,
        executor=make_executor(chosen, workers),
        progress=make_progress(),
        device=chosen,
        retry_failed=retry_failed,
    )


def print_plan(plans: Sequence[Plan], path: Path, *, known: Sequence[Path] = ()) -> None:
    """What a run would do: nothing is scored, and no store is made.

    Args:
        plans: what is wanted.
        path: the store, which need not exist.
        known: further stores and exports that a run would add first.
    """
    from untrained.results import ScoreStore

    stored = [*([path] if path.exists() else []), *known]
    for plan in plans:
        left = plan.keys
        for file in stored:
            with ScoreStore.read(file) as store:
                left = store.missing(left)
        networks = sum(1 for _ in plan.tasks(left, device="cpu"))
        print(f"{plan.space}: {plan.selection.text}; seeds {', '.join(map(str, plan.seeds))}")
        for name, protocol in plan.protocols.items():
            print(f"  {name} v{plan.versions[name]}: {protocol.describe()} ({protocol.digest})")
        for one in plan.aggregates:
            print(f"  {one.name}, computed when tables are made: {one.describe()}")
        print(
            f"  {len(plan.keys)} scores, {len(plan.keys) - len(left)} of them in "
            f"{', '.join(map(str, stored)) or path}; "
            f"{len(left)} to do on {networks} networks"
        )


def print_summary(summary: RunSummary, path: Path, *, as_json: bool = False) -> None:
    """What a run came to: JSON on standard output, or a line on standard error."""
    if as_json:
        fields = asdict(summary) | {"statuses": dict(summary.statuses), "store": str(path)}
        print(json.dumps(fields, indent=2))
        return
    counts = ", ".join(f"{n} {status}" for status, n in summary.statuses)
    print(f"{summary.wanted} scores in {path}: {counts} ({summary.scored} new)", file=sys.stderr)


def print_failures(summary: RunSummary) -> None:
    """How many scores failed and what to do, on standard error."""
    print(
        f"untrained: {summary.num_failures} of {summary.wanted} scores failed; their reasons are "
        "in the store (column reason); run again with --retry-failed to try them once more",
        file=sys.stderr,
    )
