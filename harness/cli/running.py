"""What several commands do: run a plan, read a store."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from untrained.harness.study.study import Statistics, Truth
from untrained.harness.study.study_file import checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from untrained.harness.cli.options import DeviceName
    from untrained.harness.execution.runner import RunSummary
    from untrained.harness.study.plan import Plan
    from untrained.reports import Report
    from untrained.results import ScoreStore


def typed_command(*without: str) -> str:
    """The command line, which repeats a run.

    Args:
        without: options with a value that are left out: where it writes, how many workers.
    """
    words = iter(sys.argv[1:])
    kept = ["untrained"]
    for word in words:
        if word in without:
            next(words, None)
        elif not word.startswith(tuple(f"{option}=" for option in without)):
            kept.append(shlex.quote(word))
    return " ".join(kept)


def fill(
    store: ScoreStore,
    plans: Sequence[Plan],
    *,
    device: DeviceName,
    workers: int | None,
    retry_failed: bool,
) -> RunSummary:
    """Score what the store lacks, with progress on standard error."""
    from untrained.harness.execution.executors import find_device, make_executor
    from untrained.harness.execution.progress import make_progress
    from untrained.harness.execution.runner import run_plans

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


def report_from_options(
    command: str,
    path: Path,
    *,
    space: str | None,
    truth: Mapping[str, Any],
    protocols: Sequence[str] | None,
    seed: int | None,
    aggregates: str | None,
    statistics: Mapping[str, Any],
) -> Report:
    """One table for each search space of a store, as the options of a command ask for.

    Raises:
        UserError: the store cannot be read, or what is asked for is not in it.
    """
    wanted, how = checked(Truth, truth), checked(Statistics, statistics)
    from untrained.harness.analysis.aggregates import aggregates_of_names
    from untrained.harness.analysis.agreement_tables import tables_of
    from untrained.harness.analysis.correlation_tables import make_report
    from untrained.harness.analysis.score_selection import ranked_of_store
    from untrained.harness.study.truth import find_truth
    from untrained.results import ScoreStore

    computed = aggregates_of_names([n.strip() for n in (aggregates or "").split(",") if n.strip()])
    line = _command_line(
        command,
        {"store": path, "space": space, "protocol": protocols, "seed": seed}
        | {"aggregates": ",".join(one.name for one in computed) or None}
        | {("truth_seed" if key == "seed" else key): value for key, value in truth.items()}
        | {key: value for key, value in statistics.items() if value != getattr(Statistics(), key)},
    )
    with ScoreStore.read(path) as store:
        ranked = ranked_of_store(
            store, space=space, protocols=protocols or (), seed=seed, aggregates=computed
        )
        truths = {
            part.space: find_truth(
                part.space, wanted, datasets={p.dataset for p in part.protocols.values()}
            )
            for part in ranked
        }
        sections, agreements = tables_of(ranked, truths, statistics=how, command=line)
        title = f"Correlations of {path.name}" if sections else f"Agreement of {path.name}"
        return make_report(title, sections, ranked, store, agreements=agreements)


def comparison_from_options(
    paths: tuple[Path, Path],
    *,
    space: str | None,
    truth: Mapping[str, Any],
    protocols: Sequence[str] | None,
    seed: int | None,
    statistics: Mapping[str, Any],
) -> Report:
    """Two stores side by side, as the options of `report` ask for.

    Accuracies that are not at hand are done without.

    Raises:
        UserError: a store cannot be read, or what is asked for is not in it.
    """
    # without the accuracies there is less to say, but still what changed
    wanted = checked(Truth, {**truth, "absent": "agreement"})
    how = checked(Statistics, statistics)
    from untrained.harness.analysis.store_comparison import compare_stores

    line = _command_line(
        "report",
        {"space": space, "protocol": protocols, "seed": seed}
        | {("truth_seed" if key == "seed" else key): value for key, value in truth.items()}
        | {key: value for key, value in statistics.items() if value != getattr(Statistics(), key)},
    )
    head, both = "untrained report", shlex.join(map(str, paths))
    return compare_stores(
        paths,
        space=space,
        truth=wanted,
        protocols=protocols or (),
        seed=seed,
        statistics=how,
        command=f"{head} --compare {both}{line.removeprefix(head)}",
    )


def _command_line(command: str, options: Mapping[str, object]) -> str:
    """The command that repeats a call; options that are None are left out."""
    words = ["untrained", command]
    for name, value in options.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is not None:
                words += [f"--{name.replace('_', '-')}", shlex.quote(str(one))]
    return " ".join(words)
