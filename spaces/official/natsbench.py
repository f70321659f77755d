"""NATS-Bench: the folders `NATS-tss-v1_0-3ffb9-simple` and `NATS-sss-v1_0-50262-simple`.

Dong, Liu, Musial and Gabrys, "NATS-Bench", TPAMI 2021: one bzip2-compressed pickle an architecture
and `meta.pickle.pbz2`; or one file for the whole space.
"""

from __future__ import annotations

import bz2
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from untrained.spaces.inert_pickle import PLAIN, load_inert_stream
from untrained.spaces.official.converter import Value, converter
from untrained.spaces.official.training_runs import NOTE, values_of

_SUFFIX = ".pickle.pbz2"


def _load(path: Path) -> Any:
    with bz2.open(path, "rb") as file:
        return load_inert_stream(file, path, plain=PLAIN)


def _architectures(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each architecture's text with its record by schedule."""
    if not path.is_dir():
        content = _load(path)
        for index in sorted(content["arch2infos"]):
            yield content["meta_archs"][index], content["arch2infos"][index]
        return
    names = _load(path / f"meta{_SUFFIX}")["meta_archs"]
    for index, name in enumerate(names):
        file = path / f"{index:06d}{_SUFFIX}"
        if file.is_file():
            yield name, _load(file)


def _values(path: Path) -> Iterator[Value]:
    for name, schedules in _architectures(path):
        longest = max(schedules, key=int)
        for schedule, record in schedules.items():
            for value in values_of(name, record["all_results"]):
                if value.metric not in ("params_millions", "flops_millions"):
                    yield value
                elif schedule == longest:
                    yield value._replace(epochs=0)


@converter(
    "natsbench_tss",
    title="NATS-Bench, topology space",
    takes=f"the folder NATS-tss-v1_0-3ffb9-simple, or the file NATS-tss-v1_0-3ffb9{_SUFFIX}",
    space="nasbench201",
    note=NOTE,
)
def read_topology(path: Path) -> Iterator[Value]:
    """The topology space, trained for 12 and 200 epochs."""
    return _values(path)


@converter(
    "natsbench_sss",
    title="NATS-Bench, size space",
    takes=f"the folder NATS-sss-v1_0-50262-simple, or the file NATS-sss-v1_0-50262{_SUFFIX}",
    note=NOTE,
)
def read_size(path: Path) -> Iterator[Value]:
    """The size space, trained for 1, 12 and 90 epochs."""
    return _values(path)
