"""Which ground truth is meant, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

MEAN = -1
"""Seed of a value that is the mean over the training seeds."""
OWN_SCHEDULE = 0
"""Epochs of a value that has one training length only, the benchmark's own, or none at all."""

_COSTS = frozenset(
    ("latency", "time", "energy", "memory", "size", "params", "parameters", "flops", "macs")
)
_LOWER_IS_BETTER = frozenset(("loss", "perplexity", "ppl", "error", "uncertainty"))
_UNITS = frozenset(
    ("s", "ms", "us", "h", "j", "mj", "kb", "mb", "gb", "bytes", "thousands", "millions", "k", "m")
)


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One column of ground truth."""

    dataset: str
    metric: str
    epochs: int = OWN_SCHEDULE
    """Length of the training; 0: the benchmark's own, or nothing was trained."""
    seed: int = MEAN
    """Training seed; -1: the mean over all that were trained."""

    @property
    def label(self) -> str:
        """For tables: `cifar10 test accuracy, 200 epochs, mean over training seeds`."""
        parts = [f"{self.dataset} {self.metric.replace('_', ' ')}"]
        if self.epochs != OWN_SCHEDULE:
            parts.append(f"{self.epochs} epochs")
        if self.seed != MEAN:
            parts.append(f"training seed {self.seed}")
        elif self.epochs != OWN_SCHEDULE and not self.metric.startswith("surrogate"):
            parts.append("mean over training seeds")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a benchmark's values come from; printed with every number that uses them."""

    title: str
    kind: str
    """`tabular` (measured) or `surrogate` (predicted)."""
    file: str
    """Name of the file, without its folder."""
    sha256: str
    """Of the file, in hexadecimal."""
    note: str = ""

    def describe(self) -> str:
        """One line: title, kind, file, first digits of the hash."""
        return f"{self.title} ({self.kind}; {self.file}, SHA-256 {self.sha256[:12]})"


def _quantity(metric: str) -> str:
    """The last word of a metric's name that is not a unit."""
    words = metric.lower().split("_")
    while len(words) > 1 and words[-1] in _UNITS:
        words.pop()
    return words[-1]


def is_cost(metric: str) -> bool:
    """Whether a metric measures what a network costs rather than how good it is, by its name.

    >>> [is_cost(m) for m in ("params_millions", "pixel3_latency_ms", "val_loss")]
    [True, True, False]
    """
    return _quantity(metric) in _COSTS


def higher_is_better(metric: str) -> bool:
    """Direction of a metric by its name: losses, costs and errors are better low.

    Units at the end do not count, and a `negative_` one is turned round again.

    >>> [higher_is_better(m) for m in ("test_accuracy", "val_loss", "negative_loss")]
    [True, False, True]
    >>> [higher_is_better(m) for m in ("edgegpu_latency_ms", "params_millions")]
    [False, False]
    """
    low = is_cost(metric) or _quantity(metric) in _LOWER_IS_BETTER
    return not low or metric.lower().startswith("negative_")
