import json
import math
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from untrained.foundation import MalformedInput, MissingData, UserError
from untrained.spaces import Target, benchmarks, data_folder, find_benchmark, spaces
from untrained.spaces.darts import surrogate as nasbench301_surrogate
from untrained.spaces.darts.surrogate import NASBench301Package, NASBench301Surrogate

CELL = "|max_pool_3x3~0|sep_conv_3x3~1|+" + "+".join(["|skip_connect~0|dil_conv_5x5~2|"] * 3)
TEXT = f"{CELL};{CELL}"
NEVER_DRAWN = f"{CELL};{CELL.replace('max_pool_3x3', 'none')}"


@pytest.fixture
def surrogate() -> NASBench301Surrogate:
    found = benchmarks["nasbench301-surrogate"]
    assert isinstance(found, NASBench301Surrogate)
    return found


@pytest.fixture
def real(surrogate: NASBench301Surrogate) -> NASBench301Surrogate:
    if not surrogate.path.is_file() or not surrogate.encoding_path.is_file():
        pytest.skip("no surrogate: set UNTRAINED_DATA to a folder that has surrogates/nb301_yahpo")
    pytest.importorskip("onnxruntime")
    return surrogate


@pytest.fixture
def package() -> NASBench301Package:
    found = benchmarks["nasbench301-package"]
    assert isinstance(found, NASBench301Package)
    return found


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    (tmp_path / "surrogates").mkdir()
    return tmp_path / "surrogates"


def test_it_predicts_what_the_table_was_made_with(real: NASBench301Surrogate) -> None:
    if not (data_folder() / "tables" / "nasbench301.parquet").is_file():
        pytest.skip("no NAS-Bench-301 table: set UNTRAINED_DATA to a folder that has it")
    table = benchmarks["nasbench301"].table(metric="surrogate_accuracy")
    drawn = table.sample(100, random_state=0)
    predicted = real.values(drawn["architecture"], real.default_target)
    np.testing.assert_allclose(predicted, drawn["value"], atol=1e-4)
    assert predicted.index.tolist() == drawn["architecture"].tolist()


def test_any_cell_is_predicted_but_those_that_were_never_trained(
    real: NASBench301Surrogate,
) -> None:
    rng = np.random.default_rng(0)
    found = [real.query(spaces["darts"].sample(rng)) for _ in range(20)]
    assert all(80 < value < 97 for value in found)
    assert len(set(found)) == 20
    assert math.isnan(real.query(NEVER_DRAWN))
    assert math.isnan(real.query(TEXT.replace("dil_conv_5x5~2", "dil_conv_5x5~0")))
    with pytest.raises(UserError, match="98"):
        real.query(TEXT, epochs=50)


def test_it_has_no_table_and_says_what_to_do(surrogate: NASBench301Surrogate) -> None:
    assert not surrogate.enumerable
    for everything in (surrogate.table, surrogate.best):
        with pytest.raises(
            UserError, match=r"single cells.*10\^18.*query the cells.*'nasbench301'"
        ):
            everything()
    assert surrogate.targets() == (Target("cifar10", "surrogate_accuracy", 98),)


def test_without_its_files_it_is_missing(surrogate: NASBench301Surrogate, elsewhere: Path) -> None:
    reason = surrogate.missing()
    assert reason is not None
    assert f"looked for in {elsewhere / 'nb301_yahpo.onnx'}" in reason
    assert "UNTRAINED_DATA" in reason
    with pytest.raises(MissingData, match=r"nb301_yahpo\.onnx"):
        surrogate.query(TEXT)
    (elsewhere / "nb301_yahpo.onnx").touch()
    assert "nb301_yahpo_encoding.json" in str(surrogate.missing())


def test_without_the_runtime_it_says_how_to_install_it(
    surrogate: NASBench301Surrogate, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "nb301_yahpo.onnx").touch()
    (elsewhere / "nb301_yahpo_encoding.json").touch()
    monkeypatch.setattr(nasbench301_surrogate, "find_spec", lambda name: None)
    with pytest.raises(MissingData, match=r"onnxruntime.*pip install 'untrained\[nb301\]'"):
        surrogate.query(TEXT)


