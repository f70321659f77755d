"""TransNAS-Bench-101's file in its official structure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from untrained.foundation import MalformedInput
from untrained.spaces import Target
from untrained.spaces.benchmarks.tables import read as read_table
from untrained.spaces.converters import convert


def test_transnasbench101_takes_the_last_epoch_and_the_best(tmp_path: Path) -> None:
    source = tmp_path / "transnas-bench_v10141024.pth"
    tasks = {
        task: {
            "total_epochs": 2,
            "metrics": {f"valid_{metric}": [0.3, 0.2], f"test_{metric}": [0.1, 0.2]},
        }
        for task, metric in {
            **dict.fromkeys(("class_scene", "class_object", "jigsaw"), "top1"),
            "room_layout": "neg_loss",
            "segmentsemantic": "mIoU",
            **dict.fromkeys(("normal", "autoencoder"), "ssim"),
        }.items()
    }
    torch.save({"data": {"micro": {"64-41414-0_00_000": tasks}, "macro": {}}}, source)
    table = read_table(convert("transnasbench101_micro", source, folder=tmp_path).path)
    assert len(table.targets) == 21
    assert table.series(Target("jigsaw", "test_accuracy"))["64-41414-0_00_000"] == np.float32(0.2)
    best = table.series(Target("jigsaw", "best_valid_accuracy"))
    assert best["64-41414-0_00_000"] == np.float32(0.3)
    with pytest.raises(MalformedInput, match="it holds no value"):
        convert("transnasbench101_macro", source, folder=tmp_path)
