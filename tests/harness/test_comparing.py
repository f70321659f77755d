"""Two stores side by side, from the command line."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from untrained.harness.cli.report import FORMATS
from untrained.indicators import indicators
from untrained.reports import formats
from untrained.results import Environment, Score, ScoreStore
from untrained.spaces import find_benchmark, spaces

ENVIRONMENT = Environment(
    untrained="0.1.0",
    python="3.11.7",
    torch="2.13.0",
    numpy="2.4.6",
    scipy="1.17.1",
    platform="Linux",
    device="cpu",
    threads=1,
    git_commit=None,
    git_dirty=None,
)
N = 120
TEXTS = [str(arch) for arch in islice(spaces["nasbench201"], 3000, 3000 + N)]
TRUTH = find_benchmark("nasbench201", "nasbench201-analog")


def values() -> np.ndarray:
    target = TRUTH.default_target
    return TRUTH.values(TEXTS, target).to_numpy()


def write(path: Path, columns, *, seeds=(0,), statuses=(), texts=TEXTS, protocol=None, **machine):
    """A store with scores of some indicators, each an array or a function of the seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    failed = dict(statuses)
    with ScoreStore(path) as store:
        for name, column in columns.items():
            pinned = replace(indicators[name].protocol, **(protocol or {}))
            store.put_protocol(pinned.digest, pinned.canonical)
            scores = []
            for seed in seeds:
                of_seed = column(seed) if callable(column) else column
                for text, value in zip(texts, of_seed, strict=False):
                    status = failed.get((name, text), "ok")
                    scores.append(
                        Score(
                            *("nasbench201", text, name, indicators[name].version, pinned.digest),
                            seed,
                            value if status == "ok" else math.nan,
                            status,
                            alone_s=machine.get("alone_s", 0.5),
                        )
                    )
            place = {key: value for key, value in machine.items() if key != "alone_s"}
            store.put(scores, replace(ENVIRONMENT, **place))
    return path


def shifted(column: np.ndarray) -> np.ndarray:
    """For all architectures but the first two, and a further one."""
    return np.append(column[2:], 1.0)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(1)
    naswot, snip = values() + rng.normal(0, 2, N), values() + rng.normal(0, 6, N)
    before = write(
        tmp_path / "old" / "scores.sqlite",
        {"naswot": naswot, "snip": snip, "params": snip, "depth": snip},
    )
    after = write(
        tmp_path / "new" / "scores.sqlite",
        {
            "naswot": shifted(naswot + rng.normal(0, 40, N)),
            "snip": shifted(np.exp(snip / 50)),
            "params": shifted(snip),
            "flops": shifted(snip),
        },
        statuses={("params", TEXTS[4]): "timeout"},
        texts=[*TEXTS[2:], "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"],
        protocol={"batch_size": 7},
        torch="2.14.0",
        alone_s=1.0,
    )
    return before, after


def lines(text: str) -> dict[str, dict[str, str]]:
    return {line["indicator"]: line for line in csv.DictReader(io.StringIO(text))}


def test_what_changed_and_whether_it_matters(untrained, pair, tmp_path):
    before, after = pair
    out = tmp_path / "out"
    options = ("--benchmark", "nasbench201-analog", "--resamples", 200, "--output", out)
    kinds = ("--format", "markdown,csv,json,html,tables,figures")
    done = untrained("report", "--compare", before, after, *options, *kinds)
    assert done.code == 0, done.err
    assert "moved (" in done.err
    assert "1 with scores lost (params)" in done.err
    found = lines((out / "comparison.csv").read_text())
    assert set(found) == {"naswot", "snip", "params"}
    assert found["naswot"]["verdict"] == "moved"
    assert found["naswot"]["n"] == str(N - 2)
    assert float(found["naswot"]["delta"]) < 0
    assert float(found["naswot"]["cost_ratio"]) == 2
    assert found["snip"]["verdict"] == "same order"
    assert found["params"]["verdict"] == "same"
    assert found["params"]["lost"] == "1"
    assert found["params"]["statuses"] == "1 ok to timeout"
    text = (out / "comparison.md").read_text()
    assert "old/scores.sqlite" in text
    assert "Architectures: 118 on both sides, of 120 before and 119 after" in text
    assert "Indicators only before: depth" in text
    assert "Indicators only after: flops" in text
    assert "environment: torch" in text
    assert "protocol of naswot" in text
    assert "--compare" in text
    assert str(tmp_path) not in text.split("Made by")[0]
    document = json.loads((out / "comparison.json").read_text())
    (one,) = document["comparisons"]
    assert one["rows"][0]["change"]["verdict"] in {"moved", "same", "within noise"}
    assert {d["what"] for d in one["differences"]} >= {"environment: torch"}
    again = tmp_path / "again"
    untrained("report", "--compare", before, after, *options[:-1], again, *kinds)
    for file in sorted(out.rglob("*.*")):
        assert file.read_bytes() == (again / file.relative_to(out)).read_bytes(), file


def test_a_store_and_its_export_are_the_same(untrained, pair, tmp_path):
    before, _ = pair
    with ScoreStore(before) as store:
        store.export(tmp_path / "scores.parquet")
    done = untrained(
        *("report", "--compare", before, tmp_path / "scores.parquet", "--output", tmp_path),
        *("--benchmark", "nasbench201-analog", "--resamples", 20),
    )
    assert done.err == "nasbench201: 4 same\n"
    assert "What was different" not in (tmp_path / "comparison.md").read_text()


