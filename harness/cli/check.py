"""`untrained check`: whether anything has moved since a baseline was agreed on."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from untrained.foundation import Interrupted, StorageError, UserError
from untrained.harness.cli.options import AsJson, DeviceName, DeviceOption, KnownScores, Workers
from untrained.harness.cli.output import print_rows
from untrained.harness.cli.run import fill

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from untrained.harness.gate.baseline_files import Baseline
    from untrained.harness.gate.check import Check, Fill
    from untrained.harness.study.plan import Plan
    from untrained.harness.study.study import Study
    from untrained.harness.study.study_file import Named
    from untrained.results import ScoreStore


def check(
    baseline: Annotated[
        str,
        typer.Argument(
            metavar="BASELINE",
            help="Folder of a baseline, or name of a built-in one (untrained list baselines).",
        ),
    ],
    *,
    study: Annotated[
        str | None,
        typer.Option(
            metavar="STUDY", help="Study file or built-in study (default: the baseline's own)."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Seed of the networks' weights (default: the baseline's first seed, whose scores "
            "must be reproduced). Other seeds are compared with the spread between seeds."
        ),
    ] = None,
    update: Annotated[
        bool,
        typer.Option("--update", help="Measure all seeds of the baseline again, and rewrite it."),
    ] = False,
    golden_only: Annotated[
        bool,
        typer.Option(
            "--golden-only",
            help="With --update, without a baseline: make one of golden scores alone.",
        ),
    ] = False,
    accept_lower_coverage: Annotated[
        bool, typer.Option("--accept-lower-coverage", help="With --update: accept fewer scores.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="File for JUnit XML.")] = None,
    summary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File to append a Markdown summary to, such as $GITHUB_STEP_SUMMARY.",
        ),
    ] = None,
    as_json: AsJson = False,
    all_: Annotated[
        bool, typer.Option("--all", help="Also list values that have not changed.")
    ] = False,
    scores: KnownScores = None,
    workers: Workers = None,
    device: DeviceOption = "cpu",
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

    from untrained.harness.gate.baseline_files import baseline_folder, baseline_label, load_baseline
    from untrained.harness.gate.update import measure_baseline
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
    for path in (junit, summary):
        if path is not None:  # that it cannot be written is said before anything is measured
            _write(path, "", append=True)
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
    _report(done, junit, summary, as_json=as_json, everything=all_)
    if done.failed:
        raise typer.Exit(1)


def _check_together(given: Mapping[str, bool], update: bool) -> None:
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
    def filled(store: ScoreStore, plans: Sequence[Plan]) -> None:
        try:
            fill(store, plans, device=device, workers=workers)
        except Interrupted:
            raise Interrupted(
                "interrupted; the baseline is as it was. A check measures anew each time"
            ) from None

    return filled


def _checked(
    baseline: Baseline, named: Named[Study] | None, store: ScoreStore, fill: Fill, seed: int | None
) -> Check:
    from untrained.harness.gate.check import check_baseline

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
    from untrained.harness.gate.update import lower_coverage

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


def _report(
    check: Check, junit: Path | None, summary: Path | None, *, as_json: bool, everything: bool
) -> None:
    """Print first, so that a file that cannot be written loses nothing; then write the files."""
    from untrained.reports.pages.findings import findings_json, findings_junit, findings_markdown

    title, facts = f"untrained check {check.baseline}", _facts(check)
    if as_json:
        document = {
            "baseline": check.baseline,
            "seed": check.seed,
            "other_versions": list(check.other_versions),
        }
        print(findings_json(document, check.findings), end="", flush=True)
    else:
        _print(check, facts, everything=everything)
    if junit is not None:
        _write(junit, findings_junit(title, check.findings), append=False)
    if summary is not None:
        text = findings_markdown(title, _verdict(check), facts, check.findings)
        _write(summary, text + "\n", append=True)


def _write(path: Path, text: str, *, append: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a" if append else "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(
            f"cannot write to {str(path)!r}: {error.strerror or error}; name a file in a folder "
            "you can write to"
        ) from error


def _verdict(check: Check) -> str:
    failed, total = len(check.failed), len(check.findings)
    if failed:
        return f"{failed} of {total} statements do not hold any more."
    return f"Nothing has moved: {total} statements, none fails."


def _facts(check: Check) -> list[str]:
    from untrained.harness.gate.findings import FALSE_ALARM

    versions = [f"the baseline was written with {one}" for one in check.other_versions]
    if check.seed is None:
        return versions
    if check.same_seed:
        return [
            f"seed {check.seed}, one of the baseline's: its scores must come out the same",
            *versions,
        ]
    return [
        f"seed {check.seed}, none of the baseline's: scores are held against their spread between "
        f"its seeds; unbroken, one check in {1 / FALSE_ALARM:,.0f} fails by chance",
        *versions,
    ]


def _print(check: Check, facts: Sequence[str], *, everything: bool) -> None:
    from untrained.reports.pages.findings import finding_grid, tier_counts

    shown = [one for one in check.findings if everything or one.outcome != "holds"]
    if shown:
        unbroken = ("Outcome", "Tier", "Indicator", "value", "limit")
        print_rows(finding_grid(shown).texts(), unbroken=unbroken)
        print()
    for line in [*tier_counts(check.findings), *facts, _verdict(check)]:
        print(line)
