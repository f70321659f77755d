"""The interface of the package nasbench301, answered by this project's surrogates.

Code that was written for `nasbench301` runs without its requirements of 2020:

    from untrained.spaces import nasbench301 as nb

    model = nb.load_ensemble("nb_models_1.0/xgb_v1.0")
    model.predict(config=genotype, representation="genotype", with_noise=False)

A folder of the published models is read as it is, without running what its pickles name. Without
one, the first surrogate whose data is present answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import MalformedInput, Unsupported, UserError, derive
from untrained.spaces import benchmarks
from untrained.spaces.converters.surrogate_placement import has_ensemble, read_ensemble
from untrained.spaces.darts import configuration
from untrained.spaces.darts.configuration import NamedGenotype, genotype_of_object, named_genotype
from untrained.spaces.darts.ensemble import Ensemble, NASBench301Ensemble, encode
from untrained.spaces.darts.genotype import Genotype as Cells
from untrained.spaces.darts.genotype import genotype_of, sorted_edges
from untrained.spaces.darts.network import DARTS_OPERATIONS
from untrained.spaces.darts.space import DARTS
from untrained.spaces.darts.surrogate import DARTSSurrogate, caller_state, package_ensemble
from untrained.spaces.framework.registry import first_present

__all__ = [
    "Genotype",
    "SurrogateAPI",
    "download_models",
    "load_ensemble",
    "to_configuration",
    "to_genotype",
]

Genotype = NamedGenotype
"""As DARTS and the package define it."""
SURROGATES = ("nasbench301-xgb", "nasbench301-package", "nasbench301-surrogate")
"""Those that may answer, the closest to the package first."""

Members = Callable[[Cells], NDArray[np.floating[Any]]]
"""The predictions of an ensemble's members; of one network alone, its prediction."""


def to_genotype(architecture: Any) -> Any:
    """Write an architecture of the space `darts` as the package's `Genotype`."""
    return named_genotype(DARTS().genotype(architecture))


def to_configuration(architecture: Any) -> dict[str, str]:
    """Write an architecture of the space `darts` as entries of the benchmark's ConfigSpace.

    Raises:
        MalformedInput: the benchmark does not have the cells.
    """
    return configuration.to_configuration(DARTS().genotype(architecture))


def _of_bananas(config: Any) -> Cells:
    cells = [[(DARTS_OPERATIONS[op], node) for node, op in cell] for cell in config]
    names = ("normal", "reduce")
    parts: dict[str, Any] = dict(zip(names, cells, strict=True))
    parts |= {f"{name}_concat": [2, 3, 4, 5] for name in names}
    return genotype_of(parts, DARTS_OPERATIONS, repr(config))


def _of_object(config: Any) -> Cells:
    found = genotype_of_object(config, DARTS_OPERATIONS)
    if found is None:
        raise MalformedInput(
            f"cannot read {config!r:.200} as a genotype or configuration: it is a "
            f"{type(config).__name__}. Give a Genotype, a dictionary or a ConfigSpace sample."
        )
    return found


REPRESENTATIONS: Mapping[str, Callable[[Any], Cells]] = MappingProxyType(
    {"configspace": _of_object, "genotype": _of_object, "BANANAS": _of_bananas}
)


def _cells(config: Any, representation: str) -> Cells:
    if representation not in REPRESENTATIONS:
        raise UserError(
            f"cannot read the representation {representation!r}: there are "
            f"{', '.join(REPRESENTATIONS)}. Give one of them."
        )
    return sorted_edges(REPRESENTATIONS[representation](config))


