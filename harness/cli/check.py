"""`untrained check`: whether anything has moved since a baseline was agreed on."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from untrained.harness.cli.options import (
    AsJson,
    DeviceName,
    DeviceOption,
    KnownScores,
    Workers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from untrained.harness.gate.baseline import Baseline
    from untrained.harness.gate.checking import Check, Fill
    from untrained.harness.study.plan import Plan
    from untrained.harness.study.study_file import NamedStudy
    from untrained.results import ScoreStore


def check(
    baseline: Annotated[
        str,
        typer.Argument(
            metavar="BASELINE",
            help="A folder with a baseline, or a built-in one by name (untrained list baselines).",
        ),
    ],
    *,
    study: Annotated[
        str | None,
        typer.Option(
            metavar="STUDY",
            help="A study file or built-in study, instead of the baseline's own.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Of the networks' weights; by default the baseline's first seed, whose scores "
            "must come out the same. Other seeds are held against the spread between seeds.",
            show_default=False,
        ),
    ] = None,
    update: Annotated[
        bool,
        typer.Option("--update", help="Measure the baseline anew, all its seeds, and rewrite it."),
    ] = False,
    golden_only: Annotated[
        bool,
        typer.Option(
            "--golden-only",
            help="With --update, where there is no baseline yet: make one of golden scores alone.",
        ),
    ] = False,
    accept_lower_coverage: Annotated[
        bool,
        typer.Option("--accept-lower-coverage", help="With --update: also if it has fewer scores."),
    ] = False,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write JUnit XML.", show_default=False),
    ] = None,
    summary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Append a Markdown summary, as $GITHUB_STEP_SUMMARY wants it.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    all_: Annotated[bool, typer.Option("--all", help="Also list what has not moved.")] = False,
    scores: KnownScores = None,
    workers: Workers = None,
    device: DeviceOption = DeviceName.cpu,
) -> None:
    """Fail if a score, a correlation or the truth has moved since a baseline was agreed on.

    Three tiers: golden scores of tiny fixed networks; scores of a fixed sample, by rank;
    correlations with the truth, paired on the same networks.

    Exit status: 0 nothing moved, 1 something did, 2 wrong usage or input.

    [dim]untrained check golden

    untrained check nasbench201-gate --junit gate.xml --summary "$GITHUB_STEP_SUMMARY"

    untrained check baselines/mine --study my-study.toml --update[/dim]
    """
    from tempfile import TemporaryDirectory

    from untrained.foundation import UserError
    from untrained.harness.cli.output import check_destinations
    from untrained.harness.gate.baseline_files import baseline_folder, baseline_label, load_baseline
    from untrained.harness.gate.updating import measure_baseline
    from untrained.harness.study.study_file import load_study
    from untrained.results import ScoreStore

    if golden_only and study is not None:
        raise UserError(
            "--golden-only makes a baseline without a study, and --study names one; leave one out"
        )
    given = {"--seed": seed is not None, "--json": as_json, "--all": all_}
    given |= {"--junit": junit is not None, "--summary": summary is not None}
    of_updates = {"--accept-lower-coverage": accept_lower_coverage, "--golden-only": golden_only}
    _check_together(given if update else of_updates, update)
    destinations = check_destinations(junit, summary)
    named = None if study is None else load_study(study)
    fresh = update and not _has_baseline(baseline_folder(baseline))
    old = None if fresh and (named or golden_only) else load_baseline(baseline)
    if golden_only and old is not None and old.study is not None:
        raise UserError(
            f"--golden-only makes a baseline without a study, and {baseline!r} has one already; "
            "leave the option out to update it, or name another folder"
        )
    with (
        TemporaryDirectory(prefix="untrained-check-") as folder,
        ScoreStore(Path(folder) / "scores.sqlite") as store,
    ):
        for known in scores or ():
            store.absorb(known)
        fill = _filler(device, workers)
        if update:
            name = baseline_label(baseline_folder(baseline))
            command = shlex.join(["untrained", "check", name, "--update"])
            contents = measure_baseline(old, store=store, fill=fill, command=command, study=named)
            _update(old, baseline_folder(baseline), contents, accept_lower_coverage)
            return
        assert old is not None
        done = _checked(old, named, store, fill, seed)
    destinations.write(done, as_json=as_json, everything=all_)
    if done.failed:
        raise typer.Exit(1)


def _check_together(given: Mapping[str, bool], update: bool) -> None:
    from untrained.foundation import UserError

    for option in (name for name, there in given.items() if there):
        raise UserError(
            f"{option} and --update do not go together: an update measures all seeds of the "
            "study and writes the baseline; check afterwards"
            if update
            else f"{option} is about updates; give --update too, or leave it out"
        )


def _has_baseline(folder: Path) -> bool:
    from untrained.harness.gate.baseline_files import PROVENANCE

    return (folder / PROVENANCE).is_file() or (folder / ".update").is_dir()


def _filler(device: DeviceName, workers: int | None) -> Fill:
    from untrained.foundation import Interrupted
    from untrained.harness.cli.running import fill

    def filled(store: ScoreStore, plans: Sequence[Plan]) -> None:
        try:
            fill(store, plans, device=device, workers=workers, retry_failed=False)
        except Interrupted:
            raise Interrupted(
                "interrupted; the baseline is as it was. A check measures anew each time"
            ) from None

    return filled


def _checked(
    baseline: Baseline, named: NamedStudy | None, store: ScoreStore, fill: Fill, seed: int | None
) -> Check:
    from untrained.foundation import UserError
    from untrained.harness.gate.checking import check_baseline

    if seed is not None and baseline.study is None:
        raise UserError(
            f"--seed {seed} was given, but the baseline {baseline.name!r} has golden scores alone, "
            "which know no seed; leave it out"
        )
    return check_baseline(baseline, store=store, fill=fill, study=named, seed=seed)


def _update(
    old: Baseline | None, folder: Path, contents: Mapping[str, str], accept_lower_coverage: bool
) -> None:
    from untrained.harness.gate.baseline_files import write_baseline
    from untrained.harness.gate.updating import lower_coverage

    lost = [] if old is None else lower_coverage(old, contents)
    for line in lost:
        print(line)
    if lost and not accept_lower_coverage:
        print(
            f"untrained: the baseline in {str(folder)!r} was not updated, because it would cover "
            "less than before; mend that, or say --accept-lower-coverage",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    changed = write_baseline(folder, contents)
    print(
        f"written: {', '.join(str(folder / name) for name in changed)}"
        if changed
        else f"nothing has changed in {folder}"
    )
