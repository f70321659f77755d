"""Indicators and truths broken on purpose, one at a time: the gate names each, and no other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from untrained.harness.data.inputs import batches_on
from untrained.harness.execution import scoring
from untrained.harness.gate.findings import truth_finding
from untrained.indicators import Measurement, indicators
from untrained.spaces import Target, benchmarks, find_benchmark, initialise
from untrained.spaces.nasbench201.network import NASBench201Network

COUNTS = {"params"}
OF_LABELS = {"epe_nas", "grad_norm", "nasi", "snip"}
OF_A_BATCH = OF_LABELS | {"jacov", "naswot"}
OF_WEIGHTS = OF_A_BATCH | {"synflow"}
LONG = Target("cifar10", "test_accuracy", 200)

Break = Callable[[pytest.MonkeyPatch], None]


def with_function(monkeypatch: pytest.MonkeyPatch, name: str, function) -> None:
    monkeypatch.setitem(indicators._items, name, replace(indicators[name], function=function))


def relu_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    from untrained.indicators.quantities.relu_kernels import relu_kernels

    monkeypatch.setattr("untrained.indicators.naswot.relu_kernels", lambda m: relu_kernels(m)[1:])


def flipped_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = indicators["synflow"].function
    with_function(monkeypatch, "synflow", lambda m: -honest(m))


def detached_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classifier reads features that nothing leads back from: only its own gradient is left."""
    honest = NASBench201Network.features
    monkeypatch.setattr(NASBench201Network, "features", lambda self, x: honest(self, x).detach())


def batch_norm_in_eval_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Measurement.restore_mode

    def restore_mode(self: Measurement) -> None:
        honest(self)
        self.network.eval()

    monkeypatch.setattr(Measurement, "restore_mode", restore_mode)


def another_initialisation(monkeypatch: pytest.MonkeyPatch) -> None:
    def kaiming(network, name, *, generator=None):
        initialise(network, "kaiming_normal_fan_in", generator=generator)

    monkeypatch.setattr(scoring, "initialise", kaiming)


