"""Files of NAS-Bench-201, of NATS-Bench and of AnalogNAS-Bench.

`NAS-Bench-201-v1_1-096897.pth` or `-v1_0-e61699.pth`: Dong and Yang, "NAS-Bench-201", ICLR 2020;
the structure is that of the package `nas-bench-201`.
`NATS-tss-v1_0-3ffb9-simple` and `NATS-sss-v1_0-50262-simple`: Dong, Liu, Musial and Gabrys,
"NATS-Bench", TPAMI 2021: one bzip2-compressed pickle an architecture and `meta.pickle.pbz2`; or one
file for the whole space.
`data.anb`: the accuracies inside the package analog-nasbench.
"""

from __future__ import annotations

import bz2
import pickle
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from untrained.foundation import MalformedInput
from untrained.spaces.converters.conversion import Value, converter
from untrained.spaces.converters.safe_pickle import PLAIN, load_inert_stream
from untrained.spaces.nasbench201.analog import read_accuracies

EVALUATIONS = {
    ("cifar10-valid", "x-valid"): ("cifar10", "valid_accuracy"),
    ("cifar10", "ori-test"): ("cifar10", "test_accuracy"),
    ("cifar100", "x-valid"): ("cifar100", "valid_accuracy"),
    ("cifar100", "x-test"): ("cifar100", "test_accuracy"),
    ("ImageNet16-120", "x-valid"): ("imagenet16-120", "valid_accuracy"),
    ("ImageNet16-120", "x-test"): ("imagenet16-120", "test_accuracy"),
}
"""(configuration, evaluated on) -> (dataset, metric)."""
TRAINED = {"cifar10-valid": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16-120"}
"""Configuration whose training time a search pays -> dataset."""
_SIZED = {"cifar10": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet16-120"}
NOTE = (
    "accuracy in percent after the last epoch; cifar10 valid_accuracy is of networks trained on "
    "half of the training images, cifar10 test_accuracy of networks trained on all of them; "
    "train_time_s and valid_time_s are those of the networks that valid_accuracy is of, all epochs "
    "together; training runs are numbered in the order of their seeds"
)


def values_of(architecture: str, results: Mapping[tuple[str, int], Any]) -> Iterator[Value]:
    """The values of one architecture under one training schedule.

    Args:
        results: a record by (configuration, training seed), as the benchmark's `all_results`.

    Yields:
        Accuracies, times and, once, the size.
    """
    seeds: dict[str, list[int]] = {}
    for configuration, seed in results:
        seeds.setdefault(configuration, []).append(seed)
    sized: set[str] = set()
    for (configuration, seed), record in results.items():
        run = sorted(seeds[configuration]).index(seed)
        epochs = int(record["epochs"])
        accuracies = record["eval_acc1es"]
        for (trained, evaluated), (dataset, metric) in EVALUATIONS.items():
            key = f"{evaluated}@{epochs - 1}"
            if trained == configuration and key in accuracies:
                yield Value(architecture, dataset, metric, epochs, run, float(accuracies[key]))
        if configuration in TRAINED:
            dataset = TRAINED[configuration]
            yield from _times(architecture, dataset, epochs, run, record)
        if configuration in _SIZED and configuration not in sized:
            sized.add(configuration)
            dataset = _SIZED[configuration]
            params, flops = float(record["params"]), float(record["flop"])
            yield Value(architecture, dataset, "params_millions", epochs, -1, params)
            yield Value(architecture, dataset, "flops_millions", epochs, -1, flops)


def _times(
    architecture: str, dataset: str, epochs: int, run: int, record: Mapping[str, Any]
) -> Iterator[Value]:
    train = record.get("train_times")
    if train:
        total = float(sum(train.values()))
        yield Value(architecture, dataset, "train_time_s", epochs, run, total)
    evaluate = record.get("eval_times") or {}
    valid = [seconds for key, seconds in evaluate.items() if key.startswith("x-valid@")]
    if valid:
        yield Value(architecture, dataset, "valid_time_s", epochs, run, float(sum(valid)))


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
        yield from _of_schedules(names[index], {s: schedules[s] for s in ("less", "full")}, "full")


def _of_schedules(
    name: str, schedules: Mapping[str, Mapping[str, Any]], longest: str
) -> Iterator[Value]:
    """All values of an architecture, its size once."""
    for schedule, record in schedules.items():
        for value in values_of(name, record["all_results"]):
            if value.metric not in ("params_millions", "flops_millions"):
                yield value
            elif schedule == longest:
                yield value._replace(epochs=0)


NUMPY_STAND_INS: list[Any] = [
    (stand_in, f"{module}.{name}")
    for (module, name), stand_in in PLAIN.items()
    if name in ("dtype", "scalar")
]
"""For `torch.load`: files of old releases hold numpy's numbers beside torch's."""


def _load(path: Path) -> Any:
    """The content: plain containers, numbers and tensors; nothing that the file names is run."""
    import torch

    with torch.serialization.safe_globals(NUMPY_STAND_INS):
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            told = next((line for line in reason if "GLOBAL" in line), reason[0])
            raise MalformedInput(
                f"{path} was to be read as NAS-Bench-201, but it is damaged or names something "
                f"that is not run ({told.strip()}); get an unchanged copy"
            ) from error


_SUFFIX = ".pickle.pbz2"


def _load_bz2(path: Path, opened: IO[bytes] | None = None) -> Any:
    with bz2.open(opened or path, "rb") as file:
        return load_inert_stream(file, path, plain=PLAIN)


def load_meta(folder: Path) -> list[str]:
    """Read the architectures of a `-simple` folder, in the order of their numbers.

    Raises:
        MalformedInput: the file is damaged, or names something that is not run.
    """
    names: list[str] = _load_bz2(folder / f"meta{_SUFFIX}")["meta_archs"]
    return names


def load_record(folder: Path, index: int) -> Mapping[str, Any] | None:
    """Read the results of one architecture by schedule; None: the folder has none of it.

    Raises:
        MalformedInput: the file is damaged, or names something that is not run.
    """
    file = folder / f"{index:06d}{_SUFFIX}"
    record: Mapping[str, Any] | None = _load_bz2(file) if file.is_file() else None
    return record


def _architectures(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each architecture's text with its record by schedule."""
    if path.is_dir():
        for index, name in enumerate(load_meta(path)):
            record = load_record(path, index)
            if record is not None:
                yield name, record
    elif tarfile.is_tarfile(path):
        yield from _of_archive(path)
    else:
        content = _load_bz2(path)
        for index in sorted(content["arch2infos"]):
            yield content["meta_archs"][index], content["arch2infos"][index]


def _of_archive(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with tarfile.open(path) as archive:
        members = {Path(m.name).name: m for m in archive.getmembers() if m.isfile()}
        names = _load_bz2(path, archive.extractfile(members[f"meta{_SUFFIX}"]))["meta_archs"]
        for index, name in enumerate(names):
            member = members.get(f"{index:06d}{_SUFFIX}")
            if member is not None:
                yield name, _load_bz2(path, archive.extractfile(member))


@converter(
    "natsbench_tss",
    title="NATS-Bench, topology space",
    takes="NATS-tss-v1_0-3ffb9-simple, a folder or .tar, or NATS-tss-v1_0-3ffb9.pickle.pbz2",
    space="nasbench201",
    note=NOTE,
)
@converter(
    "natsbench_sss",
    title="NATS-Bench, size space",
    takes="NATS-sss-v1_0-50262-simple, a folder or .tar, or NATS-sss-v1_0-50262.pickle.pbz2",
    note=NOTE,
)
def read_nats(path: Path) -> Iterator[Value]:
    """The topology space, trained for 12 and 200 epochs, or the sizes, for 1, 12 and 90."""
    for name, schedules in _architectures(path):
        yield from _of_schedules(name, schedules, max(schedules, key=int))


_ANALOG_NOTE = (
    "percent; baseline_accuracy is the digital network's, the others are after conversion to "
    "analog hardware, some after a drift of the time in their name, with its uncertainty; the "
    "benchmark nasbench201-analog reads the package's file itself and needs no table"
)


@converter(
    "nasbench201-analog",
    title="AnalogNAS-Bench",
    takes="data.anb of the installed package analognasbench",
    space="nasbench201",
    note=_ANALOG_NOTE,
)
def read_analog(path: Path) -> Iterator[Value]:
    """Every metric of every architecture."""
    frame = read_accuracies(path)
    for architecture, values in zip(frame.index, frame.itertuples(index=False), strict=True):
        for metric, value in zip(frame.columns, values, strict=True):
            yield Value(architecture, "cifar10", metric, 0, -1, value)
