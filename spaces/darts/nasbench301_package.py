"""The original NAS-Bench-301 surrogates, through the package `nasbench301` where it still runs.

The package pins libraries of 2020 that do not exist for the Pythons of this project, so this is
for an environment where someone has ported it; `nasbench301-surrogate` needs nothing of it.
Reference: Siems et al., "NAS-Bench-301", arXiv:2008.09777, 2020.
"""

from __future__ import annotations

import hashlib
from collections import namedtuple
from functools import lru_cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

from untrained.foundation import MissingData
from untrained.spaces.benchmarks.benchmark import Provenance
from untrained.spaces.benchmarks.benchmark_choice import VARIABLE, data_folder
from untrained.spaces.darts.genotype import Genotype
from untrained.spaces.darts.surrogate import DARTSSurrogate
from untrained.spaces.framework.registry import register_benchmark

PACKAGE = "nasbench301"
_Record = namedtuple("_Record", ["normal", "normal_concat", "reduce", "reduce_concat"])
"""The package reads the fields by their names."""


class NASBench301Package(DARTSSurrogate):
    """The ensemble of gradient-boosted trees (xgb_v1.0), without its noise model."""

    name = "nasbench301-package"

    @property
    def path(self) -> Path:
        """The folder of the ensemble, whether it exists or not."""
        return data_folder() / "surrogates" / "nb_models" / "xgb_v1.0"

    @property
    def provenance(self) -> Provenance:
        """See `Benchmark.provenance`; the hash is of all files of the folder, by name."""
        self._check()
        found = hashlib.sha256()
        for path in sorted(p for p in self.path.rglob("*") if p.is_file()):
            found.update(path.relative_to(self.path).as_posix().encode() + b"\0")
            found.update(hashlib.sha256(path.read_bytes()).digest())
        return Provenance(
            title="NAS-Bench-301 ensemble xgb v1.0",
            kind=self.kind,
            file=self.path.name,
            sha256=found.hexdigest(),
            note="without noise",
        )

    def missing(self) -> str | None:
        """See `Benchmark.missing`."""
        instead = (
            "use the benchmark 'nasbench301-surrogate', which predicts every cell as well "
            "(untrained list benchmarks)"
        )
        if find_spec(PACKAGE) is None:
            return (
                f"the benchmark {self.name!r} runs the package {PACKAGE}, which is not installed; "
                f"its own requirements cannot be installed on a current Python: {instead}"
            )
        if not self.path.is_dir():
            return (
                f"the benchmark {self.name!r} was looked for in the folder {self.path} and is not "
                f"there; set {VARIABLE} to a folder that has surrogates/nb_models/xgb_v1.0 of the "
                f"benchmark's published models, or {instead}"
            )
        return None

    def _predict(self, genotype: Genotype) -> float:
        self._check()
        return _predicted(self.path, genotype)

    def _check(self) -> None:
        reason = self.missing()
        if reason is not None:
            raise MissingData(reason)


@lru_cache(maxsize=100_000)
def _predicted(path: Path, genotype: Genotype) -> float:
    cells = (genotype.normal, genotype.reduction)
    parts = [part for c in cells for part in (list(chain(*c.nodes)), list(c.concat))]
    predicted = _ensemble(path).predict(
        config=_Record(*parts), representation="genotype", with_noise=False
    )
    return float(predicted)


@lru_cache(maxsize=1)
def _ensemble(path: Path) -> Any:
    import nasbench301

    return nasbench301.load_ensemble(str(path))


register_benchmark(NASBench301Package())
