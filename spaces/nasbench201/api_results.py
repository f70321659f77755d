"""Results of one architecture, as the interfaces of NAS-Bench-201 and NATS-Bench give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from untrained.foundation import Unsupported, UserError
from untrained.spaces.benchmarks.benchmark import OWN_SCHEDULE

if TYPE_CHECKING:
    from untrained.spaces.nas_201_api import TableAPI

_SETS = ("ori-test", "x-valid", "x-test")
DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")


def plain_dataset(dataset: str) -> str:
    """Name a data set as tables do.

    Raises:
        UserError: the interface has no such data set.
    """
    if dataset not in DATASETS:
        raise UserError(
            f"cannot look up the data set {dataset!r}: NAS-Bench-201 has {', '.join(DATASETS)}. "
            "Give one of them."
        )
    return "cifar10" if dataset == "cifar10-valid" else dataset.lower()


def no_weights(index: int, dataset: str) -> Unsupported:
    """Make the error of a question for trained weights."""
    return Unsupported(
        f"cannot return weights of architecture {index} on {dataset}: a table holds none. Open the "
        "official file with open_api of untrained.spaces.nasbench201.official, and reload the "
        "architecture from the official archive."
    )


def _no_files(name: str) -> Unsupported:
    return Unsupported(
        f"cannot make {name} of a file of weights: tables answer here, which have none. Use "
        f"{name} of the package nas-bench-201 within safe_globals of "
        "untrained.spaces.nasbench201.official."
    )


@dataclass(frozen=True, slots=True)
class ArchResults:
    """Results of one architecture under one schedule, with the package's methods."""

    api: TableAPI
    arch_index: int
    hp: str

    @property
    def arch_str(self) -> str:
        """The architecture."""
        return self.api.meta_archs[self.arch_index]

    def arch_idx_str(self) -> str:
        """Return the number with the six digits of the official files."""
        return f"{self.arch_index:06d}"

    def get_dataset_names(self) -> list[str]:
        """Name the data sets and splits that the table has values of."""
        return [name for name in DATASETS if self.api.has(name, self.hp)]

    def get_dataset_seeds(self, dataset: str) -> list[int]:
        """List the seeds of the training runs; empty: the table has their mean alone."""
        return self.api.seeds(self.arch_index, dataset, self.hp)

    def get_total_epoch(self, dataset: str | None = None) -> int:
        """Return the length of the training."""
        del dataset
        return int(self.hp)

    def get_compute_costs(self, dataset: str) -> dict[str, float | None]:
        """Return `flops` and `params` in millions, times, and the `latency`, which no table has."""
        column = {
            name: self.api.value(self.arch_index, plain_dataset(dataset), metric, OWN_SCHEDULE)
            for name, metric in (("flops", "flops_millions"), ("params", "params_millions"))
        }
        return {**column, "latency": None, **self.times(dataset)}

    def eval_sets(self, dataset: str) -> list[str]:
        """Name the sets on which the table has accuracies of a data set's networks."""
        epochs, run = int(self.hp), self.api.run(self.arch_index, dataset, self.hp, False)
        return [
            name
            for name in _SETS
            if self.api.accuracy(self.arch_index, dataset, name, epochs, run) is not None
        ]

    def times(self, dataset: str, is_random: bool | int = False) -> dict[str, float | None]:
        """Return the seconds on each set, as `T-SET@epoch` and `T-SET@total`."""
        found = {}
        for name in ("train", *self.eval_sets(dataset)):
            metrics = self.get_metrics(dataset, name, None, is_random)
            found[f"T-{name}@epoch"] = metrics["cur_time"]
            found[f"T-{name}@total"] = metrics["all_time"]
        return found

    def get_net_param(self, dataset: str, seed: int | None = None) -> Any:
        """Refuse: tables hold no weights.

        Raises:
            Unsupported: always.
        """
        del seed
        raise no_weights(self.arch_index, dataset)

    def clear_params(self) -> None:
        """Do nothing: tables hold no weights."""

    @staticmethod
    def create_from_state_dict(state_dict_or_file: Any) -> ArchResults:
        """Refuse: files of weights are the package's.

        Raises:
            Unsupported: always.
        """
        del state_dict_or_file
        raise _no_files("ArchResults")

    def get_latency(self, dataset: str) -> None:
        """Return None: no table has the latency of the authors' GPU."""
        plain_dataset(dataset)

    def get_metrics(
        self, dataset: str, setname: str, iepoch: int | None = None, is_random: bool | int = False
    ) -> dict[str, Any]:
        """Return epoch, loss, accuracy and times on a set.

        Args:
            setname: `train`, `x-valid`, `x-test` or `ori-test`, as the package has them.
            iepoch: the last epoch, or None.
            is_random: False: the mean over the runs; True: a random run; a seed: that run.

        Raises:
            UserError: the table has no such values.
        """
        epochs = int(self.hp)
        if iepoch not in (None, epochs - 1):
            raise UserError(
                f"cannot look up epoch {iepoch} of a training of {epochs}: the table has values "
                f"after the last epoch. Leave iepoch out, or give {epochs - 1}."
            )
        run = self.api.run(self.arch_index, dataset, self.hp, is_random)
        train, evaluation = self.api.times(self.arch_index, dataset, epochs, run)
        accuracy: float | None = None
        if setname != "train":
            accuracy = self.api.accuracy(self.arch_index, dataset, setname, epochs, run)
            if accuracy is None:
                raise UserError(
                    f"cannot look up {setname!r} of {dataset} after {epochs} epochs: the table "
                    f"{self.api.filename} has no such values. Convert the official files "
                    "(untrained data convert nasbench201 PATH), or ask for another set."
                )
        all_time = train if setname == "train" else evaluation and evaluation * epochs
        return {
            "iepoch": epochs - 1,
            "loss": None,
            "accuracy": accuracy,
            "cur_time": all_time and all_time / epochs,
            "all_time": all_time,
        }

    def query(self, dataset: str, seed: int | None = None) -> Any:
        """Return the run of a seed, or all runs by seed.

        Raises:
            UserError: the table has no single runs of the data set, or not this one.
        """
        seeds = self.get_dataset_seeds(dataset)
        if not seeds or seed not in (None, *seeds):
            raise UserError(
                f"cannot look up the training run {seed} on {dataset}: the table "
                f"{self.api.filename} has {seeds or 'the mean over the runs alone'}. Give one of "
                "them, or use get_more_info with is_random=False."
            )
        runs = {one: ResultsCount(self, dataset, one) for one in seeds}
        return runs if seed is None else runs[seed]


