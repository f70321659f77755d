"""Workers know the candidate, and what it reached for comes back from them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from untrained.harness.execution import watchdog
from untrained.harness.execution.executors import Executor, ProcessExecutor, SerialExecutor
from untrained.harness.validation.access_audit import AccessEvent
from untrained.harness.validation.candidate import CandidateExecutor, find_candidate
from untrained.harness.validation.comparison_setting import ComparisonSetting, stored_baselines
from untrained.harness.validation.trials import Timed, time_task

BODY = """open(__file__.replace("mine.py", "notes.txt")).close()
    return float(sum(p.numel() for p in m.network.parameters()))"""


@pytest.mark.parametrize("inner", [SerialExecutor(), ProcessExecutor(1)], ids=["serial", "spawn"])
def test_a_task_is_scored_and_its_sightings_come_back(
    inner: Executor,
    write: Callable[..., Path],
    decorated: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the first time limit of a process starts a program, which the candidate does not
    monkeypatch.setattr(watchdog, "_watcher", cache(watchdog._Watcher))
    write("x", "notes.txt")
    candidate = find_candidate(write(decorated("mine", BODY)))
    baselines = stored_baselines("nasbench201")
    comparison = ComparisonSetting(baselines, (), baselines.study)
    text = baselines.order[0]
    executor = CandidateExecutor(inner, candidate)
    with candidate.registered() as item:
        [(_, result)] = list(executor.run(time_task, [comparison.task(text, [item])]))
    assert isinstance(result, Timed)
    [score] = result.scores
    assert (score.status, score.value) == ("ok", baselines.scores.loc[text, "params"])
    assert score.version == candidate.version
    assert executor.access_events == (AccessEvent("scoring", "file", "opens notes.txt"),)
