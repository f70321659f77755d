"""Shards divide a run: every architecture is in one of them, classes stay together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from untrained.foundation import MalformedInput
from untrained.harness.study.plan import plan_batches, plan_cells, plan_study
from untrained.harness.study.shard import Shard


@pytest.mark.parametrize("text", ["", "3", "3/", "/3", "a/b", "1/2/3", "-1/3", "1.0/3", "٣/٤"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(MalformedInput, match=r"it is not NUMBER/COUNT\. Write 3/100"):
        Shard.parse(text)


@pytest.mark.parametrize("text", ["0/3", "4/3"])
def test_a_shard_out_of_range_is_refused(text):
    with pytest.raises(MalformedInput, match=r"does not exist.*from 1 to their count, here 1/3 to"):
        Shard.parse(text)


def test_there_is_no_shard_of_none():
    with pytest.raises(MalformedInput, match=r"does not exist\. Shards are numbered from 1"):
        Shard.parse("0/0")


@pytest.mark.parametrize("count", [1, 3, 7, 100])
def test_every_architecture_is_in_one_shard_and_shards_have_equal_sizes(tiny_study, count):
    (plan,) = plan_study(tiny_study(population={"n": 50}))
    parts = [Shard(k, count).part_of([plan])[0] for k in range(1, count + 1)]
    chosen = [part.selection.architectures for part in parts]
    assert sorted(a for part in chosen for a in part) == sorted(plan.selection.architectures)
    assert max(map(len, chosen)) - min(map(len, chosen)) <= 1
    assert sorted(key for part in parts for key in part.keys) == sorted(plan.keys)
    assert parts[0].selection.text == f"shard 1/{count} of sample of 50 of 15,625, seed 0"


def test_shared_classes_stay_together_and_are_measured_once(tiny_study):
    changes = {"population": {"n": 400}, "share_classes": True, "indicators": ["naswot_live"]}
    (plan,) = plan_study(tiny_study(**changes))
    parts = [Shard(k, 3).part_of([plan])[0] for k in (1, 2, 3)]
    classes = [{plan.representatives[a] for a in part.selection.architectures} for part in parts]
    assert (
        sum(map(len, classes))
        == len(set.union(*classes))
        == len(set(plan.representatives.values()))
    )
    assert sum(map(len, classes)) < 400, "some classes have two members"
    assert sum(len(part.selection.architectures) for part in parts) == 400

    def measured(plan):
        return [task.architecture for task in plan.tasks(plan.keys, device="cpu")]

    assert sorted(a for part in parts for a in measured(part)) == sorted(measured(plan))


def test_all_plans_of_a_study_divide_the_architectures_alike(tiny_study):
    study = tiny_study(
        population={"n": 150}, data_seeds=[0, 1], factors={"batch_size": [4]}, seeds=[0, 1]
    )
    cells = [plan for cell in plan_cells(study) for plan in cell.plans]
    batches = plan_batches(study, cells[0])
    first, *others = Shard(2, 4).part_of([*cells, *batches])
    assert len(others) == 2
    for part, whole in zip(others, (cells[1], batches[0]), strict=True):
        kept = part.selection.architectures
        assert set(kept) <= set(first.selection.architectures)
        assert set(kept) == set(first.selection.architectures) & set(whole.selection.architectures)


def test_names_of_files():
    assert Shard(3, 100).file_name("scores.sqlite") == "scores-003-of-100.sqlite"
    assert Shard(3, 100).file_name("scores.sqlite", number="*") == "scores-*-of-100.sqlite"


def test_a_dry_run_shows_the_shard_and_a_wrong_one_is_an_error(untrained, tmp_path: Path):
    arguments = ["score", "--space", "nasbench201", "--indicators", "params", "--sample", "10"]
    store = ["--store", tmp_path / "s.sqlite"]
    code, out, err = untrained(*arguments, *store, "--dry-run", "--shard", "3/3")
    assert code == 0, err
    assert "nasbench201: shard 3/3 of sample of 10 of 15,625, seed 0" in out
    assert "3 to do on 3 networks" in out
    code, _, err = untrained(*arguments, *store, "--shard", "4/3")
    assert code == 2
    assert re.search("untrained: cannot take shard 4 of 3", err)
    assert not (tmp_path / "s.sqlite").exists()
