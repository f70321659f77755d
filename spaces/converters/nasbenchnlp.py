"""The training logs of NAS-Bench-NLP: one JSON file a run, in a folder or in `logs.zip`.

Klyuchnikov et al., "NAS-Bench-NLP", IEEE Access 2022: the losses of every epoch, the recipe of the
cell and whether the training came to its end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from untrained.spaces.converters.converter import Value, converter
from untrained.spaces.converters.json_file import json_files, record
from untrained.spaces.framework.registry import spaces

_COMPLETE = "OK"
_LOSSES = {"val_losses": "val_loss", "test_losses": "test_loss", "train_losses": "train_loss"}


@converter(
    "nasbenchnlp",
    title="NAS-Bench-NLP",
    takes="the folder of train logs (*.json), or logs.zip",
    note="architecture = the RNN cell recipe as JSON; loss in nats after the last epoch, lower is "
    "better; only runs that came to their end; train_time_s is that of all epochs; runs of one "
    "cell are numbered in the order of their files",
)
def read(path: Path) -> Iterator[Value]:
    """The last epoch's losses of every run of status OK."""
    space = spaces["nasbenchnlp"]
    seen: Counter[tuple[str, str, int]] = Counter()
    sized: set[tuple[str, str]] = set()
    for file, log in json_files(path):
        with record(file):
            if log["status"] != _COMPLETE:
                continue
            recipe, dataset, epochs = log["recepie"], _dataset(log["data"]), int(log["epochs"])
            if not isinstance(recipe, str):
                raise TypeError("its recepie is no text")
            text = space.parse(recipe).text
            run = seen[text, dataset, epochs]
            seen[text, dataset, epochs] += 1
            for theirs, ours in _LOSSES.items():
                losses = log[theirs]
                if len(losses) != epochs:
                    raise ValueError(f"{theirs} has {len(losses)} epochs instead of {epochs}")
                yield Value(text, dataset, ours, epochs, run, float(losses[-1]))
            seconds = sum(map(float, log["wall_times"]))
            yield Value(text, dataset, "train_time_s", epochs, run, seconds)
            if (text, dataset) not in sized:
                sized.add((text, dataset))
                millions = float(log["num_params"]) / 1e6
                yield Value(text, dataset, "params_millions", 0, -1, millions)


def _dataset(folder: str) -> str:
    """`data/wikitext-2` -> `wikitext2`."""
    name = re.sub("[^a-z0-9]", "", PurePosixPath(folder).name.lower())
    if not name:
        raise ValueError(f"its data is {folder!r}, no name of a dataset")
    return name
