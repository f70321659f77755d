"""The run on a GPU, rehearsed on the CPU: every stage, and what an early end leaves."""

from __future__ import annotations

import json

import pytest
import torch

from untrained.harness import gpu_run
from untrained.harness.execution.executors import SerialExecutor
from untrained.results import ScoreStore

LISTS = {"cheap": (("naswot", "snip", "params"), 0.5, 9), "costly": (("zico",), 0.5, 4)}


@pytest.fixture
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("_one_thread")
def test_every_stage_leaves_a_file_and_scores_that_a_study_takes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu_run, "LISTS", LISTS)
    monkeypatch.setitem(gpu_run._SECONDS, "scaling", 0.5)
    gpu_run.main([str(tmp_path), "--dry", "--seconds", "6"])
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["torch"] == torch.__version__
    assert all(facts[name] > 0 for name in facts if " " in name)
    contract = json.loads((tmp_path / "contract.json").read_text())
    assert set(gpu_run.indicators) == set(contract)
    agreement = json.loads((tmp_path / "agreement.json").read_text())
    assert {row["indicator"] for row in agreement} == set(LISTS["cheap"][0])
    assert all(row["agrees"] and row["gap"] == 0 for row in agreement)
    assert list(json.loads((tmp_path / "scaling.json").read_text())) == ["1"]
    with ScoreStore.read(tmp_path / "scores.sqlite") as store:
        frame = store.frame()
    assert set(frame["status"]) <= {"ok", "diverged"}
    scored = {name: set(of["architecture"]) for name, of in frame.groupby("indicator")}
    assert set(scored) == {"naswot", "snip", "params", "zico"}
    # the first of one random order, however long there was time
    assert scored["zico"] <= scored["naswot"] or scored["zico"] >= scored["naswot"]
    log = (tmp_path / "log.txt").read_text()
    assert log == capsys.readouterr().out
    assert "agreement: 3 scores, without agreement: none" in log

    gpu_run.main([str(tmp_path), "--dry", "--seconds", "1", "--skip", *gpu_run.STAGES[:-1]])
    with ScoreStore.read(tmp_path / "scores.sqlite") as store:
        assert len(store.frame()) >= len(frame)


def test_the_time_ends_a_list_and_its_beginning_is_not_counted(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(gpu_run.time, "monotonic", lambda: now[0])

    def work(seconds: float) -> None:
        now[0] += seconds

    executor = gpu_run.Until(SerialExecutor(), 1.0, after=2)
    done = [item for item, _ in executor.run(work, [30, 30, *[0.25] * 1000])]
    assert done == [30, 30, *[0.25] * 5]
    assert executor.rate == 4
    assert gpu_run.Until(SerialExecutor(), 1.0).rate == 0


def test_scores_of_two_devices_agree_within_what_rounding_does():
    def score(name: str, value: float, status: str = "ok"):
        return gpu_run.Score("s", "a", name, 1, "p", 0, value, status, "", 0.1)

    def agrees(*pair: object) -> bool:
        return gpu_run._compared(*pair)["agrees"]

    assert agrees(score("snip", 1.0), score("snip", 1.005))
    assert not agrees(score("snip", 1.0), score("snip", 1.05))
    assert agrees(score("grasp", 1.0), score("grasp", 1.05))
    assert agrees(score("zico", float("-inf")), score("zico", float("-inf")))
    assert agrees(*[score("zico", float("nan"), "diverged")] * 2)
    assert not agrees(score("zico", 1.0), score("zico", float("nan"), "diverged"))
    assert not agrees(score("snip", 1.0), None)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(tmp_path, capsys):
    with pytest.raises(SystemExit):
        gpu_run.main([str(tmp_path)])
    assert "finds no GPU" in capsys.readouterr().err
