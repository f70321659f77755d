"""The interface of the package nas-bench-201, answered by a table of ground truth.

Code that was written for `nas_201_api` runs on the Parquet table of the data folder:

    from untrained.spaces.nas_201_api import NASBench201API as API

    api = API("NAS-Bench-201-v1_1-096897.pth")
    api.get_more_info(0, "cifar10-valid", hp="200", is_random=False)["valid-accuracy"]

What the table lacks is None: losses, training accuracies, epochs before the last one, and times
where they were neither recorded nor modelled (`API.time_source`). Weights are refused.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import UserError
from untrained.spaces import Benchmark, Target, benchmarks, spaces
from untrained.spaces.benchmarks.benchmark import MEAN, OWN_SCHEDULE
from untrained.spaces.benchmarks.tables import ParquetBenchmark
from untrained.spaces.converters.nasbench201 import EVALUATIONS, TRAINED
from untrained.spaces.framework.registry import first_present
from untrained.spaces.nasbench201.api_network import get_cell_based_tiny_net
from untrained.spaces.nasbench201.api_results import (
    ArchResults,
    ResultsCount,
    no_weights,
    plain_dataset,
)
from untrained.spaces.nasbench201.space import OPERATIONS

__all__ = ["ArchResults", "NASBench201API", "ResultsCount", "get_cell_based_tiny_net"]

SEEDS = (777, 888, 999)
"""Of the training runs 0, 1 and 2 of a table."""
_CLASSES = MappingProxyType(
    {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
)
_SETS = MappingProxyType({"valid": "x-valid", "test": "x-test"})


def _wheres(configuration: str) -> list[tuple[str, str]]:
    """The data set and metric of each of its accuracies, as tables have them."""
    return [where for (trained, _), where in EVALUATIONS.items() if trained == configuration]


def remap(dataset: str, metric_on_set: str) -> tuple[str, str]:
    """Turn ("cifar10", "valid") into the configuration and set that hold its values."""
    if dataset == "cifar10" and metric_on_set in _SETS:
        on_half = metric_on_set == "valid"
        return ("cifar10-valid", "x-valid") if on_half else ("cifar10", "ori-test")
    return dataset, _SETS.get(metric_on_set, metric_on_set)


def table_of(names: Sequence[str], path: str | Path | None) -> Benchmark:
    """Choose the table that answers.

    Args:
        names: registered benchmarks, the first that is present is taken.
        path: a Parquet table is taken itself; the name of an official file means the table.

    Raises:
        UserError: the content of an official file was given in place of a path.
        MissingData: there is none.
    """
    if isinstance(path, Mapping):
        raise UserError(
            "cannot answer from a dictionary of results: tables answer here. Open its file with "
            "open_api of untrained.spaces.nasbench201.official, or convert it (untrained data "
            f"convert {names[0]} PATH)."
        )
    if path is not None and str(path).endswith(".parquet"):
        named = benchmarks[names[0]]
        table = ParquetBenchmark(named.name, space=named.space, path=Path(path))
        table.check_present()
        return table
    return first_present(benchmarks[name] for name in names)


class TableAPI:
    """The methods that the interfaces of NAS-Bench-201 and NATS-Bench share."""

    def __init__(self, benchmark: Benchmark, *, schedules: Sequence[str], verbose: bool) -> None:
        """Read the architectures of a table, in its order, which is that of the official files.

        Args:
            schedules: lengths of the trainings, as texts.
            verbose: accepted for the package's sake; nothing is printed.
        """
        self.verbose = verbose
        self.benchmark = benchmark
        self.filename = benchmark.provenance.file
        self.meta_archs: list[str] = list(
            benchmark.table(benchmark.default_target)["architecture"].astype(str)
        )
        self.evaluated_indexes = list(range(len(self.meta_archs)))
        self.archstr2index = {text: number for number, text in enumerate(self.meta_archs)}
        self._schedules = tuple(schedules)
        self._targets = frozenset(benchmark.targets())
        self._columns: dict[Target, NDArray[np.float64]] = {}
        self._space = spaces[benchmark.space]
        self._used_time = 0.0

    def __len__(self) -> int:
        """Count the architectures."""
        return len(self.meta_archs)

    def __getitem__(self, index: int) -> str:
        """Return the architecture of a number."""
        return self.meta_archs[index]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the architectures."""
        return iter(self.meta_archs)

    def __repr__(self) -> str:
        """Name the table and the number of architectures."""
        return f"{type(self).__name__}({len(self)} architectures, file={self.filename})"

    @property
    def avaliable_hps(self) -> list[str]:
        """The lengths of the trainings; the package spells the name so."""
        return list(self._schedules)

    @property
    def used_time(self) -> float:
        """Seconds of all `simulate_train_eval` since `reset_time`."""
        return self._used_time

    def reset_time(self) -> None:
        """Set `used_time` to 0."""
        self._used_time = 0.0

    def arch(self, index: int) -> str:
        """Return the architecture of a number."""
        return self.meta_archs[self._index(index)]

    def random(self) -> int:
        """Draw a number with Python's global generator, as the package does."""
        return random.randrange(len(self))  # noqa: S311  # no secret

    def query_index_by_arch(self, arch: Any) -> int:
        """Return the number of a text, an object with `tostr`, or a number; -1: it is not there.

        Raises:
            ValueError: a number is out of range.
        """
        if isinstance(arch, int | np.integer):
            if not 0 <= arch < len(self):
                raise ValueError(
                    f"cannot find architecture {arch}: the table has 0 to {len(self) - 1}."
                )
            return int(arch)
        text = arch.tostr() if hasattr(arch, "tostr") else arch
        return self.archstr2index.get(text, -1)

    def query_by_arch(self, arch: Any, hp: str = "12") -> str | None:
        """See `query_info_str_by_arch`."""
        return self.query_info_str_by_arch(arch, hp)

    def query_info_str_by_arch(self, arch: Any, hp: str = "12") -> str | None:
        """Describe an architecture's results; None: the table does not have it."""
        index = self.query_index_by_arch(arch)
        if index < 0:
            return None
        results = self.query_meta_info_by_index(index, hp)
        names = results.get_dataset_names()
        lines = [results.arch_str, f"datasets : {names}, extra-info : arch-index={index}"]
        for name in names:
            costs = results.get_compute_costs(name)
            size = ", ".join(
                f"{title}={value:.3f} M"
                for title, value in (("FLOP", costs["flops"]), ("Params", costs["params"]))
                if value is not None
            )
            info = self.get_more_info(index, name, hp=hp, is_random=False)
            accuracies = ", ".join(
                f"{part} : [top1 = {info[f'{part}-accuracy']:.2f}%]"
                for part in ("valid", "test")
                if info.get(f"{part}-accuracy") is not None
            )
            lines += [f"{name:14s} {size}", f"{name:14s} {accuracies}"]
        return "\n".join(lines)

    def query_meta_info_by_index(self, arch_index: int, hp: str = "12") -> ArchResults:
        """Return the results of a number under a schedule.

        Raises:
            ValueError: the number is out of range.
            UserError: there is no such schedule.
        """
        if str(hp) not in self._schedules:
            raise UserError(
                f"cannot look up a training of {hp!r} epochs: there are "
                f"{', '.join(self._schedules)}. Give hp one of them, as a text."
            )
        return ArchResults(self, self._index(arch_index), str(hp))

    def query_by_index(self, arch_index: int, dataname: str | None = None, hp: str = "12") -> Any:
        """Return the results of a number, or those of a data set by training seed."""
        results = self.query_meta_info_by_index(arch_index, hp)
        return results if dataname is None else results.query(dataname)

    def get_more_info(
        self,
        index: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str = "12",
        is_random: bool | int = True,
    ) -> dict[str, Any]:
        """Return accuracies and times; see `ArchResults.get_metrics` for the arguments.

        A random run of a table that has means alone is the mean.
        """
        results = self.query_meta_info_by_index(self.query_index_by_arch(index), hp)
        if is_random is True and (seeds := results.get_dataset_seeds(dataset)):
            is_random = random.choice(seeds)  # noqa: S311  # no secret
        found = self._part("train", results.get_metrics(dataset, "train", iepoch, is_random))
        sets = {"valid": "x-valid", "test": "x-test", "valtest": "ori-test"}
        if dataset in ("cifar10", "cifar10-valid"):
            sets = {"valid": "x-valid", "test": "ori-test"}
        for part, setname in sets.items():
            try:
                metrics = results.get_metrics(dataset, setname, iepoch, is_random)
            except UserError:  # the package leaves out what a configuration lacks, too
                continue
            found |= self._part(part, metrics)
        return found

    @staticmethod
    def _part(name: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
        return {
            f"{name}-loss": metrics["loss"],
            f"{name}-accuracy": metrics["accuracy"],
            f"{name}-per-time": metrics["cur_time"],
            f"{name}-all-time": metrics["all_time"],
        }

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        FLOP_max: float | None = None,
        Param_max: float | None = None,
        hp: str = "12",
    ) -> tuple[int, float]:
        """Return number and accuracy of the best architecture within limits, in millions.

        Raises:
            UserError: the table lacks the accuracies, or what a limit is of.
        """
        configuration, setname = remap(dataset, metric_on_set)
        results = self.query_meta_info_by_index(0, hp)
        results.get_metrics(configuration, setname)  # says what is missing
        accuracies = self._accuracies(configuration, setname, int(hp), MEAN)
        assert accuracies is not None
        allowed = np.isfinite(accuracies)
        for limit, metric in ((FLOP_max, "flops_millions"), (Param_max, "params_millions")):
            if limit is not None:
                sizes = self._column(plain_dataset(dataset), metric, OWN_SCHEDULE, MEAN)
                if sizes is None:
                    raise UserError(
                        f"cannot limit {metric}: the table {self.filename} does not have them. "
                        "Convert the official files (untrained data convert nasbench201 PATH)."
                    )
                allowed &= sizes <= limit
        if not allowed.any():
            return -1, float("nan")
        best = int(np.argmax(np.where(allowed, accuracies, -np.inf)))
        return best, float(accuracies[best])

    def simulate_train_eval(
        self, arch: Any, dataset: str, hp: str = "12", account_time: bool = True
    ) -> tuple[float, None, float, float]:
        """Return validation accuracy, latency, seconds of the training, and seconds so far.

        Raises:
            UserError: the table lacks the accuracy, or the seconds and what they are modelled from.
        """
        configuration = "cifar10-valid" if dataset == "cifar10" else dataset
        info = self.get_more_info(arch, configuration, hp=hp, is_random=True)
        train, evaluation = info["train-all-time"], info.get("valid-per-time")
        if train is None or evaluation is None or info["valid-accuracy"] is None:
            raise UserError(
                f"cannot simulate a training on {dataset}: the table {self.filename} has no "
                "validation accuracy, or neither times nor parameter counts. Convert the official "
                "files (untrained data convert nasbench201 PATH)."
            )
        cost = float(train + evaluation)
        self._used_time += cost * account_time
        return float(info["valid-accuracy"]), None, cost, self._used_time

    def get_net_config(self, index: int, dataset: str) -> dict[str, Any]:
        """Describe the network: channels, cells a stage, architecture, classes."""
        plain_dataset(dataset)
        return {
            "name": "infer.tiny",
            "C": 16,
            "N": 5,
            "arch_str": self.meta_archs[self._index(index)],
            "num_classes": _CLASSES[dataset],
        }

    def get_cost_info(self, index: int, dataset: str, hp: str = "12") -> dict[str, float | None]:
        """See `ArchResults.get_compute_costs`."""
        return self.query_meta_info_by_index(index, hp).get_compute_costs(dataset)

    def get_latency(self, index: int, dataset: str, hp: str = "12") -> None:
        """See `ArchResults.get_latency`."""
        self.query_meta_info_by_index(index, hp).get_latency(dataset)

    def get_net_param(
        self, index: int, dataset: str, seed: int | None = None, hp: str = "12"
    ) -> Any:
        """Refuse: tables hold no weights.

        Raises:
            Unsupported: always.
        """
        raise no_weights(self._index(index), dataset)

    def reload(self, archive_root: str | Path | None = None, index: int | None = None) -> None:
        """Do nothing: a table is read as a whole, and its archive of weights has no place here."""

    def clear_params(self, index: int, hp: str | None = None) -> None:
        """Do nothing: tables hold no weights."""

    def show(self, index: int = -1) -> None:
        """Print the results of an architecture, or of all."""
        for number in range(len(self)) if index < 0 else (index,):
            for hp in self._schedules:
                print(f"{hp} epochs\n{self.query_info_str_by_arch(number, hp)}")

    def statistics(self, dataset: str, hp: str | int) -> dict[int, int]:
        """Count the architectures by their number of training runs.

        Raises:
            UserError: the table has no single runs of the data set.
        """
        plain_dataset(dataset)
        runs = np.zeros(len(self), dtype=np.int64)
        for run in range(len(SEEDS)):
            columns = (self._column(*where, int(hp), run) for where in _wheres(dataset))
            known = [np.isfinite(column) for column in columns if column is not None]
            if known:
                runs += np.logical_or.reduce(known)
        if not runs.any():
            raise UserError(
                f"cannot count the training runs on {dataset} of {hp} epochs: the table "
                f"{self.filename} has the mean over the runs alone. Convert the official files "
                "(untrained data convert nasbench201 PATH)."
            )
        numbers, counts = np.unique(runs, return_counts=True)
        return {int(number): int(count) for number, count in zip(numbers, counts, strict=True)}

    @property
    def time_source(self) -> str:
        """Where the seconds come from."""
        return self.benchmark.training_cost("cifar10").text

    def _index(self, index: Any) -> int:
        number = self.query_index_by_arch(index) if not isinstance(index, str) else -1
        if number < 0:
            raise ValueError(f"cannot find architecture {index!r}: give its number.")
        return number

    def _column(
        self, dataset: str, metric: str, epochs: int, run: int
    ) -> NDArray[np.float64] | None:
        target = Target(dataset, metric, epochs, run)
        if target not in self._columns:
            runs = (Target(dataset, metric, epochs, n) for n in range(len(SEEDS)))
            averaged = run == MEAN and any(one in self._targets for one in runs)
            if target not in self._targets and not averaged:
                return None
            values = self.benchmark.values(self.meta_archs, target)
            self._columns[target] = np.asarray(values, dtype=np.float64)
        return self._columns[target]

    def value(
        self, index: int, dataset: str, metric: str, epochs: int, run: int = MEAN
    ) -> float | None:
        """Return one value of the table; None: it has none."""
        column = self._column(dataset, metric, epochs, run)
        return None if column is None or np.isnan(column[index]) else float(column[index])

    def has(self, dataset: str, hp: str) -> bool:
        """Whether the table has accuracies of a configuration."""
        columns = (self._column(*where, int(hp), MEAN) for where in _wheres(dataset))
        return any(column is not None for column in columns)

    def _accuracies(
        self, dataset: str, setname: str, epochs: int, run: int
    ) -> NDArray[np.float64] | None:
        if setname == "ori-test" and dataset in ("cifar100", "ImageNet16-120"):
            # both halves of the official test set have the same number of images
            halves = [self._accuracies(dataset, s, epochs, run) for s in ("x-valid", "x-test")]
            known = [half for half in halves if half is not None]
            return (known[0] + known[1]) / 2 if len(known) == len(halves) else None
        where = EVALUATIONS.get((dataset, setname))
        return None if where is None else self._column(*where, epochs, run)

    def accuracy(
        self, index: int, dataset: str, setname: str, epochs: int, run: int
    ) -> float | None:
        """Return an accuracy of a configuration's set; None: the table has none."""
        plain_dataset(dataset)
        column = self._accuracies(dataset, setname, epochs, run)
        return None if column is None or np.isnan(column[index]) else float(column[index])

    def seeds(self, index: int, dataset: str, hp: str) -> list[int]:
        """List the seeds whose runs the table has of an architecture."""
        plain_dataset(dataset)
        return [
            seed
            for run, seed in enumerate(SEEDS)
            if any(
                self.value(index, *where, int(hp), run) is not None for where in _wheres(dataset)
            )
        ]

    def run(self, index: int, dataset: str, hp: str, is_random: bool | int) -> int:
        """Return the number of the run that is meant; -1: the mean over the runs.

        Raises:
            UserError: there is no run of a seed.
        """
        seeds = self.seeds(index, dataset, hp)
        if isinstance(is_random, bool):
            drawn = random.choice(seeds) if is_random and seeds else None  # noqa: S311
            return MEAN if drawn is None else SEEDS.index(drawn)
        if is_random not in seeds:
            raise UserError(
                f"cannot find the training seed {is_random} of {dataset}: the table has "
                f"{seeds or 'the mean over the runs alone'}. Give one of them, or False."
            )
        return SEEDS.index(is_random)

    def times(
        self, index: int, dataset: str, epochs: int, run: int
    ) -> tuple[float | None, float | None]:
        """Return the seconds of all training, and of one evaluation."""
        name = TRAINED.get(dataset)
        if name is None:
            return None, None
        train = self.value(index, name, "train_time_s", epochs, run)
        evaluation = self.value(index, name, "valid_time_s", epochs, run)
        if train is not None:
            return train, evaluation and evaluation / epochs
        model = self._models.get(name)
        if model is None:
            return None, None
        architecture = self._space.parse(self.meta_archs[index])
        once = model.seconds(architecture, 0)
        return model.seconds(architecture, epochs) - once, once

    @cached_property
    def _models(self) -> dict[str, Any]:
        """The model of training times of each data set without recorded ones."""
        found = {}
        for name in set(TRAINED.values()):
            model = self._space.training_cost(self.benchmark, name)
            if model is not None:
                found[name] = model
        return found


