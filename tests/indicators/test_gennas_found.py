"""Tasks in files: the text and back, the mistakes in it, and the indicators made of it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from untrained.foundation import MalformedInput
from untrained.indicators import Measurement, indicators, read
from untrained.indicators.gennas.found import VARIABLE, use_task
from untrained.indicators.regression.sequences import NLP, NLP_COMBO
from untrained.indicators.regression.task_file import (
    TaskFile,
    digest,
    named,
    read_task,
    task_text,
)
from untrained.indicators.regression.tasks import (
    COMBO,
    DARTS,
    NASBENCH101,
    RESNET,
    Signal,
    Stage,
    Task,
)
from untrained.indicators.regression.training import regression_loss
from untrained.spaces import spaces

KNOWN = {"combo": COMBO, "nb101": NASBENCH101, "darts": DARTS, "resnet": RESNET, "nlp": NLP}


@pytest.mark.parametrize("task", [*KNOWN.values(), NLP_COMBO], ids=lambda task: task.name)
def test_every_known_task_survives_a_file(tmp_path, task):
    path = tmp_path / "task.toml"
    path.write_text(task_text(TaskFile(task, 30), comment="one\ntwo"))
    found = read_task(path)
    assert found == TaskFile(named(task), 30)
    assert found.id == digest(task)
    assert path.read_text().startswith("# one\n# two\nkind = ")


_levels = st.integers(5, 29).map(lambda k: k / 10)
_signals = st.one_of(
    st.builds(
        Signal,
        st.sampled_from(["sin1d", "sin2d"]),
        _levels,
        st.lists(st.floats(0, 0.5), min_size=1, max_size=3).map(tuple),
        st.just(0.0),
        st.booleans(),
    ),
    st.builds(
        Signal,
        st.sampled_from(["dot", "gdot"]),
        _levels,
        st.just(()),
        st.floats(0, 1),
        st.booleans(),
    ),
    st.builds(Signal, st.just("resize"), _levels),
)
_stages = st.builds(
    Stage, st.lists(_signals, max_size=4).map(tuple), st.sampled_from([0.25, 1.0, 1.5])
)
_tasks = st.builds(
    Task,
    st.just(""),
    st.tuples(_stages, _stages, _stages),
    st.sampled_from(["uniform", "gaussian"]),
    st.floats(0, 1),
)


@settings(max_examples=30)
@given(task=_tasks, steps=st.integers(1, 500))
def test_writing_and_reading_is_the_identity(tmp_path_factory, task, steps):
    path = tmp_path_factory.mktemp("task") / "task.toml"
    path.write_text(task_text(TaskFile(task, steps)))
    assert read_task(path) == TaskFile(named(task), steps)


def test_the_digest_is_of_the_content_not_of_the_name():
    assert digest(NASBENCH101) == digest(replace(NASBENCH101, name="other", milestones=()))
    assert digest(NASBENCH101) != digest(replace(NASBENCH101, noise_level=0.2))
    assert len({digest(task) for task in KNOWN.values()}) == len(KNOWN)


GOOD = task_text(TaskFile(DARTS))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "images"', 'kind = "sounds"', "kind is 'sounds'; it should be one of images, seq"),
        ("steps = 100", "steps = 0", "steps is 0; it should be a whole number, at least 1"),
        ("steps = 100", "step = 100", "step is no key of a task; did you mean steps"),
        ("share = 0.719", "share = 1.5", "stage.signal.share is 1.5; it should be between 0 and 1"),
        ("local = false", "local = 0", "local is 0; it should be true or false"),
        ("level = 2.2", 'level = "high"', "level is 'high'; it should be a number"),
        ("level = 2.2", "level = inf", "level is inf; it should be finite"),
        ("multiplier = 0.5", "multiplier = 0.001", "leaves the target no channel"),
        ('kind = "dot"', 'kind = "sin1d"', "share is no key of a task"),
        ("noise_level = 0.2", "noise_level = [", "not TOML"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path, old, new, message):
    assert old in GOOD
    path = tmp_path / "task.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(MalformedInput, match=r"task\.toml") as caught:
        read_task(path)
    assert message in str(caught.value)


def test_a_task_with_too_few_stages_or_pictures_for_sequences_is_refused(tmp_path):
    path = tmp_path / "task.toml"
    path.write_text('kind = "images"\n[[stage]]\n')
    with pytest.raises(MalformedInput, match="stage is 1 tables; a task has 3"):
        read_task(path)
    path.write_text('kind = "sequences"\nwidth = 16\n[[given]]\nkind = "resize"\n')
    with pytest.raises(MalformedInput, match="'resize', which sequences do not have"):
        read_task(path)


def test_a_file_is_an_indicator_here_and_in_workers(tmp_path: Path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    task = replace(DARTS, noise_level=0.4)
    path = tmp_path / "task.toml"
    path.write_text(task_text(TaskFile(task, 2)))
    ids = use_task(path)
    assert ids == [f"gennas_task_{digest(task)}", f"gennas_task_{digest(task)}_2"]
    assert use_task(path) == ids, "a second time changes nothing"
    assert os.environ[VARIABLE] == str(path)
    item = indicators[ids[1]]
    assert not item.higher_is_better
    assert item.uses_accuracy
    space = spaces["nasbench201"]
    architecture = space.sample(np.random.default_rng(3))
    torch.manual_seed(0)
    network = space.build(architecture, num_classes=10, channels=4, cells=1)
    inputs = torch.randn(2, 3, 32, 32)
    with Measurement(network, [(inputs, None)]) as m:
        reading = read(m, [ids[1]])[ids[1]]
        assert reading.status == "ok"
        assert reading.value == regression_loss(m, named(task), steps=2)
