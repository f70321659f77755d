"""Scores that come with the project are found by their study's name; their reports are today's."""

import csv
import hashlib
import json
import re

import pyarrow.parquet as pq
import pytest

from untrained.foundation import MissingData
from untrained.harness.study.conditions import read_protocols
from untrained.harness.study.plan import plan_study, score_version
from untrained.harness.study.study_file import load_study
from untrained.harness.study.truth import find_truth
from untrained.indicators import indicators
from untrained.reports.formats.file_formats import _lines_grid
from untrained.results.store.committed import committed_file, committed_scores, find_scores
from untrained.spaces.framework.registry import data_folder

REPORTS = {
    path.parent.name: list(csv.DictReader(path.read_text("utf-8").splitlines()))
    for path in sorted(committed_file("").parent.glob("*/report.csv"))
}


def test_a_study_is_its_committed_scores(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "nasbench201-quick" in committed_scores()
    for study in committed_scores():
        assert find_scores(study) == committed_file(study)
    (tmp_path / "nasbench201-quick").mkdir()  # where a run of the study writes
    assert find_scores("nasbench201-quick") == committed_file("nasbench201-quick")
    (tmp_path / "darts-quick").write_bytes(b"")
    assert str(find_scores("darts-quick")) == "darts-quick"


def test_a_path_stays_a_path(tmp_path):
    for path in (tmp_path / "scores", tmp_path / "scores.sqlite", "scores.parquet"):
        assert find_scores(path) == type(tmp_path)(path)


def test_an_unknown_name_is_refused():
    with pytest.raises(MissingData, match=r"cannot read the scores nasbench21-quick: .* did you"):
        find_scores("nasbench21-quick")


def test_a_folder_is_called_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    with pytest.raises(MissingData, match="it is a folder, and no study of this name"):
        find_scores("mine")


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_has_the_columns_and_the_versions_of_today(name):
    rows = REPORTS[name]
    if "target" in rows[0]:  # else a report of a space without accuracies
        assert [*rows[0]] == [column.name for column in _lines_grid().columns]
    known = [row for row in rows if row["indicator"] in indicators]
    assert known
    for row in known:
        version = score_version(indicators[row["indicator"]].version, row["space"])
        assert row["version"] == str(version), row["indicator"]


@pytest.mark.parametrize("name", [one for one, rows in REPORTS.items() if "target" in rows[0]])
def test_a_report_ranks_by_the_accuracies_of_today(name):
    for row in {row["truth_sha256"]: row for row in REPORTS[name]}.values():
        tables = re.findall(r"[\w-]+\.parquet", row["truth_source"])
        files = [data_folder() / "tables" / table for table in tables]
        if not files or not all(file.exists() for file in files):
            pytest.skip(f"no {row['truth_source']}: set UNTRAINED_DATA to a folder that has it")
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
        joined = hashlib.sha256("".join(digests).encode()).hexdigest()
        assert row["truth_sha256"] == (digests[0] if len(digests) == 1 else joined)


def test_the_whole_space_is_ranked_without_data(tmp_path, monkeypatch):
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    study = load_study("nasbench201").study
    (name,) = study.scores
    metadata = pq.read_schema(find_scores(name)).metadata
    recorded = json.loads(metadata[b"untrained.protocols"])
    (plan,) = plan_study(
        study,
        architectures={
            "nasbench201": ["|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"]
        },
        recorded=read_protocols(recorded.values()),
    )
    assert {protocol.digest for protocol in plan.protocols.values()} <= set(recorded)
    truth = find_truth("nasbench201", study.truth)
    assert truth.benchmark.name == "nasbench201-analog"
    assert truth.instead_of == "nasbench201"