class NASBench201API(TableAPI):
    """See the module: `nas_201_api.NASBench201API` on a table."""

    def __init__(self, file_path_or_dict: str | Path | None = None, verbose: bool = True) -> None:
        """Find the table.

        Args:
            file_path_or_dict: a Parquet table; anything else, such as the name of the official
                file, means the table of the data folder.

        Raises:
            MissingData: there is no table.
        """
        table = table_of(("nasbench201", "natsbench_tss"), file_path_or_dict)
        super().__init__(table, schedules=("12", "200"), verbose=verbose)

    @staticmethod
    def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
        """Return (operation, source) of each input of each node."""
        nodes = []
        for node in arch_str.split("+"):
            entries = (entry.rpartition("~") for entry in node.strip("|").split("|"))
            nodes.append(tuple((operation, int(source)) for operation, _, source in entries))
        return nodes

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = OPERATIONS) -> NDArray[np.float64]:
        """Return the number of the operation from each node (column) to each (row).

        Raises:
            ValueError: an operation is not in the search space.
        """
        nodes = NASBench201API.str2lists(arch_str)
        matrix = np.zeros((len(nodes) + 1, len(nodes) + 1))
        for target, inputs in enumerate(nodes, 1):
            for operation, source in inputs:
                matrix[target, source] = list(search_space).index(operation)
        return matrix
