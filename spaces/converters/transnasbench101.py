"""TransNAS-Bench-101's file `transnas-bench_v10141024.pth`.

Duan et al., "TransNAS-Bench-101", CVPR 2021: one file for both search spaces and seven tasks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from untrained.spaces.converters.conversion import Value, converter

_METRICS = {
    **{task: {"top1": "{}_accuracy"} for task in ("class_scene", "class_object", "jigsaw")},
    "room_layout": {"neg_loss": "negative_{}_loss"},
    "segmentsemantic": {"mIoU": "{}_miou", "acc": "{}_pixel_accuracy"},
    **{task: {"ssim": "{}_ssim"} for task in ("normal", "autoencoder")},
}
"""By task: our name of each of the benchmark's metrics; the braces take the split."""
_SIZES = {
    "model_params": ("params_millions", 1e6),
    "model_FLOPs": ("flops_millions", 1e6),
    "encoder_params": ("encoder_params_millions", 1e6),
    "encoder_FLOPs": ("encoder_flops_millions", 1e6),
    "inference_time": ("inference_time_s", 1),
}
"""By entry of `model_info`: our name and the unit."""
_TAKES = "transnas-bench_v10141024.pth"
_NOTE = (
    "larger is better for every metric of a task; test_* and valid_*: of the last epoch of the "
    "task's own schedule; best_*: of the best epoch by that metric, epochs 0; params_millions and "
    "flops_millions with the task's head, encoder_* without"
)


def _load(path: Path) -> Any:
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _values(path: Path, space: str) -> Iterator[Value]:
    for architecture, tasks in _load(path)["data"][space].items():
        for task, names in _METRICS.items():
            found = tasks[task]
            epochs = int(found["total_epochs"])
            for theirs, ours in names.items():
                valid = found["metrics"][f"valid_{theirs}"]
                test = found["metrics"][f"test_{theirs}"]
                name = ours.format("valid")
                yield Value(architecture, task, name, epochs, -1, float(valid[-1]))
                yield Value(architecture, task, f"best_{name}", 0, -1, float(max(valid)))
                yield Value(architecture, task, ours.format("test"), epochs, -1, float(test[-1]))
            for entry, (size, unit) in _SIZES.items():
                value = float(found["model_info"][entry]) / unit
                yield Value(architecture, task, size, 0, -1, value)


@converter("transnasbench101_micro", title="TransNAS-Bench-101 micro", takes=_TAKES, note=_NOTE)
def read_micro(path: Path) -> Iterator[Value]:
    """The cell-level space, 4,096 architectures."""
    return _values(path, "micro")


@converter("transnasbench101_macro", title="TransNAS-Bench-101 macro", takes=_TAKES, note=_NOTE)
def read_macro(path: Path) -> Iterator[Value]:
    """The space of whole networks, 3,256 architectures."""
    return _values(path, "macro")
