"""The NAS-Bench-301 surrogate of YAHPO-Gym, an ONNX network that predicts any DARTS cell.

It was fitted to the original surrogate's predictions; at epoch 98 its level is about 1.2 points
high, so it is for ranks. It is looked for in `surrogates` of the data folder, as `nb301_yahpo.onnx`
and `nb301_yahpo_encoding.json`; it runs with the optional package onnxruntime.
Reference: Pfisterer et al., "YAHPO Gym", AutoML 2022; Siems et al., "NAS-Bench-301", 2020.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from untrained.foundation import MalformedInput, MissingData
from untrained.spaces.cell_genotype import Genotype
from untrained.spaces.darts_surrogate import EPOCHS, DARTSSurrogate
from untrained.spaces.data_location import VARIABLE, data_folder
from untrained.spaces.nasbench301_configuration import to_configuration
from untrained.spaces.registry import register_benchmark
from untrained.spaces.target import Provenance

UNUSED = "#na#"
"""The category of an edge that no node uses."""


class NASBench301Surrogate(DARTSSurrogate):
    """The ONNX network, asked at epoch 98 with a batch of one."""

    name = "nasbench301-surrogate"

    @property
    def path(self) -> Path:
        """The network, whether it exists or not."""
        return data_folder() / "surrogates" / "nb301_yahpo.onnx"

    @property
    def encoding_path(self) -> Path:
        """The order and the categories of its inputs."""
        return self.path.with_name("nb301_yahpo_encoding.json")

    @property
    def provenance(self) -> Provenance:
        """See `Benchmark.provenance`."""
        self._check()
        return Provenance(
            title="NAS-Bench-301 surrogate of YAHPO-Gym",
            kind=self.kind,
            file=self.path.name,
            sha256=hashlib.sha256(self.path.read_bytes()).hexdigest(),
            note="level about 1.2 points high: for ranks",
        )

    def missing(self) -> str | None:
        """See `Benchmark.missing`."""
        for path in (self.path, self.encoding_path):
            if not path.is_file():
                return (
                    f"the surrogate {self.name!r} was looked for in {path} and is not there; "
                    f"set {VARIABLE} to a folder that has surrogates/{path.name}, put it there "
                    f"with untrained data convert {self.name} PATH (PATH: the folder nb301 of "
                    "https://github.com/slds-lmu/yahpo_data), or choose another benchmark "
                    "(untrained list benchmarks)"
                )
        if find_spec("onnxruntime") is None:
            return (
                f"the surrogate {self.name!r} runs with the package onnxruntime, which is not "
                "installed; install it with: pip install 'untrained[nb301]', "
                "or choose another benchmark (untrained list benchmarks)"
            )
        return None

    def _predict(self, genotype: Genotype) -> float:
        self._check()
        return predict(self.path, self.encoding_path, genotype)

    def _check(self) -> None:
        reason = self.missing()
        if reason is not None:
            raise MissingData(reason)


def predict(path: Path, encoding_path: Path, genotype: Genotype) -> float:
    """The accuracy in percent that a network predicts for a cell that has a configuration.

    Args:
        path: the network; a file that has not changed is loaded once.
        encoding_path: its encoding.
        genotype: the cell.

    Raises:
        MalformedInput: the files cannot be used.
    """
    modified = (path.stat().st_mtime_ns, encoding_path.stat().st_mtime_ns)
    return _predicted(path, encoding_path, modified, genotype)


@lru_cache(maxsize=100_000)
def _predicted(
    path: Path, encoding_path: Path, modified: tuple[int, ...], genotype: Genotype
) -> float:
    session, keys, codes = _loaded(path, encoding_path, modified)
    configuration = {
        key.replace(":", "_COLON_"): value for key, value in to_configuration(genotype).items()
    }
    at = encoding_path
    try:
        inputs = [codes[key][configuration.get(key, UNUSED)] for key in keys]
        categories = np.array([inputs], dtype=np.int32)
        at = path
        (out,) = session.run(
            None, {"x_cat": categories, "x_cont": np.array([[EPOCHS]], dtype=np.float32)}
        )
        return float(out[0, 0])
    except Exception as error:  # the package's own errors have no common base but this
        raise _unusable(at, error) from error


@lru_cache(maxsize=1)
def _loaded(path: Path, encoding_path: Path, modified: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """The session, the keys of its inputs in order, and the number of each category of a key."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    at = path
    try:
        session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
        at = encoding_path
        encoding = json.loads(encoding_path.read_text(encoding="utf-8"))
        keys, codes = encoding["input_x_cat_order"], encoding["category_to_int"]
        if {UNUSED} - set.intersection(*(set(codes[key]) for key in keys)):
            raise ValueError(f"a key has no category {UNUSED}")
    except Exception as error:  # the package's own errors have no common base but this
        raise _unusable(at, error) from error
    return session, keys, codes


def _unusable(path: Path, error: Exception) -> MalformedInput:
    reason = (str(error).strip().splitlines() or [""])[0]
    return MalformedInput(
        f"the NAS-Bench-301 surrogate was to be read, but {path} cannot be used "
        f"({type(error).__name__}: {reason}); replace it by an undamaged copy"
    )


register_benchmark(NASBench301Surrogate())