class SurrogateAPI:
    """An ensemble with the package's method `predict`."""

    def __init__(self, members: Members, source: str, *, seed: int = 0) -> None:
        """Take what predicts.

        Args:
            source: what it is, for messages.
            seed: of the noise. Global random states are neither read nor set.
        """
        self._members = members
        self.source = source
        self._noise = np.random.default_rng(derive(seed, "nasbench301", "noise"))

    def __repr__(self) -> str:
        """Name the source."""
        return f"SurrogateAPI({self.source})"

    @staticmethod
    def convert_representation(config: Any, representation: str) -> dict[str, str]:
        """Write a cell as entries of the benchmark's ConfigSpace; see `predict` for the arguments.

        Raises:
            MalformedInput, UserError: see `predict`.
        """
        return configuration.to_configuration(_cells(config, representation))

    def predict(self, config: Any, representation: str, with_noise: bool = True) -> float:
        """Predict the validation accuracy of a cell in percent.

        Args:
            config: a `Genotype`, a configuration, or a cell of BANANAS.
            representation: `genotype`, `configspace` or `BANANAS`.
            with_noise: whether to add noise of the standard deviation of the members.

        Raises:
            MalformedInput: the architecture is none of the benchmark's, or is written otherwise.
            UserError: no such representation, or noise was asked for of a single network.
        """
        cells = _cells(config, representation)
        configuration.to_configuration(cells)  # refuses cells that the benchmark does not have
        members = self._members(cells)
        if not with_noise:
            return float(members.mean())
        if members.size == 1:
            raise UserError(
                f"cannot add noise: {self.source} is one network without a spread. Set "
                "with_noise=False, or place the ensemble (untrained data convert "
                "nasbench301-xgb PATH)."
            )
        return float(members.mean() + self._noise.normal(0, members.std()))


def load_ensemble(ensemble_parent_directory: str | Path | None = None, *, seed: int = 0) -> Any:
    """Open an ensemble, as the package's function of this name does.

    Args:
        ensemble_parent_directory: a folder `xgb_v1.0` of the published models, or None for the
            data folder's surrogate. A folder that does not exist means the latter, too. A folder
            of other models (lgb, gnn_gin, run times) is loaded by the package.
        seed: of the noise.

    Raises:
        UserError: there is no such folder, and its name says that it is of run times.
        MalformedInput: the folder's models cannot be read.
        MissingData: there is no surrogate, or the package that the folder needs lacks something.
    """
    folder = None if ensemble_parent_directory is None else Path(ensemble_parent_directory)
    if folder is not None and folder.is_dir() and not has_ensemble(folder):
        with caller_state():
            return package_ensemble(folder)
    if folder is not None and "runtime" in folder.name and not folder.is_dir():
        raise UserError(
            f"cannot load {folder}: there is no such folder, and no surrogate of this project "
            "predicts run times. Give the folder, or load the ensemble xgb_v1.0 for accuracies."
        )
    if folder is not None and folder.is_dir():
        ensemble = Ensemble(**read_ensemble(folder))
        return SurrogateAPI(lambda cells: ensemble.members(encode(cells)), folder.name, seed=seed)
    benchmark = first_present(benchmarks[name] for name in SURROGATES)
    return SurrogateAPI(_members_of(benchmark), benchmark.name, seed=seed)


def download_models(
    version: str, delete_zip: bool = True, download_dir: str | Path | None = None
) -> None:
    """Do nothing where the published models are in place, and refuse to download them.

    Args:
        version: `1.0` or `0.9`.
        delete_zip: accepted for the package's sake.
        download_dir: parent of the folder `nb_models_VERSION`; None: the current folder.

    Raises:
        Unsupported: there is no such folder.
    """
    del delete_zip
    folder = Path(download_dir or ".") / f"nb_models_{version}"
    if not folder.exists():
        raise Unsupported(
            f"cannot download the models of version {version}: this project does not fetch them. "
            f"Unpack nasbench301_models_v{version.replace('.', '_')}.zip of figshare as {folder}, "
            "or load a surrogate of the data folder (load_ensemble without a folder)."
        )


def _members_of(benchmark: Any) -> Members:
    if isinstance(benchmark, NASBench301Ensemble):
        return benchmark.members
    assert isinstance(benchmark, DARTSSurrogate)
    space = DARTS()
    return lambda cells: np.array([benchmark.query(space.architecture(cells))])
