"""The interface of the package nats_bench, answered by tables of ground truth.

    from untrained.spaces.nats_bench import create

    api = create(None, "tss", fast_mode=True, verbose=False)
    api.simulate_train_eval(0, "cifar10", hp="12")

See `untrained.spaces.nas_201_api` for what a table lacks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from untrained.foundation import UserError
from untrained.spaces import spaces
from untrained.spaces.nas_201_api import NASBench201API, TableAPI, table_of
from untrained.spaces.nasbench201.api_network import get_cell_based_tiny_net
from untrained.spaces.nasbench201.natsbench_sss import CELL

__all__ = ["NATSsize", "NATStopology", "create", "get_cell_based_tiny_net"]


class _NATSBench(TableAPI):
    """What both spaces of NATS-Bench share beyond NAS-Bench-201."""

    _tables: ClassVar[tuple[str, ...]]
    """Benchmarks that may answer."""
    _lengths: ClassVar[tuple[str, ...]]
    """Of the trainings."""

    def __init__(
        self,
        file_path_or_dict: str | Path | None = None,
        fast_mode: bool = False,
        verbose: bool = True,
    ) -> None:
        """Find the table; see `NASBench201API`.

        Args:
            fast_mode: accepted for the package's sake; a table is always fast.

        Raises:
            MissingData: there is no table.
        """
        table = table_of(self._tables, file_path_or_dict)
        super().__init__(table, schedules=self._lengths, verbose=verbose)
        self.fast_mode = fast_mode

    @property
    def search_space_name(self) -> str:
        """`topology` or `size`."""
        return "size" if self.is_size else "topology"

    @property
    def is_size(self) -> bool:
        """Whether the space is that of widths."""
        return self.benchmark.space == "natsbench_sss"

    @property
    def is_topology(self) -> bool:
        """Whether the space is that of cells."""
        return not self.is_size

    @property
    def full_train_epochs(self) -> int:
        """Length of the longest training."""
        return int(self._schedules[-1])

    full_epochs_in_paper = full_train_epochs

    def simulate_train_eval(  # type: ignore[override]  # the packages differ
        self,
        arch: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str = "12",
        account_time: bool = True,
    ) -> tuple[float, None, float, float]:
        """See `TableAPI.simulate_train_eval`.

        Raises:
            UserError: `iepoch` is not the last epoch, or as there.
        """
        if iepoch is not None:
            configuration = "cifar10-valid" if dataset == "cifar10" else dataset
            self.query_meta_info_by_index(0, hp).get_metrics(configuration, "train", iepoch)
        return super().simulate_train_eval(arch, dataset, hp, account_time)


class NATStopology(_NATSBench):
    """The topology space: 15,625 cells, 12 and 200 epochs."""

    str2lists = staticmethod(NASBench201API.str2lists)
    str2matrix = staticmethod(NASBench201API.str2matrix)
    _tables = ("natsbench_tss", "nasbench201")
    _lengths = ("12", "200")

    def get_unique_str(self, arch: Any) -> str:
        """Return a text that is equal for architectures that compute the same function."""
        return spaces["nasbench201"].canonical(self.arch(self.query_index_by_arch(arch))).text


class NATSsize(_NATSBench):
    """The size space: 32,768 widths, 1, 12 and 90 epochs."""

    _tables = ("natsbench_sss",)
    _lengths = ("01", "12", "90")

    def get_net_config(self, index: int, dataset: str) -> dict[str, Any]:
        """Describe the network: widths, cell, classes."""
        config = super().get_net_config(index, dataset)
        return {
            "name": "infer.shape.tiny",
            "channels": config["arch_str"],
            "genotype": CELL,
            "num_classes": config["num_classes"],
        }


def create(
    file_path_or_dict: str | Path | None,
    search_space: str,
    fast_mode: bool = False,
    verbose: bool = True,
) -> _NATSBench:
    """Open the interface of a space, as `nats_bench.create` does.

    Args:
        search_space: `tss` or `topology`, `sss` or `size`.

    Raises:
        UserError: there is no such space.
        MissingData: there is no table.
    """
    kinds: dict[str, type[NATStopology | NATSsize]] = {
        "tss": NATStopology,
        "topology": NATStopology,
        "sss": NATSsize,
        "size": NATSsize,
    }
    if search_space not in kinds:
        raise UserError(
            f"cannot open the space {search_space!r} of NATS-Bench: there are {', '.join(kinds)}. "
            "Give one of them."
        )
    return kinds[search_space](file_path_or_dict, fast_mode, verbose)
