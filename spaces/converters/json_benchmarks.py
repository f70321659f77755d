"""The benchmarks whose official files are JSON: NAS-Bench-Macro, NAS-Bench-NLP, NDS.

NAS-Bench-Macro, Su et al. (MCT-NAS), CVPR 2021: `nas-bench-macro_cifar10.json` is an object that
has for each architecture the accuracies of three training runs, parameters and FLOPs.
NAS-Bench-NLP, Klyuchnikov et al., IEEE Access 2022: a JSON file a run, in a folder or in
`logs.zip`, with the losses of every epoch, the recipe of the cell and whether the training came to
its end.
NDS, Radosavovic et al., "On Network Design Spaces for Visual Recognition", ICCV 2019: a file a
set, in `data.zip` or unpacked, a list of training runs. `<set>_reruns.json` is an object with two
such lists, `top` and `mid`, each of one architecture. Errors are in percent, one an epoch.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile, is_zipfile

from untrained.foundation import MalformedInput
from untrained.spaces import spaces
from untrained.spaces.benchmarks.tables import NDS_SETS
from untrained.spaces.converters.conversion import Value, converter
from untrained.spaces.nds.record import format_record

_OF_CONTENT = (
    AttributeError,
    LookupError,
    MalformedInput,  # a search space's, about an architecture
    RecursionError,
    TypeError,
    ValueError,
)


def parse_json(data: bytes, name: str) -> Any:
    """The content of a file; NaN and infinities are read, as Python writes them.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is no JSON: {error}") from error


def load_json(path: Path) -> Any:
    """The content of a file.

    Raises:
        ValueError: it is no JSON; the message names the file.
    """
    return parse_json(path.read_bytes(), path.name)


def json_files(path: Path, names: Iterable[str] | None = None) -> Iterator[tuple[str, Any]]:
    """JSON files of a file, of a folder or of a zip archive, wherever in it they lie, by name.

    Args:
        names: those that are wanted, without folders; all by default. Others are not read.

    Returns:
        Name without folders and content, in the order of their paths.

    Raises:
        ValueError: one that is wanted is no JSON.
    """
    wanted = None if names is None else set(names)

    def chosen(name: str) -> bool:
        # archives made on a Mac have a shadow of each file
        hidden = name.startswith(("._", "__MACOSX"))
        return name.endswith(".json") and not hidden and (wanted is None or name in wanted)

    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            if file.is_file() and chosen(file.name):
                yield file.name, load_json(file)
    elif is_zipfile(path):
        with ZipFile(path) as archive:
            for member in sorted(archive.namelist()):
                name = PurePosixPath(member).name
                if chosen(name):
                    yield name, parse_json(archive.read(member), member)
    else:
        yield path.name, load_json(path)


@contextmanager
def record(where: str) -> Iterator[None]:
    """Tells where in the files a record is that cannot be read.

    Raises:
        ValueError: the body failed on the record's content.
    """
    try:
        yield
    except _OF_CONTENT as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{where}: {what}") from error


_EPOCHS = 50
_SIZES = {"params": "params_millions", "flops": "flops_millions"}


@converter(
    "nasbenchmacro",
    title="NAS-Bench-Macro",
    takes="nas-bench-macro_cifar10.json",
    note="8 digits: 0 identity, 1 MBConv expansion 3 kernel 3, 2 MBConv expansion 6 kernel 5; "
    "accuracy in percent; params_millions and flops_millions are the authors' own counts",
)
def read_macro(path: Path) -> Iterator[Value]:
    """Accuracy of each run, and what no run changes."""
    for text, found in load_json(path).items():
        with record(f"architecture {text!r}"):
            for run, accuracy in enumerate(found["test_acc"]):
                yield Value(text, "cifar10", "test_accuracy", _EPOCHS, run, float(accuracy))
            for theirs, ours in _SIZES.items():
                yield Value(text, "cifar10", ours, 0, -1, float(found[theirs]) / 1e6)


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
def read_nlp(path: Path) -> Iterator[Value]:
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


_NOTE = (
    "architecture = <set>#<network description as JSON>, sets that end in _in on ImageNet, the "
    "others on CIFAR-10; top-1 test accuracy in percent after the last epoch; runs of one "
    "description are numbered in the order of the files: those of <set>.json, then the repetitions "
    "with other seeds of <set>_reruns.json"
)


def _runs(content: Any) -> Iterator[Any]:
    if isinstance(content, dict):
        yield from content["top"]
        yield from content["mid"]
    else:
        yield from content


def _values(path: Path, space: str) -> Iterator[Value]:
    set_name = NDS_SETS[space]
    datasets = {
        f"{set_name}.json": "cifar10",
        f"{set_name}_in.json": "imagenet",
        f"{set_name}_reruns.json": "cifar10",
    }
    found_any = False
    seen: Counter[tuple[str, int]] = Counter()
    sized: set[str] = set()
    for file, content in json_files(path, datasets):
        if file not in datasets:
            raise ValueError(f"{file} is not one of {', '.join(datasets)}")
        found_any = True
        trained_set = file.removesuffix(".json").removesuffix("_reruns")
        for number, found in enumerate(_runs(content)):
            with record(f"{file}, training run {number}"):
                text = format_record(trained_set, found["net"])
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
        takes=f"data.zip, the unpacked folder, {set_name}.json, {set_name}_in.json or "
        f"{set_name}_reruns.json",
        note=_NOTE,
    )
    def read(path: Path) -> Iterator[Value]:
        return _values(path, space)


for _space, _set in NDS_SETS.items():
    _register(_space, _set)
