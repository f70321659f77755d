"""Update a baseline: measure its files again, and say what coverage would be lost."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from untrained.foundation import MalformedInput, MissingData
from untrained.harness.execution.executors import isolated
from untrained.harness.execution.process_memory import memory_kept
from untrained.harness.execution.scoring import score_task
from untrained.harness.gate.baseline_files import (
    FORMAT,
    GOLDEN,
    GOLDEN_COLUMNS,
    INDICATORS,
    NETWORKS,
    PROVENANCE,
    SCORES,
    STUDY,
    Baseline,
    csv_text,
    read_golden,
    read_scores,
    read_values,
    rounded,
    score_text,
)
from untrained.harness.gate.check import Fill, check_study
from untrained.harness.gate.golden import golden_readings, golden_rows
from untrained.harness.study.plan import Plan, plan_study
from untrained.harness.study.truth import ChosenTruth, NoTruth, truths_of_study
from untrained.indicators import indicators
from untrained.results import ScoreStore, current_environment, seed_stability

if TYPE_CHECKING:
    import pandas as pd

    from untrained.harness.study.study import Study
    from untrained.harness.study.study_file import Named


def lower_coverage(baseline: Baseline, contents: Mapping[str, str]) -> list[str]:
    """Say what the old baseline has and the new one lacks, a sentence each."""
    return [
        *_lost_golden(baseline, contents),
        *_lost_scores(baseline, contents),
        *_lost_truths(baseline, contents),
    ]


def _lost_golden(baseline: Baseline, contents: Mapping[str, str]) -> Iterator[str]:
    new = read_golden(contents[GOLDEN], baseline.folder / GOLDEN)
    there = {(score.indicator, score.network) for score in new if not math.isnan(score.value)}
    for score in baseline.golden:
        if not math.isnan(score.value) and (score.indicator, score.network) not in there:
            yield f"{score.indicator} has no score of the golden network {score.network} any more"


def _lost_scores(baseline: Baseline, contents: Mapping[str, str]) -> Iterator[str]:
    if not baseline.scores:
        return
    new: Mapping[tuple[str, str], pd.DataFrame] = {}
    if SCORES in contents:
        _, new = read_scores(contents[SCORES], baseline.folder / SCORES)
    for (space, indicator), old in baseline.scores.items():
        now = new.get((space, indicator))
        if now is None:
            yield f"{indicator} has no scores of {space} any more"
            continue
        for axis, what in enumerate(("networks", "seeds")):
            if now.shape[axis] < old.shape[axis]:
                yield (
                    f"{indicator} has {now.shape[axis]} {what} of {space}, before {old.shape[axis]}"
                )
        shares = [float(f.notna().to_numpy().mean()) for f in (old, now)]
        if shares[1] < shares[0]:
            yield (
                f"{indicator} has scores for {100 * shares[1]:.1f} % of its networks of {space}, "
                f"before {100 * shares[0]:.1f} %"
            )


def _lost_truths(baseline: Baseline, contents: Mapping[str, str]) -> Iterator[str]:
    if NETWORKS not in contents:  # then no space has scores either, which is said
        return
    new = read_values(contents[NETWORKS], baseline.folder / NETWORKS)
    for space, old in baseline.values.items():
        had, has = (int(v.notna().sum()) for v in (old, new.get(space, old.iloc[:0])))
        if has < had:
            yield f"{has} networks of {space} have a true value, before {had}"


CORRELATIONS = "correlations.csv"
REPEATED = 3
"""Networks that are scored twice to see whether the same seed gives the same bits."""


def measure_baseline(
    baseline: Baseline | None,
    *,
    store: ScoreStore,
    fill: Fill,
    command: str,
    study: Named[Study] | None = None,
) -> dict[str, str]:
    """Measure the files of a baseline.

    Args:
        baseline: the old one, if any; its networks stay, unless a study is given.
        study: study of the baseline; by default the old one's.

    Returns:
        Contents by file name; the same scores give the same bytes.

    Raises:
        UserError: the study cannot be run.
    """
    named = study or (baseline.study if baseline else None)
    if named is None:
        return _files(list(indicators), {}, {"command": command})
    check_study(named.study)
    if len(named.study.network_seeds) < 2:
        raise MalformedInput(
            "a baseline needs scores of several seeds, to know how much they differ between "
            "seeds, and the study has one; write seeds = [0, 1, 2, 3, 4]"
        )
    kept = baseline.architectures if baseline and study is None else None
    plans = [replace(p, aggregates=()) for p in plan_study(named.study, architectures=kept)]
    truths = _truths(named.study)
    fill(store, plans)
    frames = {plan.space: plan.scores_in(store) for plan in plans}
    values = {p.space: truths[p.space].values(sorted(p.selection.architectures)) for p in plans}
    tables = {
        INDICATORS: _indicators(plans),
        NETWORKS: csv_text(
            ("space", "architecture", "truth"),
            (
                (space, architecture, "" if math.isnan(value) else score_text(value))
                for space in sorted(values)
                for architecture, value in values[space].items()
            ),
        ),
        SCORES: _scores(plans, frames),
        CORRELATIONS: _correlations(plans, frames, values, truths),
        STUDY: named.text,
    }
    provenance: dict[str, Any] = {
        "command": command,
        "study": named.title,
        "seeds": list(plans[0].seeds),
        "data_seed": named.study.batch_seeds[0],
        "populations": {
            p.space: p.selection.text if kept is None else _population(baseline, p) for p in plans
        },
        "truths": {space: _truth(truths[space]) for space in sorted(values)},
    }
    return _files(list(plans[0].protocols), tables, provenance)


def _truths(study: Study) -> dict[str, ChosenTruth]:
    truths = {}
    for space, truth in truths_of_study(study).items():
        if isinstance(truth, NoTruth):
            raise MissingData(
                f"a baseline holds true values, and there are none of {space}: "
                f"{truth.error or truth.reason}"
            )
        truths[space] = truth
    return truths


def _population(baseline: Baseline | None, plan: Plan) -> str:
    texts: Mapping[str, str] = baseline.provenance.get("populations", {}) if baseline else {}
    return texts.get(plan.space, plan.selection.text)


def _files(
    names: list[str], tables: Mapping[str, str], provenance: Mapping[str, Any]
) -> dict[str, str]:
    environment = current_environment(device="cpu", threads=1)
    document = {"format": FORMAT, **provenance} | {
        "versions": {
            name: getattr(environment, name)
            for name in ("untrained", "python", "torch", "numpy", "scipy", "platform")
        }
    }
    rows = golden_rows(golden_readings(names), golden_readings(names, other_kernels=True))
    golden = csv_text(GOLDEN_COLUMNS, rows)
    return {GOLDEN: golden, **tables, PROVENANCE: json.dumps(document, ensure_ascii=False)}


def _indicators(plans: Sequence[Plan]) -> str:
    repeatable = _repeatable(plans)
    return csv_text(
        ("indicator", "version", "protocol", "higher_is_better", "repeatable", "conditions"),
        (
            (
                name,
                indicators[name].version,
                protocol.digest,
                _word(indicators[name].higher_is_better),
                _word(repeatable[name]),
                protocol.describe(),
            )
            for name, protocol in sorted(plans[0].protocols.items())
        ),
    )


def _repeatable(plans: Sequence[Plan]) -> dict[str, bool]:
    """Score the first networks twice; return whether each indicator gives the same bits."""
    plan = replace(
        plans[0],
        selection=replace(
            plans[0].selection, architectures=plans[0].selection.architectures[:REPEATED]
        ),
        seeds=plans[0].seeds[:1],
    )
    same = dict.fromkeys(plan.protocols, True)
    with isolated(), memory_kept():
        for task in plan.tasks(plan.keys, device="cpu"):
            for one, again in zip(score_task(task), score_task(task), strict=True):
                alike = one.value == again.value or (one.status == again.status != "ok")
                same[one.indicator] &= alike
    return same


def _scores(plans: Sequence[Plan], frames: Mapping[str, pd.DataFrame]) -> str:
    seeds = plans[0].seeds
    rows: list[tuple[str, ...]] = []
    for plan in plans:
        for name in plan.protocols:
            texts = _texts(frames[plan.space], name)
            rows += [
                (name, plan.space, arch, *(texts[arch, seed] for seed in seeds))
                for arch in sorted(plan.selection.architectures)
            ]
    columns = ("indicator", "space", "architecture", *(f"seed_{seed}" for seed in seeds))
    return csv_text(columns, sorted(rows))


def _texts(frame: pd.DataFrame, name: str) -> dict[tuple[str, int], str]:
    mine = frame[frame["indicator"] == name]
    columns = (mine[key] for key in ("architecture", "seed", "value", "status"))
    return {
        (architecture, seed): score_text(value) if status == "ok" else status
        for architecture, seed, value, status in zip(*columns, strict=True)
    }


def _correlations(
    plans: Sequence[Plan],
    frames: Mapping[str, pd.DataFrame],
    values: Mapping[str, pd.Series[float]],
    truths: Mapping[str, ChosenTruth],
) -> str:
    """Format the correlations, which reviewers of a change read and no code does."""
    rows = []
    for plan in plans:
        truth = values[plan.space].map(rounded, na_action="ignore")
        truth = truths[plan.space].oriented(truth)
        for name in sorted(plan.protocols):
            frame = frames[plan.space]
            mine = frame[frame["indicator"] == name]
            rows.append((name, plan.space, *_correlation(mine, plan, truth)))
    columns = ("indicator", "space", "n", "coverage", "tau_b", "tau_b_sd", "rho_between_seeds")
    return csv_text(columns, sorted(rows))


def _correlation(mine: pd.DataFrame, plan: Plan, truth: pd.Series[float]) -> Iterator[str]:
    name = str(mine["indicator"].iloc[0])
    by_seed = {
        seed: mine[mine["seed"] == seed].set_index("architecture")["value"] for seed in plan.seeds
    }
    stability = seed_stability(by_seed, truth, higher_is_better=indicators[name].higher_is_better)
    assert stability is not None, "there are several seeds"
    yield str(stability.n)
    yield f"{float((mine['status'] == 'ok').mean()):.4f}"
    for value in (stability.tau_mean, stability.tau_sd, stability.rho):
        yield "" if math.isnan(value) else f"{value:z.4f}"


def _truth(truth: ChosenTruth) -> dict[str, Any]:
    target = truth.target
    return {
        "benchmark": truth.benchmark.name,
        "dataset": target.dataset,
        "metric": target.metric,
        "epochs": target.epochs,
        "seed": target.seed,
        "higher_is_better": truth.higher_is_better,
        "source": truth.source,
        "sha256": truth.benchmark.provenance.sha256,
    }


def _word(value: bool) -> str:
    return "yes" if value else "no"
