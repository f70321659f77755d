"""Small files in the official structure of NAS-Bench-201 and NATS-Bench."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

FIRST = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|none~2|"
SECOND = "|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"
EVALUATED = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}


def _record(name: str, seed: int, epochs: int, base: float) -> dict[str, Any]:
    """One training run, as the state dict of the package's `ResultsCount`."""
    whole = 0.5 if len(EVALUATED[name]) == 3 else 0  # the test set is the mean of its halves
    offset = {"x-valid": 0, "x-test": 1, "ori-test": whole}
    return {
        "name": "infer.tiny",
        "net_state_dict": None,
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": FIRST, "class_num": 10},
        "train_acc5es": None,
        "train_acc1es": OrderedDict((e, base) for e in range(epochs)),
        "train_losses": OrderedDict((e, 1.0) for e in range(epochs)),
        "train_times": OrderedDict((e, 2.0) for e in range(epochs)),
        "params": 0.5,
        "flop": np.float64(80.0),
        "seed": seed,
        "epochs": epochs,
        "latency": [0.01],
        "eval_names": list(EVALUATED[name]),
        "eval_acc1es": {
            f"{split}@{e}": base + offset[split] + (e == epochs - 1) * 10
            for split in EVALUATED[name]
            for e in range(epochs)
        },
        "eval_losses": {f"{split}@{e}": 1.0 for split in EVALUATED[name] for e in range(epochs)},
        "eval_times": {f"{split}@{e}": 0.5 for split in EVALUATED[name] for e in range(epochs)},
    }


def _runs(epochs: int, base: float, seeds: tuple[int, ...]) -> dict[str, Any]:
    return {
        "arch_index": 0,
        "all_results": {
            (name, seed): _record(name, seed, epochs, base + i)
            for name in EVALUATED
            for i, seed in enumerate(seeds)
        },
        "dataset_seed": {name: list(seeds) for name in EVALUATED},
        "clear_net_done": True,
    }


def write_official(path: Path) -> None:
    """Write a file of two architectures as torch wrote the official one."""
    torch.save(
        {
            "meta_archs": [FIRST, SECOND],
            "arch2infos": {
                0: {"less": _runs(12, 20.0, (777,)), "full": _runs(200, 60.0, (999, 777))},
                1: {"less": _runs(12, 10.0, (777,)), "full": _runs(200, 50.0, (888,))},
            },
            "evaluated_indexes": {0, 1},
            "total_archs": 2,
        },
        path,
    )


@pytest.fixture(scope="session")
def runs() -> Callable[..., dict[str, Any]]:
    """All training runs of one architecture under one schedule."""
    return _runs


@pytest.fixture(scope="session")
def official_201() -> Callable[[Path], None]:
    """The function `write_official`."""
    return write_official
