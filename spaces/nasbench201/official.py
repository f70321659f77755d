"""Official files of NAS-Bench-201 and NATS-Bench as ground truth, without conversion.

The file `NAS-Bench-201-v1_1-096897.pth` (4.7 GB) is opened once a process, by the package
nas-bench-201. The folder `NATS-tss-v1_0-3ffb9-simple` has one file an architecture, which is read
when it is asked for. Both give what `untrained data convert` writes into a table.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from untrained.foundation import MalformedInput, MissingData, UserError
from untrained.spaces import (
    Architecture,
    Benchmark,
    Provenance,
    Target,
    data_folder,
    register_benchmark,
    spaces,
)
from untrained.spaces.benchmarks.benchmark import MEAN, OWN_SCHEDULE, TargetParts
from untrained.spaces.converters.nasbench201 import (
    NOTE,
    NUMPY_STAND_INS,
    load_meta,
    load_record,
    values_of,
)
from untrained.spaces.framework.registry import VARIABLE

if TYPE_CHECKING:
    import pandas as pd

FILES = (
    "NATS-tss-v1_0-3ffb9-simple",
    "NAS-Bench-201-v1_1-096897.pth",
    "NAS-Bench-201-v1_0-e61699.pth",
)
"""Of the folder `official` of the data folder; the first that is there is used."""
_RUNS = 3
"""Of most architectures; a `Target` numbers them from 0, in the order of their seeds."""
_SCHEDULES = ("12", "200")
_DATASETS = ("cifar10", "cifar100", "imagenet16-120")
_SIZES = ("params_millions", "flops_millions")
_METRICS = ("valid_accuracy", "test_accuracy", "train_time_s", "valid_time_s")
_TARGETS = tuple(
    sorted(
        Target(dataset, metric, epochs, run)
        for dataset in _DATASETS
        for metrics, schedules, runs in (
            (_METRICS, map(int, _SCHEDULES), (MEAN, *range(_RUNS))),
            (_SIZES, (OWN_SCHEDULE,), (MEAN,)),
        )
        for epochs in schedules
        for metric in metrics
        for run in runs
    )
)

Results = Mapping[tuple[str, int], Mapping[str, Any]]
"""A record by (configuration, training seed)."""


class API(Protocol):
    """What the interfaces of nas-bench-201 and nats_bench share."""

    arch2infos_dict: Mapping[int, Mapping[str, Any]]
    """Results by number and schedule; their methods hand out deep copies, which take 50 ms."""

    def query_index_by_arch(self, arch: str) -> int:
        """Return the number of an architecture, -1 for an unknown one."""

    def query_meta_info_by_index(self, arch_index: int, hp: str) -> Any:
        """Return the results of a training schedule."""


def safe_globals() -> AbstractContextManager[None]:
    """Let `torch.load` read numpy's numbers, which official files hold; it runs nothing else."""
    import torch

    context: AbstractContextManager[None] = torch.serialization.safe_globals(NUMPY_STAND_INS)
    return context


def open_api(path: Path) -> API:
    """Open an official `.pth` with the package that it was published for.

    Raises:
        MissingData: the package or the file is not there.
        MalformedInput: the package cannot read the file.
    """
    if find_spec("nas_201_api") is None:
        raise MissingData(_no_package(path))
    if not path.is_file():
        raise MissingData(f"cannot open {path}: there is no such file. Check the path.")
    from nas_201_api import NASBench201API

    try:
        with safe_globals():
            return NASBench201API(str(path), verbose=False)  # type: ignore[no-any-return]
    except Exception as error:  # the package fails in every way on a damaged file
        reason = (str(error).strip().splitlines() or ["no details"])[0]
        raise MalformedInput(
            f"cannot open {path} with nas-bench-201 ({type(error).__name__}: {reason}). "
            "Get an unchanged copy of the file."
        ) from error


def _no_package(path: Path) -> str:
    return (
        f"cannot open {path}: the package nas-bench-201 is not installed. Install it with: pip "
        "install 'untrained[nasbench201]', or write a table with untrained data convert "
        "nasbench201 PATH."
    )


def _results_of_api(api: API, text: str) -> dict[str, Results]:
    """The results of an architecture by schedule; empty: the interface has none of it."""
    index = api.query_index_by_arch(text)
    if index < 0:
        return {}
    if index not in api.arch2infos_dict:
        with suppress(ValueError):  # of a number or schedule that was not evaluated
            # nats_bench reads the file of an architecture at the first question
            api.query_meta_info_by_index(index, _SCHEDULES[-1])
    return {
        schedule: {key: vars(run) for key, run in info.all_results.items()}
        for schedule, info in api.arch2infos_dict.get(index, {}).items()
    }


def _results_of_folder(folder: Path, text: str) -> dict[str, Results]:
    index = _folder_index(folder, folder.stat().st_mtime_ns).get(text)
    record = None if index is None else load_record(folder, index)
    if record is None:
        return {}
    return {schedule: content["all_results"] for schedule, content in record.items()}


@lru_cache(maxsize=2)
def _folder_index(folder: Path, modified: int) -> dict[str, int]:
    del modified  # a folder that has changed is another
    return {name: number for number, name in enumerate(load_meta(folder))}


