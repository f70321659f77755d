"""Scores that come with the project are found by the name of their study."""

import pytest

from untrained.foundation import MissingData
from untrained.results.store.committed import committed_file, committed_scores, find_scores


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