def test_damaged_files_are_named(
    real: NASBench301Surrogate, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, encoding = elsewhere / "nb301_yahpo.onnx", elsewhere / "nb301_yahpo_encoding.json"
    network.write_bytes(b"no network")
    encoding.write_text("{}")
    with pytest.raises(MalformedInput, match=r"nb301_yahpo\.onnx cannot be used"):
        real.query(TEXT)
    monkeypatch.undo()
    shutil.copy(real.path, network)
    content = json.loads(real.encoding_path.read_text())
    del content["category_to_int"][content["input_x_cat_order"][3]]
    encoding.write_text(json.dumps(content))
    monkeypatch.setenv("UNTRAINED_DATA", str(elsewhere.parent))
    with pytest.raises(MalformedInput, match=r"encoding\.json cannot be used \(KeyError"):
        real.query(TEXT)


@pytest.mark.parametrize(
    ("category", "reason"),
    [
        (None, r"encoding\.json cannot be used \(KeyError: 'max_pool_3x3'\)"),
        (10**6, r"nb301_yahpo\.onnx cannot be used \(\w+: .*\)"),
    ],
)
def test_an_encoding_of_another_network_is_named(
    real: NASBench301Surrogate,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    category: int | None,
    reason: str,
) -> None:
    monkeypatch.undo()
    shutil.copy(real.path, elsewhere / "nb301_yahpo.onnx")
    content = json.loads(real.encoding_path.read_text())
    codes = content["category_to_int"][content["input_x_cat_order"][0]]
    del codes["max_pool_3x3"]
    if category is not None:
        codes["max_pool_3x3"] = category
    (elsewhere / "nb301_yahpo_encoding.json").write_text(json.dumps(content))
    monkeypatch.setenv("UNTRAINED_DATA", str(elsewhere.parent))
    with pytest.raises(MalformedInput, match=reason):
        real.query(TEXT)


def test_tables_go_before_it(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, surrogate: NASBench301Surrogate
) -> None:
    monkeypatch.setattr(NASBench301Surrogate, "missing", lambda self: None)
    assert find_benchmark("darts") is surrogate
    tables = elsewhere.parent / "tables"
    tables.mkdir()
    (tables / "darts1000.parquet").touch()
    assert find_benchmark("darts").name == "darts1000"
    (tables / "nasbench301.parquet").touch()
    assert find_benchmark("darts").name == "nasbench301"


def test_the_package_is_asked_without_noise(
    package: NASBench301Package, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Ensemble:
        def predict(self, config, representation: str, with_noise: bool) -> np.float32:
            torch.manual_seed(1)
            np.random.seed(1)  # noqa: NPY002  # as the package does
            torch.backends.cudnn.benchmark = True
            asked.append((config, representation, with_noise))
            return np.float32(len(asked))

    monkeypatch.setattr(nasbench301_surrogate, "find_spec", lambda name: None)
    reason = str(package.missing())
    assert "current Python" in reason
    assert "'nasbench301-xgb'" in reason
    fake = SimpleNamespace(load_ensemble=lambda folder: Ensemble())
    monkeypatch.setitem(sys.modules, "nasbench301", fake)
    monkeypatch.setattr(nasbench301_surrogate, "find_spec", lambda name: object())
    assert f"looked for in the folder {package.path}" in str(package.missing())
    package.path.mkdir(parents=True)
    (package.path / "model").write_text("trees")
    before = package.provenance.sha256
    (package.path / "model").write_text("other trees")
    assert package.provenance.sha256 != before
    before_call = _global_state()
    assert package.query(TEXT) == package.query(TEXT) == 1
    assert _global_state() == before_call
    assert math.isnan(package.query(NEVER_DRAWN))
    ((config, representation, with_noise),) = asked
    assert config.normal[:2] == [("max_pool_3x3", 0), ("sep_conv_3x3", 1)]
    assert config.normal_concat == config.reduce_concat == [2, 3, 4, 5]
    assert len(config.reduce) == 8
    assert (representation, with_noise) == ("genotype", False)


def _global_state() -> tuple[object, ...]:
    return (
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002  # global state
        torch.backends.cudnn.benchmark,
    )


@pytest.fixture
def bare_package(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package without what it needs, as pip installs it."""
    folder = elsewhere / "site"
    (folder / "nasbench301").mkdir(parents=True)
    (folder / "nasbench301" / "__init__.py").write_text("import a_module_it_needs\n")
    (elsewhere / "nb_models" / "xgb_v1.0").mkdir(parents=True)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "nasbench301", raising=False)
    monkeypatch.setattr(nasbench301_surrogate, "REQUIRED", ())
    yield folder / "nasbench301" / "__init__.py"
    sys.modules.pop("nasbench301", None)


def test_a_package_without_what_it_needs_is_missing(
    package: NASBench301Package, bare_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nasbench301_surrogate, "REQUIRED", ("a_module_it_needs", "another"))
    told = "installed but needs a_module_it_needs, another.*install what is missing"
    assert re.search(told, str(package.missing()))
    with pytest.raises(MissingData, match=told):
        package.query(TEXT)


@pytest.mark.parametrize(
    "source", ["import xgboost_of_2020", "def load_ensemble(folder):\n    import xgboost_of_2020"]
)
def test_a_package_that_cannot_load_the_ensemble_says_why(
    package: NASBench301Package, bare_package: Path, source: str
) -> None:
    bare_package.write_text(source)
    assert package.missing() is None
    with pytest.raises(MissingData, match="the module 'xgboost_of_2020' that it needs is missing"):
        package.query(TEXT)
    nasbench301_surrogate.package_ensemble.cache_clear()


def test_to_say_what_is_there_imports_no_package(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (elsewhere / "nb_models" / "xgb_v1.0").mkdir(parents=True)
    for name in ("nb301_yahpo.onnx", "nb301_yahpo_encoding.json", "nb301_xgb.npz"):
        (elsewhere / name).touch()
    official = elsewhere.with_name("official") / "NAS-Bench-201-v1_1-096897.pth"
    official.parent.mkdir()
    official.touch()
    required = nasbench301_surrogate.REQUIRED
    packages = ("nasbench301", "nas_201_api", "nats_bench", "onnxruntime", *required)
    for name in packages:
        monkeypatch.delitem(sys.modules, name, raising=False)
        (elsewhere / "site" / name).mkdir(parents=True)
        (elsewhere / "site" / name / "__init__.py").write_text("raise ImportError\n")
    monkeypatch.syspath_prepend(elsewhere / "site")
    there = {name for name, benchmark in benchmarks.items() if benchmark.missing() is None}
    assert there >= {"nasbench301-package", "nasbench301-surrogate", "nasbench201-api"}
    assert not set(packages) & sys.modules.keys()
