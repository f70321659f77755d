"""NAS-Bench-201's file `NAS-Bench-201-v1_1-096897.pth` or `-v1_0-e61699.pth`.

Dong and Yang, "NAS-Bench-201", ICLR 2020; the structure is that of the package `nas-bench-201`.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from untrained.foundation import MalformedInput
from untrained.spaces.official.converter import Value, converter
from untrained.spaces.official.training_runs import NOTE, values_of


@converter(
    "nasbench201",
    title="NAS-Bench-201",
    takes="NAS-Bench-201-v1_1-096897.pth or NAS-Bench-201-v1_0-e61699.pth",
    note=NOTE,
)
def read(path: Path) -> Iterator[Value]:
    """Both schedules, 12 epochs (`less`) and 200 (`full`).

    Sizes are given once, with the longer schedule, as numbers that no training changes.
    """
    content = _load(path)
    names = content["meta_archs"]
    for index in sorted(content["arch2infos"]):
        schedules = content["arch2infos"][index]
        for schedule in ("less", "full"):
            for value in values_of(names[index], schedules[schedule]["all_results"]):
                if value.metric not in ("params_millions", "flops_millions"):
                    yield value
                elif schedule == "full":
                    yield value._replace(epochs=0)


def _load(path: Path) -> Any:
    """The content: plain containers, numbers and tensors; nothing that the file names is run."""
    import numpy as np
    import torch
    from numpy._core.multiarray import scalar

    # files of old releases hold numpy's numbers beside torch's
    numbers: list[Any] = [np.dtype, *(type(np.dtype(name)) for name in ("f4", "f8", "i4", "i8"))]
    numbers += [(scalar, "numpy.core.multiarray.scalar"), scalar]
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError):
        with torch.serialization.safe_globals(numbers):
            try:
                return torch.load(path, map_location="cpu", weights_only=True)
            except (pickle.UnpicklingError, RuntimeError) as error:
                reason = str(error).strip().splitlines()
                told = next((line for line in reason if "GLOBAL" in line), reason[0])
                raise MalformedInput(
                    f"{path} was to be read as NAS-Bench-201, but it is damaged or names something "
                    f"that is not run ({told.strip()}); get an unchanged copy"
                ) from error
