"""TransNAS-Bench-101's file `transnas-bench_v10141024.pth`.

Duan et al., "TransNAS-Bench-101", CVPR 2021: one file for both search spaces and seven tasks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from untrained.spaces.converters.conversion import Value, converter

_METRICS = {
    "class_scene": ("top1", "test_accuracy", "valid_accuracy"),
    "class_object": ("top1", "test_accuracy", "valid_accuracy"),
    "jigsaw": ("top1", "test_accuracy", "valid_accuracy"),
    "room_layout": ("neg_loss", "negative_loss", "negative_valid_loss"),
    "segmentsemantic": ("mIoU", "miou", "valid_miou"),
    "normal": ("ssim", "ssim", "valid_ssim"),
    "autoencoder": ("ssim", "ssim", "valid_ssim"),
}
"""By task: the benchmark's metric, our names of its test and validation value."""
_TAKES = "transnas-bench_v10141024.pth"
_NOTE = (
    "larger is better for every metric; the value of the last epoch, of best_* metrics that of the "
    "best one; epochs 0 = the benchmark's own schedule, which differs from task to task"
)


def _load(path: Path) -> Any:
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _values(path: Path, space: str) -> Iterator[Value]:
    for architecture, tasks in _load(path)["data"][space].items():
        for task, (theirs, of_test, of_valid) in _METRICS.items():
            metrics = tasks[task]["metrics"]
            for split, name in (("test", of_test), ("valid", of_valid)):
                last = float(metrics[f"{split}_{theirs}"][-1])
                yield Value(architecture, task, name, 0, -1, last)
            best = float(max(metrics[f"valid_{theirs}"]))
            yield Value(architecture, task, f"best_{of_valid}", 0, -1, best)


@converter("transnasbench101_micro", title="TransNAS-Bench-101 micro", takes=_TAKES, note=_NOTE)
def read_micro(path: Path) -> Iterator[Value]:
    """The cell-level space, 4,096 architectures."""
    return _values(path, "micro")


@converter("transnasbench101_macro", title="TransNAS-Bench-101 macro", takes=_TAKES, note=_NOTE)
def read_macro(path: Path) -> Iterator[Value]:
    """The space of whole networks, 3,256 architectures."""
    return _values(path, "macro")
