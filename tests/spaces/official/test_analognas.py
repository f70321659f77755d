"""AnalogNAS-Bench's file as a table."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from untrained.foundation import MalformedInput
from untrained.spaces import benchmarks
from untrained.spaces.benchmarks.tables import read as read_table
from untrained.spaces.converters import convert
from untrained.spaces.nasbench201.analog import AnalogBenchmark


class Marks:
    """Leaves a file when it is unpickled freely."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.path,)


def test_the_table_has_every_metric_of_every_architecture(tmp_path: Path) -> None:
    embedded = benchmarks["nasbench201-analog"]
    assert isinstance(embedded, AnalogBenchmark)
    made = convert("nasbench201-analog", embedded._path(), folder=tmp_path)
    assert made.num_architectures == 15_625
    table = read_table(made.path)
    assert set(table.targets) == set(embedded.targets())
    for target in embedded.targets():
        expected = embedded.table(target).set_index("architecture")["value"]
        values = table.series(target).reindex(expected.index)
        np.testing.assert_array_equal(values, expected.astype(np.float32))


def test_a_malicious_file_is_refused_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "data.anb").write_bytes(pickle.dumps(Marks(tmp_path / "was_run")))
    with pytest.raises(MalformedInput, match=r"data\.anb"):
        convert("nasbench201-analog", tmp_path / "data.anb", folder=tmp_path)
    assert not (tmp_path / "was_run").exists()
    assert not (tmp_path / "tables").exists()
