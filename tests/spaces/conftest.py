from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from untrained.spaces import data_folder, spaces
from untrained.spaces.nasbench201.space import NASBench201

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def space() -> NASBench201:
    found = spaces["nasbench201"]
    assert isinstance(found, NASBench201)
    return found


@pytest.fixture
def real_table() -> Path:
    path = data_folder() / "tables" / "nasbench201.parquet"
    if not path.is_file():
        pytest.skip("no NAS-Bench-201 table: set UNTRAINED_DATA to a folder that has it")
    return path


@pytest.fixture
def golden_arrays() -> dict[str, dict[str, NDArray[np.generic]]]:
    return {
        name: dict(np.load(GOLDEN / f"{name}.npz"))
        for name in ("inputs", "weights_infer", "scores")
    }
