"""NAS-Bench-201's file `NAS-Bench-201-v1_1-096897.pth` or `-v1_0-e61699.pth`.

Dong and Yang, "NAS-Bench-201", ICLR 2020; the structure is that of the package `nas-bench-201`.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from untrained.foundation import MalformedInput
from untrained.spaces.converters.converter import Value, converter
from untrained.spaces.converters.training_runs import NOTE, values_of


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


class _Kind:
    """Stands for a numpy dtype of a file: a name, and no more."""

    def __init__(self, name: str, *_: object) -> None:
        if name not in _NUMBERS:
            raise pickle.UnpicklingError(f"a number of the kind {name!r}, not {_NUMBERS}")
        self.name = f"<{name}"

    def __setstate__(self, state: tuple[object, ...]) -> None:
        """What numpy would set on a dtype; only the byte order counts."""
        if state[1] not in ("<", "|", "="):
            raise pickle.UnpicklingError(f"a number of the byte order {state[1]!r}")


_NUMBERS = ("f4", "f8", "i4", "i8")


def _number(kind: object, data: object) -> float:
    """Stands for numpy's constructor of scalars."""
    import numpy as np

    if not isinstance(kind, _Kind):
        raise pickle.UnpicklingError("a number without a kind")
    raw = data.encode("latin1") if isinstance(data, str) else data
    if not isinstance(raw, bytes) or len(raw) != np.dtype(kind.name).itemsize:
        raise pickle.UnpicklingError(f"a number of the kind {kind.name!r} from {data!r:.40}")
    return float(np.frombuffer(raw, kind.name)[0])


def _load(path: Path) -> Any:
    """The content: plain containers, numbers and tensors; nothing that the file names is run."""
    import torch

    # files of old releases hold numpy's numbers beside torch's: these three names and no others
    # are understood, and none of them as what numpy would make of it
    known: list[Any] = [
        (_Kind, "numpy.dtype"),
        (_number, "numpy.core.multiarray.scalar"),
        (_number, "numpy._core.multiarray.scalar"),
    ]
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError):
        with torch.serialization.safe_globals(known):
            try:
                return torch.load(path, map_location="cpu", weights_only=True)
            except (pickle.UnpicklingError, RuntimeError, TypeError, ValueError) as error:
                reason = str(error).strip().splitlines() or [type(error).__name__]
                told = next((line for line in reason if "GLOBAL" in line), reason[0])
                raise MalformedInput(
                    f"{path} was to be read as NAS-Bench-201, but it is damaged or names something "
                    f"that is not run ({told.strip()}); get an unchanged copy"
                ) from error
