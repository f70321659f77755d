"""Surrogates of NAS-Bench-301: the ONNX model, the original package, what they are asked with."""

from __future__ import annotations

import hashlib
import json
import random
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from untrained.foundation import MalformedInput, MissingData, UserError
from untrained.spaces import (
    Benchmark,
    Provenance,
    Target,
    data_folder,
    register_benchmark,
)
from untrained.spaces.darts.configuration import has_configuration, named_genotype, to_configuration
from untrained.spaces.darts.genotype import Genotype
from untrained.spaces.darts.space import DARTS
from untrained.spaces.framework.registry import VARIABLE

if TYPE_CHECKING:
    import pandas as pd

EPOCHS = 98
"""What the networks were trained for that the surrogates learned from."""
_SPACE = DARTS()


class DARTSSurrogate(Benchmark):
    """Predicted CIFAR-10 accuracies of any DARTS cell; a subclass predicts one."""

    space = _SPACE.name
    kind = "surrogate"
    fallback = True
    enumerable = False

    @abstractmethod
    def _predict(self, genotype: Genotype) -> float:
        """The accuracy of a cell that has a NAS-Bench-301 configuration, in percent."""

    def targets(self) -> tuple[Target, ...]:
        """See `Benchmark.targets`; there is one."""
        return (Target("cifar10", "surrogate_accuracy", EPOCHS),)

    def _value(self, text: str, target: Target) -> float:
        """See `Benchmark._value`; NaN for a cell with `none` or with the same input twice."""
        genotype = _SPACE.genotype(text)
        return self._predict(genotype) if has_configuration(genotype) else float("nan")

    def _values(self, target: Target) -> pd.Series[float]:
        raise UserError(
            f"all values of the benchmark {self.name!r} were asked for, but it predicts single "
            f"cells, and the space {self.space!r} has about 10^18; query the cells you want, or "
            "use the table of the benchmark 'nasbench301'"
        )


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
        self.check_present()
        note = "level about 1.2 points high: for ranks"
        title = "NAS-Bench-301 surrogate of YAHPO-Gym"
        return Provenance.of_file(self.path, title, self.kind, note)

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
        self.check_present()
        return predict(self.path, self.encoding_path, genotype)


def predict(path: Path, encoding_path: Path, genotype: Genotype) -> float:
    """The accuracy in percent that a network predicts for a cell that has a configuration.

    A file that has not changed is loaded once.

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


PACKAGE = "nasbench301"
REQUIRED = (
    *("ConfigSpace", "xgboost", "lightgbm", "torch_geometric", "torch_scatter", "torch_cluster"),
    "h5py",
)
"""Modules that the package imports and does not declare."""


class NASBench301Package(DARTSSurrogate):
    """The ensemble of gradient-boosted trees (xgb_v1.0), without its noise model.

    The package `nasbench301` pins libraries of 2020 that do not exist for the Pythons of this
    project, so this is for an environment that has a port of it.
    Reference: Siems et al., "NAS-Bench-301", arXiv:2008.09777, 2020.
    """

    name = "nasbench301-package"

    @property
    def path(self) -> Path:
        """The folder of the ensemble, whether it exists or not."""
        return data_folder() / "surrogates" / "nb_models" / "xgb_v1.0"

    @property
    def provenance(self) -> Provenance:
        """See `Benchmark.provenance`; the hash is of all files of the folder, by name."""
        self.check_present()
        found = hashlib.sha256()
        for path in sorted(p for p in self.path.rglob("*") if p.is_file()):
            found.update(path.relative_to(self.path).as_posix().encode() + b"\0")
            found.update(hashlib.sha256(path.read_bytes()).digest())
        title = "NAS-Bench-301 ensemble xgb v1.0"
        digest = found.hexdigest()
        return Provenance(title, self.kind, self.path.name, digest, note="without noise")

    def missing(self) -> str | None:
        """See `Benchmark.missing`."""
        instead = "use the benchmark 'nasbench301-xgb', which reads the same models without it"
        reason = package_missing()
        if reason is not None:
            return f"the benchmark {self.name!r} runs {reason}, or {instead}"
        if not self.path.is_dir():
            return (
                f"the benchmark {self.name!r} was looked for in the folder {self.path} and is not "
                f"there; set {VARIABLE} to a folder that has surrogates/nb_models/xgb_v1.0 of the "
                f"benchmark's published models, or {instead}"
            )
        return None

    def _predict(self, genotype: Genotype) -> float:
        self.check_present()
        return _predicted_by_package(self.path, genotype)


def package_missing() -> str | None:
    """Say what the package lacks, without importing it; None: nothing."""
    if find_spec(PACKAGE) is None:
        return (
            f"the package {PACKAGE}, which is not installed. Its own requirements cannot be "
            "installed on a current Python; make an environment with a port of it"
        )
    absent = [name for name in REQUIRED if find_spec(name) is None]
    if not absent:
        return None
    return (
        f"the package {PACKAGE}, which is installed but needs {', '.join(absent)}. The package "
        "declares no requirements; install what is missing with pip"
    )


def _failure(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"the module {error.name!r} that it needs is missing"
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no details'])[0]}"


@contextmanager
def caller_state() -> Iterator[None]:
    """Put the random states and the cuDNN switches back, which the package sets when it loads."""
    import torch

    cudnn = torch.backends.cudnn
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  # global state
    switches = (cudnn.benchmark, cudnn.deterministic, cudnn.enabled)
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002  # global state
        cudnn.benchmark, cudnn.deterministic, cudnn.enabled = switches


@lru_cache(maxsize=100_000)
def _predicted_by_package(path: Path, genotype: Genotype) -> float:
    config = named_genotype(genotype)
    with caller_state():
        model = package_ensemble(path)
        found = model.predict(config, representation="genotype", with_noise=False)
    return float(found)


@lru_cache(maxsize=1)
def package_ensemble(path: Path) -> Any:
    """Load a folder of published models with the package.

    Raises:
        MissingData: the package cannot; the error says why.
    """
    reason = package_missing()
    if reason is not None:
        raise MissingData(f"cannot load {path}: it needs {reason}.")
    try:
        return import_module(PACKAGE).load_ensemble(str(path))
    except Exception as error:  # a package written for other versions fails in every way there is
        raise MissingData(
            f"the ensemble {path} was to be loaded by the package {PACKAGE}, but "
            f"{_failure(error)}; replace the folder by an undamaged copy, install what is missing "
            "with pip, or use the benchmark 'nasbench301-xgb'"
        ) from error


register_benchmark(NASBench301Surrogate())
register_benchmark(NASBench301Package())
