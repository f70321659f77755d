"""Noise ceilings: pairs of columns of one benchmark that differ only by the noise of training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from untrained.harness.study.truth import ChosenTruth
from untrained.results import Ceiling, Resampling, noise_ceiling
from untrained.spaces import Target

if TYPE_CHECKING:
    import pandas as pd

_VALIDATION_OF = {
    "test_accuracy": "valid_accuracy",
    "test_loss": "val_loss",
    "negative_loss": "negative_valid_loss",
    "miou": "valid_miou",
    "ssim": "valid_ssim",
}
"""Of a test metric, the validation metric where a benchmark has both."""


def noise_ceilings(
    truth: ChosenTruth, values: pd.Series[float], *, resampling: Resampling
) -> tuple[Ceiling, ...]:
    """How well the benchmark's own noise lets its target be ranked, over the same architectures.

    Training seed against training seed (the two lowest, where the benchmark has several), and
    validation against the target.

    Args:
        values: its values, indexed by architecture; they cut the top slices.

    Returns:
        As many as the benchmark's columns allow; surrogates without such columns have none.
    """
    sign = 1 if truth.higher_is_better else -1
    return tuple(
        noise_ceiling(
            sign * truth.benchmark.values(values.index, first),
            sign * truth.benchmark.values(values.index, second),
            names=(first.label, second.label),
            target=sign * values,
            resampling=resampling,
        )
        for first, second in _pairs(truth)
    )


def _pairs(truth: ChosenTruth) -> Iterator[tuple[Target, Target]]:
    wanted = truth.target
    there = set(truth.benchmark.targets())
    alike = [t for t in there if (t.dataset, t.epochs) == (wanted.dataset, wanted.epochs)]
    seeds = sorted(t for t in alike if t.metric == wanted.metric and t.seed >= 0)
    if len(seeds) > 1:
        yield seeds[0], seeds[1]
    validation = sorted(
        t for t in alike if t.metric == _VALIDATION_OF.get(wanted.metric) and t.seed == wanted.seed
    )
    if validation:
        yield validation[0], wanted
