"""NAS-Bench-301's own ensemble: read from pickles of XGBoost's structure, and asked by hand."""

from __future__ import annotations

import pickle
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import numpy as np
import pytest

from untrained.foundation import MalformedInput, MissingData, Unsupported, UserError
from untrained.spaces import benchmarks, nasbench301
from untrained.spaces.converters.conversion import verify
from untrained.spaces.converters.surrogate_placement import place_surrogate
from untrained.spaces.darts import surrogate
from untrained.spaces.darts.configuration import PREFIX, from_configuration, to_configuration
from untrained.spaces.darts.ensemble import NASBench301Ensemble, encode
from untrained.spaces.darts.network import DARTS_OPERATIONS

NAME = "nasbench301-xgb"
CELL = {
    "edge_{}_0": "avg_pool_3x3",
    "edge_{}_1": "sep_conv_3x3",
    "inputs_node_{}_3": "1_2",
    "edge_{}_3": "skip_connect",
    "edge_{}_4": "max_pool_3x3",
    "inputs_node_{}_4": "0_1",
    "edge_{}_5": "dil_conv_5x5",
    "edge_{}_6": "sep_conv_5x5",
    "inputs_node_{}_5": "2_4",
    "edge_{}_11": "dil_conv_3x3",
    "edge_{}_13": "max_pool_3x3",
}
GENOTYPE = from_configuration(
    {
        PREFIX + key.format(cell): value
        for cell in ("normal", "reduce")
        for key, value in CELL.items()
    }
)
OPERATION, UNUSED_EDGE = 10, 36
"""Inputs: the operation of the first edge (1 here), and of an edge that is not active (-1)."""
Node = tuple[int, int, int, float]
"""Left, right, input, value; -1 twice for a leaf."""
TREES: list[list[Node]] = [
    [(1, 2, OPERATION, 1.5), (-1, -1, 0, 3.0), (-1, -1, 0, 7.0)],
    # the high bit of the input says where a missing value goes; the last node is cut off
    [
        (1, 2, UNUSED_EDGE | 1 << 31, 0.0),
        (3, 4, OPERATION, 1.0),
        (-1, -1, 0, 50.0),
        (-1, -1, 0, 60.0),
        (-1, -1, 0, 0.25),
        (0, 0, 2**32 - 1, float("nan")),
    ],
]


def binary_model(trees: list[list[Node]], *, inputs: int = 56, objective: str) -> bytes:
    parts = [b"binf", struct.pack("<fIi124x", 0.5, inputs, 0)]
    for text in (objective, "gbtree"):
        parts += [struct.pack("<Q", len(text)), text.encode()]
    parts.append(struct.pack("<i156x", len(trees)))
    for tree in trees:
        parts.append(struct.pack("<iii136x", 1, len(tree), 0))
        parts += [struct.pack("<iiiIf", -1, *node) for node in tree]
        parts.append(bytes(16 * len(tree)))
    return b"".join(parts) + bytes(4 * len(trees))


def write_member(
    folder: Path,
    number: int,
    trees: list[list[Node]] = TREES,
    *,
    inputs: int = 56,
    objective: str = "reg:squarederror",
    cut: int = 0,
) -> Path:
    model = binary_model(trees, inputs=inputs, objective=objective)
    model = model[: len(model) - cut]
    booster = Booster()
    booster.handle = bytearray(b"CONFIG-offset:" + struct.pack("<q", len(model)) + model + b"{}")
    path = folder / "nb_models" / "xgb_v1.0" / str(number) / "xgb" / "surrogate_model.model"
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(booster))
    return path


class Booster:
    """Stands for XGBoost's class of this name while a pickle is written."""

    handle: bytearray


@pytest.fixture(autouse=True)
def xgboost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Booster, "__module__", "xgboost.core")
    core = ModuleType("xgboost.core")
    core.Booster = Booster  # type: ignore[attr-defined]  # made here
    monkeypatch.setitem(sys.modules, "xgboost", ModuleType("xgboost"))
    monkeypatch.setitem(sys.modules, "xgboost.core", core)


@pytest.fixture
def ensemble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NASBench301Ensemble:
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path / "data"))
    found = benchmarks[NAME]
    assert isinstance(found, NASBench301Ensemble)
    return found


