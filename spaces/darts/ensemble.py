"""NAS-Bench-301's published ensemble of gradient-boosted trees, without the package of its authors.

`untrained data convert nasbench301-xgb PATH` writes the trees of all members into one file. A cell
is given to them as the authors' ConfigSpace encodes its configuration: 56 numbers, 34 of which say
the number of a category (-1: the entry is not active) and 22 are settings of the training that were
the same for all cells.
Reference: Siems et al., "NAS-Bench-301", arXiv:2008.09777, 2020; the models xgb_v1.0.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import MalformedInput
from untrained.spaces import Provenance, data_folder, register_benchmark
from untrained.spaces.darts.configuration import CELLS, PREFIX, to_configuration
from untrained.spaces.darts.genotype import Genotype
from untrained.spaces.darts.network import DARTS_OPERATIONS
from untrained.spaces.darts.surrogate import DARTSSurrogate
from untrained.spaces.framework.registry import VARIABLE

_ALWAYS = (0, 1)
"""Edges of the first node, which every cell has."""
_OTHER_EDGES = sorted(range(2, 14), key=str)
_INPUTS: tuple[str | float, ...] = (
    0.5863451791322553,  # batch size
    0.0,  # augmentation, AutoAugment and cutout
    0.0,
    0.0,
    0.16666444442962952,  # holes of cutout
    0.3099999239999697,  # length of cutout
    0.0,  # Fast AutoAugment
    0.0,  # loss
    0.0,  # auxiliary head
    0.0,  # drop-path probability
    *(f"edge_{cell}_{number}" for cell in CELLS for number in _ALWAYS),
    0.003149999006299998,  # channels
    *(f"inputs_node_{cell}_{node}" for cell in CELLS for node in (3, 4, 5)),
    0.000749999001499998,  # layers
    0.0,  # network
    0.0,  # optimizer
    -3.6888794541139363,  # learning rate
    0.8988764044943821,  # momentum
    -8.111728083308073,  # weight decay
    0.009949999019899998,  # period of the cosine schedule
    1e-12,  # its last learning rate
    0.0,  # schedule
    0.0,  # technique of the batch loss
    0.7051278400653053,  # alpha of mixup
    *(f"edge_{cell}_{number}" for cell in CELLS for number in _OTHER_EDGES),
)
"""The numbers in ConfigSpace's order: the name of an entry, or a constant as it normalises it."""
NUM_INPUTS = len(_INPUTS)
_INACTIVE = -1.0


def _categories(name: str) -> list[str]:
    """The possible values of an entry, in the order of their numbers."""
    if name.startswith("edge"):
        return list(DARTS_OPERATIONS)
    places = range(int(name.rpartition("_")[2]))
    return sorted(f"{a}_{b}" for b in places for a in range(b))


def encode(genotype: Genotype) -> NDArray[np.float32]:
    """The 56 numbers of a cell that has a NAS-Bench-301 configuration.

    Raises:
        MalformedInput: it has none.
    """
    given = to_configuration(genotype)
    numbers = []
    for entry in _INPUTS:
        if isinstance(entry, float):
            numbers.append(entry)
        elif PREFIX + entry in given:
            numbers.append(float(_categories(entry).index(given[PREFIX + entry])))
        else:
            numbers.append(_INACTIVE)
    return np.array(numbers, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Members of summed trees; the nodes of all trees follow each other."""

    bases: NDArray[np.float32]
    """What each member adds to its trees."""
    num_trees: NDArray[np.int64]
    """Of each member."""
    roots: NDArray[np.int64]
    left: NDArray[np.int64]
    """Node where a number below the threshold leads; -1: the node is a leaf."""
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    value: NDArray[np.float32]
    """Threshold of a node, value of a leaf."""

    def members(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """What each member predicts, added in single precision tree by tree as XGBoost does."""
        nodes = self.roots.copy()
        while (inner := np.flatnonzero(self.left[nodes] >= 0)).size:
            at = nodes[inner]
            below = numbers[self.feature[at]] < self.value[at]
            nodes[inner] = np.where(below, self.left[at], self.right[at])
        parts = np.split(self.value[nodes], np.cumsum(self.num_trees)[:-1])
        return np.array(
            [
                np.cumsum([base, *part], dtype=np.float32)[-1]
                for base, part in zip(self.bases, parts, strict=True)
            ]
        )


class NASBench301Ensemble(DARTSSurrogate):
    """The published ensemble xgb_v1.0: the mean of its members, without noise."""

    name = "nasbench301-xgb"

    @property
    def path(self) -> Path:
        """The trees, whether the file exists or not."""
        return data_folder() / "surrogates" / "nb301_xgb.npz"

    @property
    def provenance(self) -> Provenance:
        """See `Benchmark.provenance`."""
        self.check_present()
        title = "NAS-Bench-301 ensemble xgb v1.0"
        return Provenance.of_file(self.path, title, self.kind, note="without noise")

    def missing(self) -> str | None:
        """See `Benchmark.missing`."""
        if self.path.is_file():
            return None
        return (
            f"the surrogate {self.name!r} was looked for in {self.path} and is not there; set "
            f"{VARIABLE} to a folder that has surrogates/{self.path.name}, put it there with "
            f"untrained data convert {self.name} PATH (PATH: the published models, "
            "https://figshare.com/ndownloader/files/24992018, as a zip archive or unpacked), or "
            "choose another benchmark (untrained list benchmarks)"
        )

    def members(self, genotype: Genotype) -> NDArray[np.float32]:
        """The accuracy in percent that each member predicts for a cell, for their spread.

        Raises:
            MissingData: the trees are not there.
            MalformedInput: they cannot be read, or the cell has no configuration.
        """
        self.check_present()
        return _members(self.path, self.path.stat().st_mtime_ns, genotype)

    def _predict(self, genotype: Genotype) -> float:
        return float(self.members(genotype).mean())


@lru_cache(maxsize=100_000)
def _members(path: Path, modified: int, genotype: Genotype) -> NDArray[np.float32]:
    return _loaded(path, modified).members(encode(genotype))


@lru_cache(maxsize=1)
def _loaded(path: Path, modified: int) -> Ensemble:
    del modified  # a file that has changed is another
    return load_ensemble(path)


def load_ensemble(path: Path) -> Ensemble:
    """Read the file that the converter writes.

    Raises:
        MalformedInput: it is another file, or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Ensemble(**{name: arrays[name] for name in Ensemble.__slots__})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise MalformedInput(
            f"the trees of NAS-Bench-301 were to be read from {path}, but it is no undamaged file "
            f"of them ({type(error).__name__}: {error}); write it again with untrained data "
            "convert nasbench301-xgb PATH --replace"
        ) from error


register_benchmark(NASBench301Ensemble())
