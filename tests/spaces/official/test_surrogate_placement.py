"""Placing the NAS-Bench-301 surrogate: from the published names, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from untrained.foundation import MalformedInput, MissingData, UnknownName, UserError
from untrained.spaces import benchmarks, data_folder, spaces
from untrained.spaces.converters import surrogate_placement
from untrained.spaces.converters.surrogate_placement import place_surrogate

NAME = "nasbench301-surrogate"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The folder as it is published: the encoding has the categories alone."""
    pytest.importorskip("onnxruntime")
    there = data_folder() / "surrogates"
    if not (there / "nb301_yahpo.onnx").is_file():
        pytest.skip("no surrogate: set UNTRAINED_DATA to a folder that has surrogates/nb301_yahpo")
    folder = tmp_path / "nb301"
    folder.mkdir()
    shutil.copy(there / "nb301_yahpo.onnx", folder / "model.onnx")
    codes = json.loads((there / "nb301_yahpo_encoding.json").read_text())["category_to_int"]
    (folder / "encoding.json").write_text(json.dumps(codes))
    return folder


def test_the_placed_surrogate_predicts_the_same(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    cells = [spaces["darts"].sample(rng) for _ in range(5)]
    before = [benchmarks[NAME].query(cell) for cell in cells]
    placed = place_surrogate(NAME, published, folder=tmp_path / "data")
    assert sorted(p.name for p in placed[0].parent.iterdir()) == sorted(p.name for p in placed)
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path / "data"))
    assert benchmarks[NAME].missing() is None
    assert [benchmarks[NAME].query(cell) for cell in cells] == before
    with pytest.raises(UserError, match="exists already and would be written over"):
        place_surrogate(NAME, published)
    # what was placed can be placed again, from its own names
    again = place_surrogate(NAME, placed[0].parent, folder=tmp_path / "other")
    assert again[1].read_bytes() == placed[1].read_bytes()
    place_surrogate(NAME, published, replace=True)


EDGE = "NetworkSelectorDatasetInfo_COLON_darts_COLON_edge_reduce_13"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda codes: codes.pop(EDGE), f"it has no categories of {EDGE}"),
        (lambda codes: codes[EDGE].pop("#na#"), f"{EDGE} has no category #na#"),
        (lambda codes: codes[EDGE].update(skip_connect=1), "are not told apart by whole numbers"),
        (lambda codes: codes[EDGE].update(skip_connect="1"), "are not told apart by whole"),
        (lambda codes: codes.update(input_x_cat_order=[EDGE]), "inputs in their order"),
    ],
)
def test_another_encoding_is_refused(
    published: Path, tmp_path: Path, damage: Callable[[dict[str, Any]], Any], told: str
) -> None:
    codes = json.loads((published / "encoding.json").read_text())
    damage(codes)
    (published / "encoding.json").write_text(json.dumps(codes))
    with pytest.raises(MalformedInput, match=told):
        place_surrogate(NAME, published, folder=tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_damaged_network_leaves_nothing_behind(published: Path, tmp_path: Path) -> None:
    (published / "model.onnx").write_bytes(b"no network")
    with pytest.raises(MalformedInput, match=r"model\.onnx .* it does not run"):
        place_surrogate(NAME, published, folder=tmp_path / "data")
    assert list((tmp_path / "data" / "surrogates").iterdir()) == []


def test_a_network_of_something_else_is_refused(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surrogate_placement, "predict", lambda *_: 0.93)
    with pytest.raises(MalformedInput, match=r"predictions for 5 cells are 0\.93, 0\.93"):
        place_surrogate(NAME, published, folder=tmp_path / "data")


def test_the_second_version_is_refused_with_its_reason(tmp_path: Path) -> None:
    for file in ("model_v2.onnx", "encoding_v2.json"):
        (tmp_path / file).touch()
    with pytest.raises(UserError, match=r"model_v2\.onnx: .* fractions .*0\.59 instead of 0\.90"):
        place_surrogate(NAME, tmp_path)


def test_without_files_it_says_where_they_are(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"does not have model\.onnx and encoding\.json.*yahpo"):
        place_surrogate(NAME, tmp_path)
    with pytest.raises(UnknownName, match="no surrogate named 'nasbench3O1'"):
        place_surrogate("nasbench3O1", tmp_path)


def test_without_the_runtime_nothing_is_placed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surrogate_placement, "find_spec", lambda name: None)
    for file in ("model.onnx", "encoding.json"):
        (tmp_path / file).touch()
    with pytest.raises(MissingData, match=r"checked by running it.*pip install"):
        place_surrogate(NAME, tmp_path)