def test_without_accuracies_it_says_what_changed_and_no_more(untrained, pair, tmp_path):
    before, after = pair
    done = untrained(
        *("report", "--compare", before, after, "--benchmark", "none", "--output", tmp_path)
    )
    assert done.code == 0, done.err
    text = (tmp_path / "comparison.md").read_text()
    assert "Without accuracies no change of order can be said to matter" in text
    assert "before |" in text
    assert "p, Holm" not in text
    assert "Target: none; none were asked for" in text


@pytest.mark.parametrize("known", [12, 2])
def test_it_says_how_many_networks_have_a_true_value_and_which_end_is_good(
    untrained, tmp_path, known
):
    before = write(tmp_path / "a.sqlite", {"naswot": values()})
    after = write(tmp_path / "b.sqlite", {"naswot": -values()})
    truth = [f"{text},{loss}" for text, loss in zip(TEXTS[:known], -values(), strict=False)]
    (tmp_path / "truth.csv").write_text("\n".join(["architecture,val_loss", *truth]))
    options = ("--truth", tmp_path / "truth.csv", "--resamples", 20, "--output", tmp_path)
    done = untrained("report", "--compare", before, after, *options, "--formats", "markdown,csv")
    assert done.code == 0, done.err
    found = lines((tmp_path / "comparison.csv").read_text())["naswot"]
    assert (found["n"], found["n_truth"]) == ("120", str(known))
    assert found["tau_before"] == ("1.000000" if known == 12 else "")
    text = (tmp_path / "comparison.md").read_text()
    assert "| n, true value |" in text
    assert f"{N - known} architectures have no ground truth and are not ranked" in text
    assert "lower values of the target are better; correlations are with its negative" in text
    assert "which data set the values of truth are of is not known" in text
    reason = "-b of naswot: fewer than 3 networks have both scores and a true value"
    assert (reason in text) == (known == 2)


def test_only_seeds_of_both_sides_are_compared(untrained, tmp_path):
    rng = np.random.default_rng(2)
    drawn = [values() + rng.normal(0, 4, N) for _ in range(3)]
    before = write(tmp_path / "a.sqlite", {"naswot": lambda seed: drawn[seed]}, seeds=(0, 1, 2))
    after = write(tmp_path / "b.sqlite", {"naswot": lambda seed: drawn[seed]}, seeds=(1,))
    options = ("--benchmark", "nasbench201-analog", "--resamples", 20, "--output", tmp_path)
    done = untrained("report", "--compare", before, after, *options)
    assert done.err == "nasbench201: 1 same\n"
    text = (tmp_path / "comparison.md").read_text()
    assert "before: only the seeds of both sides are compared: naswot" in text


def test_the_first_seed_is_compared_on_request(untrained, tmp_path):
    drawn = [values(), -values()]
    before = write(tmp_path / "a.sqlite", {"naswot": lambda seed: drawn[seed]}, seeds=(0, 1))
    after = write(tmp_path / "b.sqlite", {"naswot": lambda _: drawn[0]}, seeds=(0, 1))
    options = ("--benchmark", "none", "--output", tmp_path, "--formats", "csv")
    for average, verdict in (("none", "same"), ("seeds", "moved")):
        done = untrained("report", "--compare", before, after, *options, "--average", average)
        assert done.code == 0, done.err
        found = lines((tmp_path / "comparison.csv").read_text())["naswot"]
        assert found["verdict"] == verdict
        assert found["seeds_before"] == ("0" if average == "none" else "0 1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give --store FILE or --compare BEFORE AFTER"),
        (("--store", "{0}", "--compare", "{0}", "{1}"), "give --store FILE or --compare"),
        (("--compare", "{0}", "{0}"), "was to be compared with itself"),
        (("--compare", "{0}", "missing.sqlite"), "no score store at 'missing.sqlite'"),
        (("--compare", "{0}", "{1}", "--aggregates", "te_nas"), "Leave one of them out"),
        (("--compare", "{0}", "{1}", "--protocol", "zz"), "no score on either side has the"),
        (("--compare", "{0}", "{1}", "--format", "htlm"), "did you mean html?"),
    ],
)
def test_mistakes_are_answered_in_words(untrained, pair, arguments, message):
    done = untrained("report", *(one.format(*pair) for one in arguments))
    assert done.code == 2
    assert message in done.err


def test_stores_of_different_spaces_have_nothing_in_common(untrained, pair, tmp_path):
    pinned = indicators["params"].protocol
    other = tmp_path / "other.sqlite"
    with ScoreStore(other) as store:
        store.put_protocol(pinned.digest, pinned.canonical)
        store.put([Score("mobilenetv2", "x", "params", 1, pinned.digest, 0, 1.0)], ENVIRONMENT)
    done = untrained("report", "--compare", pair[0], other)
    assert done.code == 2
    assert "no common search space" in done.err
    assert "has mobilenetv2" in done.err


def test_the_help_names_every_built_in_format():
    mine = {name for name in formats if formats[name].make.__module__.startswith("untrained.")}
    for name in mine:
        assert name in FORMATS


def test_commits_are_named_as_short_as_they_are_told_apart(untrained, tmp_path):
    before = write(tmp_path / "a.sqlite", {"naswot": values()}, git_commit="a" * 40)
    after = write(tmp_path / "b.sqlite", {"naswot": values()}, git_commit="b" * 40)
    done = untrained(
        *("report", "--compare", before, after, "--benchmark", "none", "--output", tmp_path)
    )
    assert done.code == 0
    table = (tmp_path / "comparison.md").read_text().split("## Environment")[0]
    assert "a" * 12 in table
    assert "b" * 13 not in table
