"""The embedded ground truth, and pickles that are not what they should be."""

import collections
import os
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import spearmanr

from untrained.foundation import MalformedInput
from untrained.spaces import Target, benchmarks
from untrained.spaces.converters.safe_pickle import load_inert
from untrained.spaces.nasbench201.analog import AnalogBenchmark, read_accuracies
from untrained.spaces.nasbench201.space import NASBench201, format_operations

ARCHITECTURE = ("analognasbench.data", "Architecture")


@pytest.fixture
def embedded() -> AnalogBenchmark:
    found = benchmarks["nasbench201-analog"]
    assert isinstance(found, AnalogBenchmark)
    return found


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A stand-in for the package's module, to write pickles that name its classes."""
    module = types.ModuleType(ARCHITECTURE[0])
    module.Architecture = type("Architecture", (), {"__module__": module.__name__})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "analognasbench", types.ModuleType("analognasbench"))
    monkeypatch.setitem(sys.modules, ARCHITECTURE[0], module)
    return module


def record(package: types.ModuleType, **attributes: object) -> Any:
    made = package.Architecture()
    vars(made).update(attributes)
    return made


def test_it_needs_no_download_and_does_not_import_the_package(embedded: AnalogBenchmark) -> None:
    assert embedded.missing() is None
    assert len(embedded.table()) == 15_625
    assert "analognasbench" not in sys.modules
    assert "pkg_resources" not in sys.modules


def test_its_metrics_are_named_as_in_the_package(embedded: AnalogBenchmark) -> None:
    metrics = {target.metric for target in embedded.targets()}
    assert {"baseline_accuracy", "ptq_accuracy", "analog_accuracy", "noisy_accuracy"} < metrics
    assert {"baseline_drift_60", "analog_drift_2592000_uncertainty"} < metrics
    assert embedded.default_target == Target("cifar10", "baseline_accuracy", 0, -1)
    assert embedded.default_target.label == "cifar10 baseline accuracy"
    assert embedded.default_target in embedded.targets()


def test_constant_networks_have_chance_accuracy(
    embedded: AnalogBenchmark, space: NASBench201
) -> None:
    """A wrong order of edges or digits would give these networks trained accuracies."""
    table = embedded.table().set_index("architecture")["value"]
    constant = [arch.text for arch in space if space.is_constant(arch)]
    assert (table[constant] == 10.0).all()
    assert table.min() == 10.0
    assert 93.5 < table.max() < 95.0


def test_it_keeps_values_as_they_are(embedded: AnalogBenchmark) -> None:
    skips = format_operations(("skip_connect",) * 6)
    assert embedded.query(skips) == 60.7836
    assert embedded.query(skips, metric="noisy_accuracy") == 10.0
    assert embedded.query(skips, metric="analog_drift_60_uncertainty") == 0.3806


def test_it_agrees_with_the_benchmarks_own_table(
    embedded: AnalogBenchmark, real_table: Path
) -> None:
    ours = embedded.table().set_index("architecture")["value"]
    table = benchmarks["nasbench201"].table(dataset="cifar10", metric="test_accuracy")
    theirs = table.set_index("architecture")["value"].reindex(ours.index)
    assert float(spearmanr(ours, theirs).statistic) == pytest.approx(0.991, abs=0.0005)


def test_its_provenance_names_package_and_file(embedded: AnalogBenchmark) -> None:
    source = embedded.provenance
    assert source.file == "data.anb"
    assert len(source.sha256) == 64
    assert "in the package analog-nasbench" in source.note


class Intruder:
    """Unpickled plainly, it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_that_names_a_function_is_refused_and_not_run(
    tmp_path: Path, protocol: int
) -> None:
    path, trace = tmp_path / "data.anb", tmp_path / "trace"
    path.write_bytes(pickle.dumps({(0,) * 6: Intruder(trace)}, protocol))
    with pytest.raises(MalformedInput) as caught:
        read_accuracies(path)
    assert not trace.exists()
    message = str(caught.value)
    assert str(path) in message
    assert "posix.mkdir, which is not run" in message or "nt.mkdir, which is not run" in message
    assert "only analognasbench.data.Architecture" in message
    assert "pip install --force-reinstall" in message
    pickle.loads(path.read_bytes())
    assert trace.exists(), "the pickle was harmless, so the test showed nothing"


@pytest.mark.parametrize(
    "named", [collections.OrderedDict(), Path("x"), print, getattr, types.SimpleNamespace(a=1)]
)
def test_any_other_global_is_refused(tmp_path: Path, named: object) -> None:
    path = tmp_path / "data.anb"
    path.write_bytes(pickle.dumps([named]))
    with pytest.raises(MalformedInput, match=r"it names .*, which is not run"):
        load_inert(path, records=[ARCHITECTURE])


def test_a_dotted_name_does_not_lead_out_of_an_allowed_class(tmp_path: Path) -> None:
    """STACK_GLOBAL with `Architecture.__init__.__globals__` is a known way round allow-lists."""
    path = tmp_path / "data.anb"
    name = b"Architecture.__init__"
    path.write_bytes(
        b"\x80\x04\x8c\x13analognasbench.data\x8c" + bytes([len(name)]) + name + b"\x93."
    )
    with pytest.raises(
        MalformedInput, match=r"it names analognasbench\.data\.Architecture\.__init"
    ):
        load_inert(path, records=[ARCHITECTURE])


def test_shells_of_one_file_are_not_those_of_another(
    tmp_path: Path, package: types.ModuleType
) -> None:
    path = tmp_path / "data.anb"
    path.write_bytes(pickle.dumps(record(package, a=1.0)))
    first, second = (load_inert(path, records=[ARCHITECTURE]) for _ in range(2))
    assert vars(first) == vars(second) == {"a": 1.0}
    assert type(first) is not type(second)


def test_truncated_and_foreign_files_are_refused(tmp_path: Path, embedded: AnalogBenchmark) -> None:
    path = tmp_path / "data.anb"
    for content in (embedded._path().read_bytes()[:100_000], b"", b"not a pickle", b"\x80\x04K"):
        path.write_bytes(content)
        with pytest.raises(MalformedInput, match="but it is not what it should be"):
            read_accuracies(path)


def test_a_missing_file_is_refused_as_unreadable(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="FileNotFoundError"):
        load_inert(tmp_path / "absent", records=[])


def test_other_contents_are_refused(tmp_path: Path, package: types.ModuleType) -> None:
    path = tmp_path / "data.anb"
    one = {(0,) * 6: record(package, baseline_accuracy=90.0)}
    for content in ([1, 2], {}, one, {(0,) * 6: 3.0}, None):
        path.write_bytes(pickle.dumps(content))
        with pytest.raises(MalformedInput) as caught:
            read_accuracies(path)
        assert "is not a table of all NAS-Bench-201 accuracies" in str(caught.value)
        assert str(path) in str(caught.value)


def test_a_number_that_is_none_is_refused(tmp_path: Path, package: types.ModuleType) -> None:
    from itertools import product

    path = tmp_path / "data.anb"
    data = {
        key: record(package, architecture=key, baseline_accuracy=50.0)
        for key in product(range(5), repeat=6)
    }
    path.write_bytes(pickle.dumps(data))
    assert len(read_accuracies(path)) == 15_625
    data[1, 2, 3, 4, 0, 0].baseline_accuracy = float("nan")
    path.write_bytes(pickle.dumps(data))
    with pytest.raises(MalformedInput, match="15625 entries"):
        read_accuracies(path)
