"""Shards scored apart and merged are an unsharded run, row for row."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from untrained.harness.execution.executors import SerialExecutor
from untrained.harness.execution.progress import Progress
from untrained.harness.execution.runner import run_plans
from untrained.harness.study.plan import plan_study
from untrained.harness.study.shard import Shard
from untrained.results import ScoreStore
from untrained.spaces import spaces


@pytest.mark.parametrize("share", [False, True])
def test_merged_shards_equal_an_unsharded_run(untrained, tiny_study, rows, tmp_path: Path, share):
    indicators = ["synflow", "params"]
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(two_of_each_class(3)))
    population = {"kind": "list", "file": str(listed)}
    plans = plan_study(
        tiny_study(population=population, indicators=indicators, share_classes=share, batch_size=4)
    )
    parts = [tmp_path / f"{k}.sqlite" for k in (1, 2)]
    for k, path in enumerate(parts, start=1):
        run(Shard(k, 2).part_of(plans), path)
    run(plans, tmp_path / "whole.sqlite")
    output = tmp_path / "merged.sqlite"
    count = 6 * len(indicators)
    code, out, err = untrained("merge", *parts, "--output", output)
    assert (code, err) == (0, "")
    assert out == f"{count} scores in {output}: {count} ok ({count} new)\n"
    merged = rows(output)
    assert merged["representative"].notna().any() == share
    assert merged.equals(rows(tmp_path / "whole.sqlite"))
    code, out, _ = untrained("merge", *reversed(parts), output, "--output", output)
    assert code == 0
    assert "(0 new)" in out
    with ScoreStore(output) as store:  # a merged store is completed like any other
        assert run_into(store, plans).scored == 0


def two_of_each_class(classes: int) -> list[str]:
    """List two members of each of some functional classes, no class's members side by side."""
    space, members = spaces["nasbench201"], {}
    for arch in islice(space, 5000, None):
        found = members.setdefault(space.canonical(arch), [])
        found += [str(arch)] * (len(found) < 2 and not space.is_constant(arch))
        pairs = [pair for pair in members.values() if len(pair) == 2]
        if len(pairs) == classes:
            return [pair[k] for k in (0, 1) for pair in pairs]
    raise AssertionError("there are too few classes")


def run_into(store, plans):
    return run_plans(plans, store, executor=SerialExecutor(), progress=Progress())


def run(plans, path):
    with ScoreStore(path) as store:
        return run_into(store, plans)


def test_stores_that_do_not_fit_end_with_2_and_a_sentence(untrained, tiny_study, tmp_path: Path):
    study = {"population": {"n": 2}, "indicators": ["params"]}
    run(plan_study(tiny_study(**study)), tmp_path / "a.sqlite")
    run(plan_study(tiny_study(**study)), tmp_path / "b.sqlite")
    with ScoreStore(tmp_path / "b.sqlite") as store:
        store._connection.execute("UPDATE score SET value = value + 1")
    stores = [tmp_path / "a.sqlite", tmp_path / "b.sqlite"]
    code, out, err = untrained("merge", *stores, "--output", tmp_path / "m.sqlite")
    assert (code, out) == (2, "")
    assert err.startswith(f"untrained: cannot merge '{stores[1]}': its score of params for |")
    assert not (tmp_path / "m.sqlite").exists()


STUDY = """\
spaces = ["nasbench201"]
indicators = ["params", "random"]
[population]
n = 6
[truth]
benchmark = "nasbench201-analog"
[statistics]
resamples = 10
[report]
formats = ["csv"]
"""


def test_a_study_in_shards_ends_with_the_report_of_an_undivided_one(untrained, tmp_path: Path):
    study, folder = tmp_path / "s.toml", tmp_path / "out"
    study.write_text(STUDY)
    arguments = ["run", study, "--output", folder, "--workers", "1", "--device", "cpu"]
    for k in (1, 2):
        code, out, err = untrained(*arguments, "--shard", f"{k}/2")
        assert (code, out) == (0, ""), err
        assert f"untrained merge {folder}/scores-*-of-2.sqlite --output" in err
    shards = sorted(folder.glob("scores-*-of-2.sqlite"))
    assert [path.name for path in shards] == ["scores-1-of-2.sqlite", "scores-2-of-2.sqlite"]
    assert untrained("merge", *shards, "--output", folder / "scores.sqlite")[0] == 0
    code, _, err = untrained(*arguments)
    assert code == 0, err
    assert "(0 new)" in err
    assert (folder / "report.csv").is_file()