def test_inputs_are_those_of_the_authors_configuration_space() -> None:
    numbers = encode(GENOTYPE)
    assert len(numbers) == 56
    # normal 0 and 1, reduction 0 and 1; then the inputs of nodes 3, 4 and 5
    np.testing.assert_array_equal(numbers[10:14], [1, 3, 1, 3])
    np.testing.assert_array_equal(numbers[15:21], [2, 0, 8, 2, 0, 8])
    # edges 10, 11, 12, 13, 2, 3, ..., 9
    edges = [-1, 5, -1, 0, -1, 2, 0, 6, 4, -1, -1, -1]
    np.testing.assert_array_equal(numbers[32:], edges + edges)
    np.testing.assert_allclose(
        numbers[[0, 4, 24, 26, 31]], [0.586345, 0.166664, -3.688879, -8.111728, 0.705128], atol=1e-6
    )
    assert from_configuration(to_configuration(GENOTYPE)) == GENOTYPE


@pytest.mark.parametrize("zipped", [False, True])
def test_a_converted_ensemble_adds_the_leaves_of_its_trees(
    tmp_path: Path, ensemble: NASBench301Ensemble, zipped: bool
) -> None:
    source = tmp_path / "models"
    write_member(source, 0)
    write_member(source, 1, [*TREES, [(-1, -1, 0, 2.0)]])
    if zipped:
        archive = tmp_path / "models.zip"
        with ZipFile(archive, "w") as made:
            for file in sorted(source.rglob("*.model")):
                made.write(file, file.relative_to(source))
            made.writestr("nb_models/lgb_v1.0/0/lgb/surrogate_model.model", b"of another kind")
        source = archive
    assert NAME in str(ensemble.missing())
    (path,) = place_surrogate(NAME, source)
    assert path == ensemble.path
    assert ensemble.missing() is None
    # 1 is below 1.5: 3; -1 is below 0, 1 is not below 1: 0.25; the base 0.5
    np.testing.assert_array_equal(ensemble.members(GENOTYPE), np.float32([3.75, 5.75]))
    space = benchmarks[NAME].space
    assert space == "darts"
    assert ensemble._predict(GENOTYPE) == 4.75
    with pytest.raises(UserError, match="exists already and would be written over"):
        place_surrogate(NAME, source)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda f: write_member(f, 0, inputs=55), "has 55 inputs instead of 56"),
        (lambda f: write_member(f, 0, objective="binary:logistic"), "gbtree for binary:logistic"),
        (lambda f: write_member(f, 0, cut=100), "its model ends too early"),
        (lambda f: write_member(f, 0, [[(0, 0, 1, 1.0)]]), "two ways lead to one node"),
        (lambda f: write_member(f, 0, [[(1, 9, 1, 1.0), (-1, -1, 0, 1.0)]]), "leads to no node"),
        (lambda f: write_member(f, 0, [[(-1, -1, 0, float("nan"))]]), "a value that is not finite"),
        (lambda f: write_member(f, 0, []), "its model has no trees"),
        (lambda f: write_member(f, 0).write_bytes(pickle.dumps(print)), "names builtins.print"),
        (lambda f: write_member(f, 0).write_bytes(b"no pickle"), "is not what it should be"),
    ],
)
def test_another_model_is_refused(
    tmp_path: Path,
    ensemble: NASBench301Ensemble,
    damage: Callable[[Path], object],
    told: str,
) -> None:
    damage(tmp_path / "models")
    with pytest.raises(MalformedInput, match=told):
        place_surrogate(NAME, tmp_path / "models")
    assert not ensemble.path.parent.exists()


def test_without_members_it_says_what_it_takes(
    tmp_path: Path, ensemble: NASBench301Ensemble
) -> None:
    with pytest.raises(MissingData, match=r"no surrogate_model\.model below a folder xgb_v1\.0"):
        place_surrogate(NAME, tmp_path)
    with pytest.raises(MissingData, match="does not exist"):
        place_surrogate(NAME, tmp_path / "nowhere")
    ensemble.path.parent.mkdir(parents=True)
    ensemble.path.write_bytes(b"no trees")
    with pytest.raises(MalformedInput, match=r"nb301_xgb\.npz, but it is no undamaged file"):
        ensemble.members(GENOTYPE)


def test_the_interface_of_the_package_reads_its_folders(tmp_path: Path) -> None:
    for number, leaf in enumerate((3.0, 4.0, 5.0)):
        write_member(tmp_path, number, [[(-1, -1, 0, leaf)]])
    model = nasbench301.load_ensemble(tmp_path / "nb_models" / "xgb_v1.0")
    genotype = nasbench301.to_genotype(nasbench301.to_configuration(GENOTYPE))
    assert genotype.normal[:2] == [("avg_pool_3x3", 0), ("sep_conv_3x3", 1)]
    first, second, *others = genotype.normal
    swapped = genotype._replace(normal=[second, first, *others])
    bananas = [
        [(source, list(DARTS_OPERATIONS).index(op)) for op, source in cell]
        for cell in (genotype.normal, genotype.reduce)
    ]
    for config, form in (
        (genotype, "genotype"),
        (swapped, "genotype"),
        (to_configuration(GENOTYPE), "configspace"),
        (bananas, "BANANAS"),
    ):
        assert model.predict(config=config, representation=form, with_noise=False) == 4.5


