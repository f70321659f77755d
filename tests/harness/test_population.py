"""Populations are explicit: the same seed draws the same architectures, each once."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from untrained.foundation import MalformedInput, MissingData, UserError
from untrained.harness.study.population import sample, select
from untrained.spaces import SearchSpace, spaces

SPACE = spaces["nasbench201"]
FIFTY = list(islice(SPACE, 50))


class Uncountable(SearchSpace):
    """A space of 50 architectures that does not say so."""

    name, title, reference, size = "uncountable", "Uncountable", "", None

    def parse(self, arch):
        return SPACE.parse(arch)

    def sample(self, rng):
        return FIFTY[int(rng.integers(50))]

    def neighbors(self, arch):
        return []

    def build(self, arch, **size):
        raise NotImplementedError


def test_a_sample_is_distinct_and_a_smaller_one_is_its_beginning():
    hundred = sample(SPACE, 100, seed=3)
    assert len(set(hundred)) == 100
    assert sample(SPACE, 7, seed=3) == hundred[:7]
    assert sample(SPACE, 7, seed=4) != hundred[:7]
    assert all(SPACE.parse(text).text == text for text in hundred)


def test_a_sample_of_everything_is_everything():
    assert set(sample(SPACE, SPACE.size, seed=0)) == {str(a) for a in SPACE}


def test_samples_reach_all_parts_of_the_space_evenly():
    index = {str(a): i for i, a in enumerate(SPACE)}
    fifths = [0] * 5
    for text in sample(SPACE, 2000, seed=1):
        fifths[index[text] * 5 // len(index)] += 1
    assert all(340 < count < 460 for count in fifths)  # 400 expected, 17 the standard deviation


def test_a_space_without_a_size_is_drawn_from_until_there_are_enough():
    space = Uncountable()
    assert len(set(sample(space, 40, seed=0))) == 40
    assert sample(space, 10, seed=0) == sample(space, 40, seed=0)[:10]
    with pytest.raises(UserError, match="gave only 50 distinct architectures; ask for fewer"):
        sample(space, 51, seed=0)


def test_a_sample_larger_than_the_space_is_refused():
    with pytest.raises(UserError, match=r"15,626 was asked for.*only 15,625"):
        sample(SPACE, 15626, seed=0)


def test_populations_describe_themselves(tiny_study, tmp_path: Path):
    drawn = select(SPACE, tiny_study(population={"n": 3, "seed": 5}, seed=1))
    assert drawn.text == "sample of 3 of 15,625, seed 5"
    assert drawn.architectures == sample(SPACE, 3, seed=5)
    everything = select(SPACE, tiny_study(population={"kind": "all"}))
    assert everything.text == "all 15,625"
    assert len(everything.architectures) == 15625
    file = tmp_path / "list.txt"
    file.write_text(f"# mine\n\n  {drawn.architectures[1]} \n{drawn.architectures[1]}\n")
    listed = select(SPACE, tiny_study(population={"kind": "list", "file": str(file)}))
    assert listed.architectures == drawn.architectures[1:2]
    assert listed.text == "1 listed of 15,625"


def test_classes_are_one_architecture_of_each_function(tiny_study):
    space = spaces["nasbenchmacro"]
    everything = select(space, tiny_study(population={"kind": "classes"}, seed=2))
    assert everything.text == (
        "all 3,969 functions of 6,561 architectures, one architecture each, seed 2"
    )
    classes = [space.canonical(text) for text in everything.architectures]
    assert len(set(classes)) == len(classes) == 3969
    # members are drawn, not only the canonical ones taken
    assert sum(str(c) != t for c, t in zip(classes, everything.architectures, strict=True)) > 0
    few = select(space, tiny_study(population={"kind": "classes", "n": 9}, seed=2))
    assert few.architectures == everything.architectures[:9]
    assert few.text.startswith("sample of 9 of 3,969 functions")


def test_a_sample_of_classes_does_not_prefer_large_ones(tiny_study):
    space = spaces["nasbenchmacro"]
    sizes = Counter(str(space.canonical(str(arch))) for arch in space)
    alone = sum(size == 1 for size in sizes.values()) / len(sizes)
    found = select(space, tiny_study(population={"kind": "classes", "n": 1000}, seed=0))
    seen = sum(sizes[str(space.canonical(text))] == 1 for text in found.architectures)
    assert stats.binomtest(seen, 1000, alone).pvalue > 1e-3


def test_classes_that_cannot_be_drawn_are_refused(tiny_study):
    study = tiny_study(population={"kind": "classes", "n": 4000})
    with pytest.raises(UserError, match=r"'nasbenchmacro' has only 3,969\. Ask for fewer"):
        select(spaces["nasbenchmacro"], study)
    with pytest.raises(UserError, match=r"'uncountable' is too large to be enumerated\. Use"):
        select(Uncountable(), study)


def test_a_bad_list_is_named_with_its_line(tiny_study, tmp_path: Path):
    file = tmp_path / "list.txt"
    study = tiny_study(population={"kind": "list", "file": str(file)})
    with pytest.raises(MissingData, match=r"list\.txt: the file does not exist"):
        select(SPACE, study)
    file.write_text(f"{next(iter(SPACE))}\n|nor_conv_9x9~0|+|x\n")
    with pytest.raises(MalformedInput, match=r"list\.txt:2: "):
        select(SPACE, study)
    file.write_text("\n# nothing\n")
    with pytest.raises(MalformedInput, match=r"list\.txt: it is empty"):
        select(SPACE, study)
    file.write_bytes(b"\xff\xff")
    with pytest.raises(MalformedInput, match="cannot read the list"):
        select(SPACE, study)


def test_the_known_ones_are_those_the_truth_has_a_value_of(
    tiny_study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "tables").mkdir()
    texts = FIFTY[:9]
    frame = pd.DataFrame(
        {
            "architecture": [str(a) for a in texts],
            "dataset": "cifar10",
            "metric": "test_accuracy",
            "epochs": np.int16(200),
            "seed": np.int8(-1),
            "value": np.float32([*range(8), np.nan]),
        }
    )
    frame.to_parquet(tmp_path / "tables" / "nasbench201.parquet")
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    everything = select(SPACE, tiny_study(population={"kind": "known"}))
    assert set(everything.architectures) == {str(a) for a in texts[:8]}
    assert everything.text == "all 8 that nasbench201 knows"
    some = select(SPACE, tiny_study(population={"kind": "known", "n": 5, "seed": 2}))
    fewer = select(SPACE, tiny_study(population={"kind": "known", "n": 2, "seed": 2}))
    assert len(set(some.architectures)) == 5
    assert set(some.architectures) < set(everything.architectures)
    assert fewer.architectures == some.architectures[:2]
    assert some.text == "sample of 5 of 8 that nasbench201 knows, seed 2"
    with pytest.raises(
        UserError, match="a sample of 9 was asked for, but 'nasbench201' knows only 8"
    ):
        select(SPACE, tiny_study(population={"kind": "known", "n": 9}))
