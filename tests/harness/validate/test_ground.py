"""Where a candidate is compared: with which accuracies, on which inputs, on which networks."""

from __future__ import annotations

import pytest

from untrained.foundation import UserError
from untrained.harness.validation.comparison_setting import find_comparison_settings
from untrained.harness.validation.measuring import plan_comparison
from untrained.indicators import indicators
from untrained.spaces import benchmarks

needs_table = pytest.mark.skipif(
    benchmarks["nasbench201"].missing() is not None,
    reason="needs the table of NAS-Bench-201 in the folder that UNTRAINED_DATA names",
)


@needs_table
def test_a_table_is_asked_for_every_dataset_its_study_s_first() -> None:
    [comparison], absent = find_comparison_settings(["nasbench201"], indicators["params"])
    targets = [truth.target for truth in comparison.truths]
    assert [t.dataset for t in targets] == ["cifar10", "cifar100", "imagenet16-120"]
    assert {(t.metric, t.epochs) for t in targets} == {("test_accuracy", 200)}
    assert not absent


def test_without_data_one_space_is_left_and_the_others_say_why(no_data: None) -> None:
    comparisons, absent = find_comparison_settings(["darts", "nasbench201"], indicators["naswot"])
    [comparison] = comparisons
    assert comparison.truths[0].benchmark.name == "nasbench201-analog"
    assert comparison.conditions.inputs == "gaussian"
    assert "baselines saw images" in comparison.notes[0]
    assert list(absent) == ["darts"]
    with pytest.raises(UserError, match="none of the spaces asked for; darts: "):
        find_comparison_settings(["darts"], indicators["naswot"])


def test_the_plans_are_the_baselines_networks_once_more_with_another_seed_and_batch(
    no_data: None,
) -> None:
    item = indicators["naswot"]
    [comparison], _ = find_comparison_settings(["nasbench201"], item)
    plans = plan_comparison(comparison, item, 200, seed=0, timeout_s=None)
    assert plans.main.selection.architectures == comparison.baselines.order[:200]
    assert plans.main.seeds == (0,)
    assert plans.other_seed.seeds == (1,)
    assert plans.other_batch is not None
    assert plans.other_batch.seeds == (0,)
    for plan in (plans.other_seed, plans.other_batch):
        assert plan.selection.architectures == comparison.baselines.order[:40]
    protocols = [plan.protocols["naswot"] for plan in plans.all]
    assert protocols[0] == protocols[1]
    assert protocols[2] == protocols[0].replace(data_seed=1)


def test_what_looks_at_no_batch_has_no_other_one(no_data: None) -> None:
    item = indicators["params"]
    [comparison], _ = find_comparison_settings(["nasbench201"], item)
    assert plan_comparison(comparison, item, 5, seed=0, timeout_s=None).other_batch is None
