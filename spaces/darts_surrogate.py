"""What surrogates of DARTS accuracies share: they answer for single cells, and have no table."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from untrained.foundation import UserError
from untrained.spaces.architecture import Architecture
from untrained.spaces.benchmark import Benchmark
from untrained.spaces.cell_genotype import Genotype
from untrained.spaces.darts import DARTS
from untrained.spaces.nasbench301_configuration import has_configuration
from untrained.spaces.target import Target

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

    def query(
        self,
        arch: str | Architecture,
        target: Target | None = None,
        *,
        dataset: str | None = None,
        metric: str | None = None,
        epochs: int | None = None,
        seed: int | None = None,
    ) -> float:
        """See `Benchmark.query`; NaN for a cell with `none` or with the same input twice.

        Raises:
            MissingData: what predicts is not there.
        """
        self.target(target, dataset=dataset, metric=metric, epochs=epochs, seed=seed)
        genotype = _SPACE.genotype(arch)
        return self._predict(genotype) if has_configuration(genotype) else float("nan")

    def values(self, architectures: Iterable[str], target: Target) -> pd.Series[float]:
        """See `Benchmark.values`; each is predicted."""
        import pandas as pd

        texts = list(architectures)
        return pd.Series([self.query(t, target) for t in texts], index=texts, dtype="float64")

    def _values(self, target: Target) -> pd.Series[float]:
        raise UserError(
            f"all values of the benchmark {self.name!r} were asked for, but it predicts single "
            f"cells, and the space {self.space!r} has about 10^18; query the cells you want, or "
            "use the table of the benchmark 'nasbench301'"
        )