@lru_cache(maxsize=1)
def _opened(path: Path, modified: int) -> API:
    del modified
    return open_api(path)


class NASBench201Official(Benchmark):
    """Values of single architectures: accuracies, times and sizes, by training run and as mean.

    It is not listed as a table would be, because the folder takes 0.1 s an architecture; convert it
    for that.
    """

    name = "nasbench201-api"
    space = "nasbench201"
    kind = "tabular"
    enumerable = False

    def __init__(self, api: API | None = None) -> None:
        """Take an interface that is open already.

        Args:
            api: a `NASBench201API` or a topology interface of nats_bench; None: the official
                files of the data folder.
        """
        self._api = api
        self._found: dict[str, dict[Target, float]] = {}

    @property
    def path(self) -> Path:
        """The official file or folder, whether it exists or not."""
        folder = data_folder() / "official"
        return next((folder / n for n in FILES if (folder / n).exists()), folder / FILES[0])

    @property
    def provenance(self) -> Provenance:
        """See `Benchmark.provenance`; of an interface that was given, the hash of its names.

        Of a folder the hash is that of its `meta` file.
        """
        self.check_present()
        title = "NAS-Bench-201, official files"
        if self._api is not None:
            file = str(getattr(self._api, "filename", None) or type(self._api).__name__)
            names = list(getattr(self._api, "meta_archs", ()))
            digest = hashlib.sha256(json.dumps(names).encode()).hexdigest()
            return Provenance(title, self.kind, file, digest, note=f"{NOTE}; hash of the names")
        source = self.path
        return Provenance(
            title, self.kind, source.name, _digest(source, source.stat().st_mtime_ns), note=NOTE
        )

    @property
    def default_target(self) -> Target:
        """See `Benchmark.default_target`."""
        return Target("cifar10", "test_accuracy", 200)

    def missing(self) -> str | None:
        """See `Benchmark.missing`."""
        if self._api is not None:
            return None
        path = self.path
        if not path.exists():
            return (
                f"cannot find the ground truth {self.name!r}: there is no {' and no '.join(FILES)} "
                f"in {path.parent}. Set {VARIABLE} to a folder whose folder `official` has one of "
                "them, or choose another benchmark (untrained list benchmarks)."
            )
        if path.is_file() and find_spec("nas_201_api") is None:
            return _no_package(path)
        return None

    def targets(self) -> tuple[Target, ...]:
        """See `Benchmark.targets`; a value that a file lacks is NaN."""
        return _TARGETS

    def query(
        self,
        arch: str | Architecture,
        target: Target | None = None,
        **parts: Unpack[TargetParts],
    ) -> float:
        """See `Benchmark.query`.

        Args:
            seed: number of the training run, from 0, or its seed, such as 777.
        """
        seed = parts.get("seed")
        if seed is None or seed < _RUNS:
            found = self.target(target, **parts)
        else:
            parts["seed"] = MEAN
            found = replace(self.target(target, **parts), seed=seed)
        self.check_present()
        return self._of(spaces[self.space].parse(arch).text).get(found, math.nan)

    def _values(self, target: Target) -> pd.Series[float]:
        raise UserError(
            f"cannot list the benchmark {self.name!r}: it looks up single architectures. Query "
            "those you want, or write a table with untrained data convert nasbench201 PATH."
        )

    def _of(self, text: str) -> dict[Target, float]:
        """All values of an architecture, each file's or interface's record read once."""
        if self._api is not None:
            if text not in self._found:
                self._found[text] = _by_target(text, _results_of_api(self._api, text))
            return self._found[text]
        path = self.path
        return _of_file(path, path.stat().st_mtime_ns, text)


@lru_cache(maxsize=20_000)
def _of_file(path: Path, modified: int, text: str) -> dict[Target, float]:
    if path.is_dir():
        return _by_target(text, _results_of_folder(path, text))
    return _by_target(text, _results_of_api(_opened(path, modified), text))


def _by_target(text: str, schedules: Mapping[str, Results]) -> dict[Target, float]:
    """Values by target: by number of the run, by its seed, and as mean over the runs."""
    found: dict[Target, float] = {}
    runs: dict[Target, list[float]] = {}
    for results in schedules.values():
        for value in values_of(text, results):
            if value.metric in _SIZES:
                found[Target(value.dataset, value.metric, OWN_SCHEDULE, MEAN)] = value.value
                continue
            found[Target(value.dataset, value.metric, value.epochs, value.seed)] = value.value
            mean = Target(value.dataset, value.metric, value.epochs, MEAN)
            runs.setdefault(mean, []).append(value.value)
        for seed in {key[1] for key in results}:
            of_seed = {key: record for key, record in results.items() if key[1] == seed}
            for value in values_of(text, of_seed):
                found[Target(value.dataset, value.metric, value.epochs, seed)] = value.value
    return found | {target: fmean(values) for target, values in runs.items()}


@lru_cache(maxsize=4)
def _digest(path: Path, modified: int) -> str:
    del modified
    file = path / "meta.pickle.pbz2" if path.is_dir() else path
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


register_benchmark(NASBench201Official())