@dataclass(frozen=True, slots=True)
class ResultsCount:
    """One training run of one architecture, with the package's methods."""

    results: ArchResults
    name: str
    seed: int

    @property
    def epochs(self) -> int:
        """Length of the training."""
        return self.results.get_total_epoch()

    @property
    def params(self) -> float | None:
        """Parameters in millions."""
        return self.results.get_compute_costs(self.name)["params"]

    @property
    def flop(self) -> float | None:
        """Floating-point operations in millions."""
        return self.results.get_compute_costs(self.name)["flops"]

    def get_train(self, iepoch: int | None = None) -> dict[str, Any]:
        """See `ArchResults.get_metrics`, of the training images."""
        return self.results.get_metrics(self.name, "train", iepoch, self.seed)

    def get_eval(self, name: str, iepoch: int | None = None) -> dict[str, Any]:
        """See `ArchResults.get_metrics`."""
        setname = "x-valid" if name == "valid" else name
        return self.results.get_metrics(self.name, setname, iepoch, self.seed)

    def get_latency(self) -> None:
        """See `ArchResults.get_latency`."""
        self.results.get_latency(self.name)

    def get_total_epoch(self) -> int:
        """Return the length of the training."""
        return self.epochs

    def get_times(self) -> dict[str, float | None]:
        """See `ArchResults.times`, of this run."""
        return self.results.times(self.name, self.seed)

    def get_eval_set(self) -> list[str]:
        """See `ArchResults.eval_sets`."""
        return self.results.eval_sets(self.name)

    def get_net_param(self, clone: bool = False) -> Any:
        """See `ArchResults.get_net_param`."""
        del clone
        self.results.get_net_param(self.name, self.seed)

    @staticmethod
    def create_from_state_dict(state_dict: Any) -> ResultsCount:
        """See `ArchResults.create_from_state_dict`."""
        del state_dict
        raise _no_files("ResultsCount")

    def get_config(self, str2structure: Any = None) -> dict[str, Any]:
        """See `TableAPI.get_net_config`."""
        config = self.results.api.get_net_config(self.results.arch_index, self.name)
        if str2structure is not None and "arch_str" in config:
            config["genotype"] = str2structure(config.pop("arch_str"))
        return config
