"""Scores of others as a table: what is read, what is said, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from untrained.foundation import MalformedInput, MissingData, UserError
from untrained.harness.analysis.correlation_tables import correlation_section
from untrained.harness.analysis.score_file import is_score_file, select_file_scores
from untrained.harness.study.plan import aggregates_of_names
from untrained.harness.study.study import Statistics, Truth
from untrained.harness.study.truth import choose_truth
from untrained.spaces import data_folder, spaces

SPACE = "nasbench201"
KEYS = [f"({a}, {b}, 3, 1, 2, 3)" for a in range(5) for b in range(4)]
TEXTS = [spaces[SPACE].parse(key).text for key in KEYS]
ACCURACIES = [float((n * 13) % 20) for n in range(len(KEYS))]
REFERENCE = data_folder() / "reference_scores" / "nasbench201_cifar10_suitezero.parquet"


def suite_zero(path: Path) -> Path:
    entries = {
        key: {
            "params": {"score": float(n % 7), "time": 0.25},
            "mine": {"score": float((n * 3) % 11)},
            "val_accuracy": 90.0 + n,
        }
        for n, key in enumerate(KEYS)
    }
    del entries[KEYS[0]]["mine"]
    entries[KEYS[1]]["mine"]["score"] = float("nan")
    path.write_text(json.dumps({"cifar10": entries, "cifar100": {KEYS[0]: {}}}))
    return path


@pytest.fixture
def truth(tmp_path: Path) -> Truth:
    file = write_csv(tmp_path / "truth.csv", test_accuracy=ACCURACIES)
    return Truth(benchmark=str(file))


def section_of(selection, truth: Truth):
    chosen = choose_truth(selection.space, truth, datasets=selection.datasets)
    how = Statistics(resamples=10)
    return correlation_section(selection, chosen, statistics=how, command="again")


def test_json_of_suite_zero_is_ranked_like_measured_scores(tmp_path, truth):
    file = suite_zero(tmp_path / "zc_nasbench201.json")
    selection = select_file_scores(file, SPACE, dataset="cifar10", lower_is_better=["mine"])
    table = section_of(selection, truth).table
    mine, params = sorted(table.rows, key=lambda row: row.indicator)
    values = [-float((n * 3) % 11) for n in range(2, len(KEYS))]
    assert mine.correlation.tau == pytest.approx(kendalltau(values, ACCURACIES[2:]).statistic)
    assert mine.correlation.delta_tau is not None
    assert (mine.failures, mine.higher_is_better) == ((("absent", 2),), False)
    assert (params.alone_s, params.seeds, params.version, params.protocol) == (0.25, (), 0, "")
    assert "zc_nasbench201.json (SHA-256 " in mine.protocol_text
    assert "protocol unknown" in mine.protocol_text
    assert "val_accuracy" in table.notes[1]
    assert table.published == ()


def write_csv(path: Path, **columns: list[object]) -> Path:
    pd.DataFrame({"architecture": TEXTS, **columns}).to_csv(path, index=False)
    return path


def test_columns_with_names_of_their_own(tmp_path, truth):
    numbers = list(range(len(KEYS)))
    file = write_csv(
        tmp_path / "scores.csv",
        index=numbers,
        ours=[*numbers[:-1], ""],
        note=["text"] * len(KEYS),
        test_accuracy=numbers,
        minus=[-n if n else "-inf" for n in numbers],
    )
    selection = select_file_scores(file, SPACE)
    assert selection.columns == ("ours", "minus")
    assert selection.datasets == set()
    table = section_of(selection, truth).table
    assert "index, note, test_accuracy" in table.notes[1]
    assert [row.failures for row in table.rows] == [(("absent", 1),), ()]


def test_an_infinite_score_that_would_rank_first_has_diverged(tmp_path, truth):
    """`near` is better high, `ntk_condition` low, in both an infinite one may rank last."""
    ends = {"near": ["inf", "-inf"], "ntk_condition": ["-inf", "inf"], "mine": ["", "inf"]}
    columns = {name: [*values, *range(18)] for name, values in ends.items()}
    selection = select_file_scores(write_csv(tmp_path / "s.csv", **columns), SPACE)
    rows = {row.indicator: row for row in section_of(selection, truth).table.rows}
    assert {name: row.failures for name, row in rows.items()} == {
        "near": (("diverged", 1),),
        "ntk_condition": (("diverged", 1),),
        "mine": (("absent", 1), ("diverged", 1)),
    }
    expected = kendalltau([-1, *range(18)], ACCURACIES[1:]).statistic
    assert rows["near"].correlation.tau == pytest.approx(expected)
    expected = kendalltau([18, *range(18)], ACCURACIES[1:]).statistic
    assert rows["ntk_condition"].correlation.tau == pytest.approx(-expected)


def test_one_dataset_of_several_is_chosen(tmp_path):
    file = suite_zero(tmp_path / "zc.json")
    with pytest.raises(UserError, match="--dataset; there are: cifar10, cifar100"):
        select_file_scores(file, SPACE)


def test_a_dataset_in_two_spellings_is_refused(tmp_path):
    file = suite_zero(tmp_path / "zc.json")
    file.write_text(file.read_text().replace("cifar100", "CIFAR-10"))
    with pytest.raises(MalformedInput, match="it has the dataset 'cifar10' twice"):
        select_file_scores(file, SPACE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column of architectures"),
        ("architecture,a\n", "no rows"),
        ("architecture,indicator,value\nx,a,1\n", "one row a score"),
        (f"architecture,a,a\n{TEXTS[0]},1,2\n", "two columns 'a'"),
        (f"architecture,a\n{TEXTS[0]},1\n{TEXTS[1]},1e\n", r"s.csv:3.*'1e'"),
        (f"architecture,a\n{TEXTS[0]},1\n{TEXTS[0]},2\n", "other scores at"),
        ("architecture,a\nnothing,1\n", r"s.csv:2"),
        (f"architecture,note\n{TEXTS[0]},b\n", "no scores"),
    ],
)
def test_what_is_no_table_of_scores_is_refused(tmp_path, text, message):
    file = tmp_path / "s.csv"
    file.write_text(text)
    with pytest.raises(MalformedInput, match=message):
        select_file_scores(file, SPACE)


def test_space_and_directions_are_checked(tmp_path):
    file = write_csv(tmp_path / "s.csv", ours=list(range(len(KEYS))))
    with pytest.raises(UserError, match="--space; there are"):
        select_file_scores(file, None)
    with pytest.raises(UserError, match="did you mean"):
        select_file_scores(file, SPACE, lower_is_better=["our"])
    with pytest.raises(MissingData):
        select_file_scores(tmp_path / "none.json", SPACE)


def test_the_direction_of_a_size_is_not_turned(tmp_path):
    file = write_csv(tmp_path / "s.csv", params=list(range(len(KEYS))))
    with pytest.raises(UserError, match=r"cannot take lower params as better: .* Leave it out"):
        select_file_scores(file, SPACE, lower_is_better=["params"])


def test_an_aggregate_does_not_take_the_row_of_a_score(tmp_path):
    members = ("az_expressivity", "az_progressivity", "az_trainability", "flops")
    columns = dict.fromkeys((*members, "az_nas"), ACCURACIES)
    file = write_csv(tmp_path / "s.csv", **columns)
    with pytest.raises(UserError, match=r"cannot compute az_nas: the file .* has scores of this"):
        select_file_scores(file, SPACE, aggregates=aggregates_of_names(["az_nas"]))


def test_command_reads_them_and_says_so(tmp_path, truth, untrained: Callable):
    file = write_csv(tmp_path / "s.csv", ours=list(range(len(KEYS))))
    words = ("correlate", "--scores", str(file), "--truth", truth.benchmark)
    words += ("--resamples", "10", "--lower-is-better", "ours")
    done = untrained(*words, "--space", SPACE)
    assert done.code == 0, done.err
    assert "from the file s.csv (SHA-256" in done.out
    assert "--lower-is-better ours" in done.out
    assert untrained(*words).code == 2
    assert untrained(*words, "--space", SPACE, "--seed", "1").code == 2


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255), cut=st.booleans())
@pytest.mark.parametrize("suffix", [".json", ".csv", ".parquet"])
def test_damaged_files_are_refused_with_a_sentence(tmp_path, suffix, place, byte, cut):
    file = tmp_path / f"s{suffix}"
    if suffix == ".json":
        suite_zero(file)
    else:
        write_csv(file, ours=list(range(len(KEYS))))
        if suffix == ".parquet":
            pd.DataFrame({"architecture": TEXTS, "ours": range(len(KEYS))}).to_parquet(file)
    content = bytearray(file.read_bytes())
    place %= len(content)
    content[place] = byte
    file.write_bytes(content[:place] if cut else content)
    with suppress(UserError):
        select_file_scores(file, SPACE, dataset="cifar10")


@pytest.mark.skipif(not REFERENCE.is_file(), reason="published scores are not here")
def test_published_scores_of_suite_zero_have_their_taus():
    assert is_score_file(REFERENCE)
    selection = select_file_scores(REFERENCE, SPACE)
    table = section_of(selection, Truth()).table
    taus = {row.indicator: row.correlation.tau for row in table.rows}
    assert len(taus) == 13
    found = {name: round(tau, 3) for name, tau in taus.items()}
    expected = {"nwot": 0.624, "params": 0.623, "jacov": 0.615, "synflow": 0.581, "zen": 0.11}
    assert found.items() >= expected.items()
    frame = pd.read_parquet(REFERENCE)
    texts = [spaces[SPACE].parse(text).text for text in frame["arch_str"]]
    chosen = choose_truth(SPACE, Truth(), datasets={"cifar10"})
    tau = kendalltau(frame["nwot"], chosen.values(texts).to_numpy()).statistic
    assert taus["nwot"] == pytest.approx(tau)