def test_noise_has_the_spread_of_the_members_and_a_seed_of_its_own(tmp_path: Path) -> None:
    for number, leaf in enumerate((3.0, 4.0, 5.0)):
        write_member(tmp_path, number, [[(-1, -1, 0, leaf)]])
    folder = tmp_path / "nb_models" / "xgb_v1.0"
    config = to_configuration(GENOTYPE)
    before = np.random.get_state()[1].tolist()  # noqa: NPY002  # global state
    draws, again = (
        [model.predict(config, "configspace") for _ in range(400)]
        for model in (nasbench301.load_ensemble(folder), nasbench301.load_ensemble(folder))
    )
    assert draws == again
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002  # global state
    assert np.mean(draws) == pytest.approx(4.5, abs=0.15)
    assert np.std(draws) == pytest.approx(np.std([3.5, 4.5, 5.5]), rel=0.1)


def test_what_the_interface_cannot_answer_is_said(
    tmp_path: Path, ensemble: NASBench301Ensemble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surrogate, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="no surrogate of this project predicts run times"):
        nasbench301.load_ensemble("nb_models/lgb_runtime_v1.0")
    with pytest.raises(
        Unsupported,
        match=r"cannot download the models of version 1\.0: .*v1_0\.zip .*nb_models_1\.0, or",
    ):
        nasbench301.download_models(version="1.0", delete_zip=True, download_dir=tmp_path)
    (tmp_path / "nb_models_0.9").mkdir()
    nasbench301.download_models(version="0.9", delete_zip=True, download_dir=tmp_path)
    (tmp_path / "lgb_runtime_v1.0").mkdir()
    with pytest.raises(MissingData, match=r"cannot load .*lgb_runtime_v1\.0: it needs the package"):
        nasbench301.load_ensemble(tmp_path / "lgb_runtime_v1.0")
    with pytest.raises(MissingData, match="nasbench301-xgb PATH"):
        nasbench301.load_ensemble("nb_models/xgb_v1.0")
    write_member(tmp_path, 0)
    model = nasbench301.load_ensemble(tmp_path / "nb_models")
    config = to_configuration(GENOTYPE)
    with pytest.raises(UserError, match=r"one network without a spread.*with_noise=False"):
        model.predict(config, "configspace")
    assert model.convert_representation(nasbench301.to_genotype(config), "genotype") == config
    for call in (model.predict, model.convert_representation):
        with pytest.raises(UserError, match="there are configspace, genotype, BANANAS"):
            call(config, "arch")
    with pytest.raises(MalformedInput, match="it is a float"):
        model.predict(0.5, "genotype", with_noise=False)
    place_surrogate(NAME, tmp_path / "nb_models")
    assert nasbench301.load_ensemble("nb_models/xgb_v1.0").source == NAME


def test_models_of_another_kind_are_loaded_by_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_ensemble(folder: str) -> str:
        np.random.seed(1)  # noqa: NPY002  # as the package does
        return f"the package's models of {folder}"

    package = ModuleType("nasbench301")
    package.load_ensemble = load_ensemble  # type: ignore[attr-defined]  # made here
    monkeypatch.setitem(sys.modules, "nasbench301", package)
    monkeypatch.setattr(surrogate, "find_spec", lambda name: object())
    before = np.random.get_state()[1].tolist()  # noqa: NPY002  # global state
    assert nasbench301.load_ensemble(tmp_path) == f"the package's models of {tmp_path}"
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002  # global state
    surrogate.package_ensemble.cache_clear()


def test_known_accuracies_tell_other_models(
    ensemble: NASBench301Ensemble, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"nasbench301-xgb", "nasbench301-package"}
    for name in known:
        benchmark = benchmarks[name]
        monkeypatch.setattr(type(benchmark), "missing", lambda self: None)
        monkeypatch.setattr(type(benchmark), "_predict", lambda self, genotype: 92.9)
        (check,) = verify(name)
        assert not check.holds
        assert "is 92.9, not 9" in check.found
        values = iter((91.4, 92.5, 93.3, 93.4, 94.2))  # within 0.75 of what is known
        monkeypatch.setattr(type(benchmark), "_predict", lambda self, g, v=values: next(v))
        (check,) = verify(name)
        assert (check.holds, check.found) == (True, "5 of 5")
