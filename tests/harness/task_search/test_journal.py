"""The journal of a task search: what a kill leaves, and what does not belong together."""

from __future__ import annotations

import json
import math

import pytest

from untrained.foundation import MalformedInput, StorageError, UserError
from untrained.harness.gennas_tasks.losses import Journal

SETTINGS = {"space": "nasbench201", "training_steps": 3}


def test_losses_are_there_again_also_infinite_ones(tmp_path):
    path = tmp_path / "deep" / "journal.jsonl"
    with Journal(path, SETTINGS) as journal:
        journal.add("a1", "|x|", 0.1 + 0.2, 1.23456)
        journal.add("a1", "|y|", math.inf, 2.0)
    with Journal(path, SETTINGS) as journal:
        assert journal.get("a1", "|x|") == (0.1 + 0.2, 1.235)
        assert journal.get("a1", "|y|") == (math.inf, 2.0)
        assert journal.get("a2", "|x|") is None
        assert len(journal) == 2
    assert all(json.loads(line) for line in path.read_text().splitlines())


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_a_kill_has_cut_off_is_dropped(tmp_path, cut):
    path = tmp_path / "journal.jsonl"
    with Journal(path, SETTINGS) as journal:
        journal.add("a1", "|x|", 0.5, 1.0)
        journal.add("a1", "|y|", 0.6, 1.0)
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(path, SETTINGS) as journal:
        assert journal.get("a1", "|x|") == (0.5, 1.0)
        assert journal.get("a1", "|y|") is None
        journal.add("a1", "|y|", 0.7, 1.0)
    with Journal(path, SETTINGS) as journal:
        assert journal.get("a1", "|y|") == (0.7, 1.0)


def test_a_first_line_that_was_cut_off_begins_anew(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_text('{"space": "nasb')
    with Journal(path, SETTINGS) as journal:
        assert len(journal) == 0
        journal.add("a1", "|x|", 0.5, 1.0)
    with Journal(path, SETTINGS) as journal:
        assert len(journal) == 1


def test_other_settings_are_named(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path, SETTINGS):
        pass
    with pytest.raises(UserError, match=r"training_steps = 3 there, 4 here.*another --output"):
        Journal(path, {**SETTINGS, "training_steps": 4})


@pytest.mark.parametrize("text", ["a,b\n1,2\n", '{"some": "thing"}\n', "[1]\n", "words"])
def test_another_file_is_left_alone(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(MalformedInput, match="line 1: no line of a task search's journal"):
        Journal(path, SETTINGS)
    assert path.read_text() == text


def test_a_folder_in_its_place_is_said(tmp_path):
    with pytest.raises(StorageError, match=r"cannot be opened.*with --output"):
        Journal(tmp_path, SETTINGS)
