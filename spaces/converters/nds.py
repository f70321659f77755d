"""The JSON files of NDS, in `data.zip` or unpacked.

Radosavovic et al., "On Network Design Spaces for Visual Recognition", ICCV 2019: a file a set,
either a list of training runs or an object with two such lists, `top` and `mid`. Errors are in
percent, one an epoch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from untrained.spaces.converters.converter import Value, converter
from untrained.spaces.converters.json_file import json_files, record
from untrained.spaces.framework.registry import spaces
from untrained.spaces.nds.record import format_record
from untrained.spaces.nds.table import SETS

_NOTE = (
    "architecture = <set>#<network description as JSON>, sets that end in _in on ImageNet, the "
    "others on CIFAR-10; top-1 test accuracy in percent after the last epoch; runs of one "
    "description are numbered in the file's order"
)
_SIZES = {"params": "params_millions", "flops": "flops_millions"}


def _runs(content: Any) -> Iterator[Any]:
    if isinstance(content, dict):
        yield from content["top"]
        yield from content["mid"]
    else:
        yield from content


def _values(path: Path, space: str) -> Iterator[Value]:
    set_name = SETS[space]
    datasets = {f"{set_name}.json": "cifar10", f"{set_name}_in.json": "imagenet"}
    found_any = False
    for file, content in json_files(path, datasets):
        if file not in datasets:
            raise ValueError(f"{file} is not one of {', '.join(datasets)}")
        found_any = True
        seen: Counter[tuple[str, int]] = Counter()
        sized: set[str] = set()
        for number, found in enumerate(_runs(content)):
            with record(f"{file}, training run {number}"):
                text = format_record(file.removesuffix(".json"), found["net"])
                text = spaces[space].parse(text).text
                epochs, errors = int(found["optim"]["max_ep"]), found["test_ep_top1"]
                if len(errors) != epochs:
                    raise ValueError(f"it has the errors of {len(errors)} epochs, not of {epochs}")
                run = seen[text, epochs]
                seen[text, epochs] += 1
                accuracy = 100 - float(errors[-1])
                yield Value(text, datasets[file], "test_accuracy", epochs, run, accuracy)
                if text not in sized:
                    sized.add(text)
                    for theirs, ours in _SIZES.items():
                        yield Value(text, datasets[file], ours, 0, -1, float(found[theirs]) / 1e6)
    if not found_any:
        raise ValueError(f"there is no {' and no '.join(datasets)} in it")


def _register(space: str, set_name: str) -> None:
    @converter(
        space,
        title=f"NDS {set_name}",
        takes=f"data.zip, the unpacked folder, {set_name}.json or {set_name}_in.json",
        note=_NOTE,
    )
    def read(path: Path) -> Iterator[Value]:
        return _values(path, space)


for _space, _set in SETS.items():
    _register(_space, _set)