def shuffled_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    def shuffled(protocol, device):
        return tuple(
            (x, None if y is None else y[torch.randperm(len(y), generator=_generator())])
            for x, y in batches_on(protocol, device)
        )

    monkeypatch.setattr(scoring, "batches_on", shuffled)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def half_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    def halved(protocol, device):
        return tuple(
            (x[: len(x) // 2], None if y is None else y[: len(y) // 2])
            for x, y in batches_on(protocol, device)
        )

    monkeypatch.setattr(scoring, "batches_on", halved)


@pytest.mark.parametrize(
    ("sabotage", "broken", "tiers"),
    [
        (relu_not_counted, {"naswot"}, {"golden", "scores"}),
        (flipped_sign, {"synflow"}, {"golden", "scores", "correlation"}),
        (detached_gradient, {"grad_norm", "nasi", "snip"}, {"golden", "scores"}),
        (batch_norm_in_eval_mode, OF_A_BATCH, {"golden", "scores"}),
        (another_initialisation, OF_WEIGHTS, {"scores"}),
        (shuffled_labels, OF_LABELS, {"scores"}),
        (half_the_batch, OF_A_BATCH, {"scores"}),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_every_broken_indicator_is_named(sabotage: Break, broken, tiers, check, named, monkeypatch):
    sabotage(monkeypatch)
    failed = named(check())
    for tier in tiers:
        assert {(tier, name) for name in broken} <= failed, tier
    assert {name for _, name in failed} & COUNTS == set()


def test_a_turned_direction_is_named_as_such_and_as_a_correlation(check, found, monkeypatch):
    turned = replace(indicators["synflow"], higher_is_better=False)
    monkeypatch.setitem(indicators._items, "synflow", turned)
    done = check(same_scores=True)
    assert {(one.tier, one.subject) for one in done.failed} == {
        ("definition", "synflow"),
        ("correlation", "synflow"),
    }
    assert "its direction is turned: higher was better, now lower" in (
        found(done, "definition", "synflow").text
    )
    moved = found(done, "correlation", "synflow")
    assert moved.value < -moved.limit


def test_another_version_is_not_compared(check, named, found, monkeypatch):
    newer = replace(indicators["naswot"], version=2)
    monkeypatch.setitem(indicators._items, "naswot", newer)
    done = check(same_scores=True)
    assert named(done) == {("definition", "naswot"), ("golden", "naswot")}
    text = found(done, "definition", "naswot").text
    assert text.startswith("not comparable: version 1, now 2")
    assert "--update" in text


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("initialisation", '"kaiming_normal_fan_in"', "kaiming_normal_fan_in initialisation"),
        ("batch_size", "4", "batch 4"),
    ],
)
def test_other_conditions_in_the_study_are_not_compared(key, value, what, study_of, check, found):
    line = value if key == "batch_size" else f'"gaussian"\n{key} = {value}'
    study = study_of(**{"batch_size" if key == "batch_size" else "inputs": line})
    done = check(golden=False, study=study)
    finding = found(done, "definition", "naswot")
    assert finding.outcome == "changed"
    assert finding.text.startswith("not comparable: measured with")
    assert what in finding.text.partition("; now ")[2]


def test_missing_and_new_indicators_are_told_apart(study_of, check, found):
    study = study_of(indicators='["naswot", "depth"]')
    done = check(golden=False, study=study)
    assert found(done, "definition", "synflow").outcome == "missing"
    assert found(done, "definition", "depth").outcome == "new"
    assert "depth" not in {one.subject for one in done.failed}


def test_a_network_without_a_score_is_lost_coverage_with_its_reason(
    check, found, named, monkeypatch
):
    honest = indicators["naswot"].function

    def sometimes_nan(m: Measurement) -> float:
        value = honest(m)
        return math.nan if m.seed % 3 == 0 else value

    with_function(monkeypatch, "naswot", sometimes_nan)
    done = check(golden=False)
    assert named(done) == {("coverage", "naswot")}
    lost = found(done, "coverage", "naswot")
    assert lost.outcome == "worse"
    assert "diverged: the score is nan" in lost.text
    assert lost.value < lost.limit == 1


def test_one_crash_is_lost_coverage_at_any_seed(check, found, named, monkeypatch):
    honest, calls = indicators["naswot"].function, []

    def once(m: Measurement) -> float:
        calls.append(m)
        if len(calls) == 1:
            raise RuntimeError("only this one")
        return honest(m)

    with_function(monkeypatch, "naswot", once)
    done = check(golden=False, seed=100)
    assert named(done) == {("coverage", "naswot")}
    lost = found(done, "coverage", "naswot")
    assert "11 of 12 networks have a score" in lost.text
    assert "1 error: RuntimeError: only this one" in lost.text


def test_the_twelve_epochs_served_for_two_hundred_are_named_as_the_truth(
    check, found, named, toy_table
):
    toy_table.serves[LONG] = Target("cifar10", "test_accuracy", 12)
    done = check(golden=False, same_scores=True)
    assert named(done) == {("truth", "truth")}
    finding = found(done, "truth", "truth")
    assert "12 of 12 true values differ" in finding.text
    assert "the column is named as before" in finding.text
    assert "its values are those of cifar10 test accuracy, 12 epochs" in finding.text
    assert 0 < finding.value < 1


@pytest.mark.parametrize(
    ("key", "value", "label"),
    [
        ("epochs", "12", "cifar10 test accuracy, 12 epochs"),
        ("metric", '"valid_accuracy"', "cifar10 valid accuracy, 200 epochs"),
    ],
)
def test_a_wrong_column_in_the_study_is_named_as_the_truth(
    key, value, label, study_of, check, found, named
):
    done = check(golden=False, same_scores=True, study=study_of(**{key: value}))
    assert named(done) == {("truth", "truth")}
    text = found(done, "truth", "truth").text
    assert "another column: cifar10 test accuracy, 200 epochs" in text
    assert f"now {label}" in text


def test_a_turned_direction_of_the_truth_is_named(check, found, named, toy_table, monkeypatch):
    monkeypatch.setattr(type(toy_table), "higher_is_better", lambda self, metric: False)
    done = check(golden=False, same_scores=True)
    assert named(done) == {("truth", "truth")}
    assert "mean over training seeds is turned: higher was better, now lower" in (
        found(done, "truth", "truth").text
    )


def test_a_score_where_there_was_none_has_moved(baseline, check, found, named):
    scores = baseline.scores["nasbench201", "naswot"]
    first = scores.index[0]
    scores.loc[first] = math.nan
    done = check(golden=False, same_scores=True)
    assert named(done) == {("coverage", "naswot")}
    assert f"a score where there was none: {first}" in found(done, "coverage", "naswot").text


def test_a_truth_that_is_not_there_is_no_regression_but_said(check, found, toy_table, monkeypatch):
    monkeypatch.setattr(type(toy_table), "missing", lambda self: "toy.parquet is not there")
    done = check(golden=False, same_scores=True)
    assert done.failed == ()
    finding = found(done, "truth", "truth")
    assert finding.outcome == "unknown"
    assert "toy.parquet is not there" in finding.text
    assert found(done, "correlation", "naswot").outcome == "holds"


def test_the_real_table_of_twelve_epochs_is_named(baseline, study_of, monkeypatch):
    table = benchmarks["nasbench201"]
    if reason := table.missing():
        pytest.skip(f"needs UNTRAINED_DATA: {reason}")
    text = '"nasbench201"\ndataset = "cifar10"'  # the real table in the toy's place
    (architectures,) = baseline.architectures.values()
    target = find_benchmark("nasbench201", "nasbench201").target(
        dataset="cifar10", metric="test_accuracy", epochs=200
    )
    real = replace(
        baseline,
        truths={
            "nasbench201": replace(
                baseline.truths["nasbench201"], benchmark="nasbench201", target=target
            )
        },
        values={"nasbench201": table.values(architectures, target)},
    )
    same = truth_finding(real, "nasbench201", study_of(benchmark=text).study)
    assert same.outcome == "holds"
    honest = type(table)._values
    short = table.target(dataset="cifar10", metric="test_accuracy", epochs=12)
    monkeypatch.setattr(
        type(table), "_values", lambda self, t: honest(self, short if t == target else t)
    )
    broken = truth_finding(real, "nasbench201", study_of(benchmark=text).study)
    assert broken.outcome == "moved"
    assert "its values are those of cifar10 test accuracy, 12 epochs" in broken.text
