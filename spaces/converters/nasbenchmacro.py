"""NAS-Bench-Macro's file `nas-bench-macro_cifar10.json`.

Su et al. (MCT-NAS), CVPR 2021: an object that has for each architecture the accuracies of three
training runs, parameters and FLOPs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from untrained.spaces.converters.converter import Value, converter
from untrained.spaces.converters.json_file import load_json, record

_EPOCHS = 50
_SIZES = {"params": "params_millions", "flops": "flops_millions"}


@converter(
    "nasbenchmacro",
    title="NAS-Bench-Macro",
    takes="nas-bench-macro_cifar10.json",
    note="8 digits: 0 identity, 1 MBConv expansion 3 kernel 3, 2 MBConv expansion 6 kernel 5; "
    "accuracy in percent; params_millions and flops_millions are the authors' own counts",
)
def read(path: Path) -> Iterator[Value]:
    """Accuracy of each run, and what no run changes."""
    for text, found in load_json(path).items():
        with record(f"architecture {text!r}"):
            for run, accuracy in enumerate(found["test_acc"]):
                yield Value(text, "cifar10", "test_accuracy", _EPOCHS, run, float(accuracy))
            for theirs, ours in _SIZES.items():
                yield Value(text, "cifar10", ours, 0, -1, float(found[theirs]) / 1e6)
