"""NATS-Bench: the folders `NATS-tss-v1_0-3ffb9-simple` and `NATS-sss-v1_0-50262-simple`.

Dong, Liu, Musial and Gabrys, "NATS-Bench", TPAMI 2021: one bzip2-compressed pickle an architecture
and `meta.pickle.pbz2`; or one file for the whole space.
"""

from __future__ import annotations

import bz2
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from untrained.spaces.converters.converter import Value, converter
from untrained.spaces.converters.safe_pickle import PLAIN, load_inert_stream
from untrained.spaces.converters.training_runs import NOTE, values_of

_SUFFIX = ".pickle.pbz2"


def _load(path: Path, opened: IO[bytes] | None = None) -> Any:
    with bz2.open(opened or path, "rb") as file:
        return load_inert_stream(file, path, plain=PLAIN)


def _architectures(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each architecture's text with its record by schedule."""
    if path.is_dir():
        names = _load(path / f"meta{_SUFFIX}")["meta_archs"]
        for index, name in enumerate(names):
            file = path / f"{index:06d}{_SUFFIX}"
            if file.is_file():
                yield name, _load(file)
    elif tarfile.is_tarfile(path):
        yield from _of_archive(path)
    else:
        content = _load(path)
        for index in sorted(content["arch2infos"]):
            yield content["meta_archs"][index], content["arch2infos"][index]


def _of_archive(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with tarfile.open(path) as archive:
        members = {Path(m.name).name: m for m in archive.getmembers() if m.isfile()}
        names = _load(path, archive.extractfile(members[f"meta{_SUFFIX}"]))["meta_archs"]
        for index, name in enumerate(names):
            member = members.get(f"{index:06d}{_SUFFIX}")
            if member is not None:
                yield name, _load(path, archive.extractfile(member))


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
    takes="NATS-tss-v1_0-3ffb9-simple, a folder or .tar, or NATS-tss-v1_0-3ffb9.pickle.pbz2",
    space="nasbench201",
    note=NOTE,
)
def read_topology(path: Path) -> Iterator[Value]:
    """The topology space, trained for 12 and 200 epochs."""
    return _values(path)


@converter(
    "natsbench_sss",
    title="NATS-Bench, size space",
    takes="NATS-sss-v1_0-50262-simple, a folder or .tar, or NATS-sss-v1_0-50262.pickle.pbz2",
    note=NOTE,
)
def read_size(path: Path) -> Iterator[Value]:
    """The size space, trained for 1, 12 and 90 epochs."""
    return _values(path)
