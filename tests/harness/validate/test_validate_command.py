"""`untrained validate` from a file to its page, on a few networks and without any data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from untrained.results import ScoreStore

Run = Callable[..., Any]
Write = Callable[..., Path]

COUNT = "return float(sum(p.numel() for p in m.network.parameters()))"


@pytest.fixture
def validate(untrained: Run, tmp_path: Path, no_data: None, quick: None) -> Run:
    """The command on twelve networks of NAS-Bench-201, serially."""

    def call(path: Path, *options: object) -> Any:
        return untrained(
            *("validate", path, "--networks", 12, "--workers", 1),
            *("--spaces", "nasbench201", "--output", tmp_path / "page", *options),
        )

    return call


def test_an_edited_file_is_scored_anew(
    validate: Run, write: Write, decorated: Callable[..., str], tmp_path: Path
) -> None:
    store = tmp_path / "kept.sqlite"
    validate(write(decorated("counted", COUNT)), "--store", store)
    validate(write(decorated("counted", COUNT.replace("sum", "-sum"))), "--store", store)
    with ScoreStore.read(store) as opened:
        frame = opened.frame()
    assert set(frame.groupby("version").size()) == {len(frame) // 2}
    assert frame.groupby("version")["value"].mean().prod() < 0


def test_failures_on_some_networks_are_counted(
    validate: Run, write: Write, decorated: Callable[..., str]
) -> None:
    body = (
        "print('noise')\n"
        "    n = sum(p.numel() for p in m.network.parameters())\n"
        "    if n > 11500: raise RuntimeError('too large')\n"
        "    return float('nan') if n < 5500 else float(n)"
    )
    done = validate(write(decorated("picky", body)))
    assert done.code == 1
    assert "scores failed; networks without a score are not ranked." in done.out
    assert "noise" not in done.out
    assert "noise" in done.err


def test_reading_accuracies_while_scoring_is_noticed(
    validate: Run, write: Write, decorated: Callable[..., str]
) -> None:
    body = (
        "from untrained.spaces import benchmarks\n"
        "    table = benchmarks['nasbench201-analog'].table()\n"
        "    return float(sum(p.numel() for p in m.network.parameters())) + len(table)"
    )
    done = validate(write(decorated("peeking", body)))
    assert done.code == 1
    assert done.out.startswith("peeking reaches for accuracies of trained networks: ")
    assert "looks up accuracies in nasbench201-analog while scoring" in done.out


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return float('nan')", "gives no score.*diverged: the score is nan"),
        ("raise KeyError('gone')", "gives no score.*error: KeyError: 'gone'"),
        ("return inputs", "gives no score.*which is no number"),
        ("import sys; sys.exit(3)", r"gives no score.*leaves the program \(exit 3\)"),
    ],
)
def test_what_never_gives_a_score_is_refused(
    validate: Run, write: Write, body: str, said: str
) -> None:
    import re

    done = validate(write(f"def broken(network, inputs, labels):\n    {body}\n"))
    assert done.code == 2
    assert re.search(said, done.err)
    assert "Traceback" not in done.err


def test_a_space_without_accuracies_is_left_out_with_what_to_do(
    untrained: Run,
    write: Write,
    decorated: Callable[..., str],
    tmp_path: Path,
    no_data: None,
    quick: None,
) -> None:
    path = write(decorated("counted", COUNT))
    common = ("validate", path, "--networks", 12, "--workers", 1, "--output", tmp_path / "page")
    done = untrained(*common, "--spaces", "nasbench101")
    assert done.code == 2
    assert "can be compared on none of the spaces asked for; nasbench101: " in done.err
    assert "untrained data" in done.err
    done = untrained(*common, "--spaces", "nasbench102")
    assert (done.code, "did you mean nasbench101" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:", "not Python"),
        ("x = 1", "has no indicator"),
        ("def naswot(n, x, y): return 1.0", "exists already"),
    ],
)
def test_a_broken_file_is_a_user_s_mistake(
    validate: Run, write: Write, text: str, said: str
) -> None:
    done = validate(write(text))
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_contract_that_could_not_be_examined_is_no_pass(
    validate: Run, write: Write, decorated: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("untrained.harness.validation.trials.LIMIT_S", 0.01)
    done = validate(write(decorated("counted", COUNT)))
    assert done.code == 1
    assert "Contract. It could not be examined: the contract suite was not done" in done.out


def test_a_file_that_is_read_is_named_beside_the_verdict(
    validate: Run, write: Write, decorated: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "answers.csv").write_text("1", encoding="utf-8")
    body = f"open({str(tmp_path / 'answers.csv')!r}).close()\n    {COUNT}"
    done = validate(write(decorated("reader", body)))
    assert "Besides computing it opens answers.csv while scoring. Whether accuracies" in done.out
