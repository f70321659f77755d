"""Readers and their valid inputs: texts, lists, scores and accuracies of others."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from untrained.foundation import UntrainedError
from untrained.harness.analysis.score_file import select_file_scores
from untrained.harness.execution.run_log import read_log
from untrained.harness.gennas_tasks.losses import Journal
from untrained.harness.search.experiment.study import SEARCH_STUDIES
from untrained.harness.study.shard import Shard
from untrained.harness.study.study_file import STUDIES
from untrained.indicators import Passes, Protocol
from untrained.indicators.regression.task_file import read_task
from untrained.results import Environment, current_environment
from untrained.spaces import spaces
from untrained.spaces.benchmarks.file_benchmark import FileBenchmark
from untrained.spaces.framework.architecture_file import read_architectures

COMMITTED = Path(__file__).parents[2] / "results" / "committed"
STORES = Path(__file__).parents[1] / "results" / "stores"
A = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|"
B = "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|"


@dataclass(frozen=True)
class Target:
    """A reader and valid inputs of it."""

    seeds: Callable[[Path], list[bytes]]
    read: Callable[[bytes, Path], object]
    share: int = 1000
    """Inputs of the whole run."""
    allowed: tuple[type[BaseException], ...] = (UntrainedError,)


TARGETS: dict[str, Target] = {}


def text(content: bytes) -> str:
    """Decode what a terminal passes on: it may hold lone surrogates."""
    return content.decode("utf-8", "surrogateescape")


def text_of_file(content: bytes) -> str:
    """Decode what a reader of text files passes on."""
    return content.decode("utf-8", "replace")


def of_text(*seeds: str) -> Callable[[Path], list[bytes]]:
    return lambda folder: [seed.encode() for seed in seeds]


def in_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    """Make a reader of bytes of a reader of a file."""

    def call(content: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(content)
        return read(path)

    return call


def drained(values: Iterator[Any]) -> None:
    for _ in values:
        pass


# --- texts ---


def architectures(space: str) -> list[str]:
    rng = np.random.default_rng(0)
    return [str(spaces[space].sample(rng)) for _ in range(4)]


def parse_architecture(space: str) -> Callable[[bytes, Path], object]:
    def read(content: bytes, folder: Path) -> object:
        found = spaces[space].parse(text(content))
        assert spaces[space].parse(str(found)) == found
        return found

    return read


for _space in spaces:
    TARGETS[f"architecture-{_space}"] = Target(
        lambda folder, space=_space: [one.encode() for one in architectures(space)],
        parse_architecture(_space),
        3000,
    )

TARGETS["shard"] = Target(
    of_text("3/100", "1/1", "007/009"), lambda content, folder: Shard.parse(text(content)), 3000
)
TARGETS["passes"] = Target(
    of_text("1 forward, B K + 1 backward", "none", "2 B M forward"),
    lambda content, folder: Passes.parse(text(content)),
    2000,
    (ValueError,),
)
TARGETS["protocol"] = Target(
    of_text(
        Protocol().canonical, Protocol(sample_ids=(1, 2), source="ab", skeleton="thin").canonical
    ),
    lambda content, folder: Protocol.from_json(text(content)).describe(),
    6000,
)
TARGETS["environment"] = Target(
    of_text(current_environment(device="cpu", threads=1).canonical),
    lambda content, folder: Environment.from_json(text(content)).digest,
    3000,
    (ValueError, RecursionError),
)


def study_seeds(loader: Any, names: int) -> Callable[[Path], list[bytes]]:
    from importlib.resources import files

    def seeds(folder: Path) -> list[bytes]:
        place = files(loader.package) / "studies"
        return [(place / f"{name}.toml").read_bytes() for name in loader.builtin()[:names]]

    return seeds


for _name, _loader in (("study", STUDIES), ("search-study", SEARCH_STUDIES)):
    TARGETS[_name] = Target(
        study_seeds(_loader, 6),
        lambda content, folder, loader=_loader: loader.parse(
            text_of_file(content), place="s.toml", command="run"
        ),
        4000,
    )

TASK = """kind = "images"
steps = 3
noise_level = 0.5
[[stage]]
multiplier = 1.0
[[stage.signal]]
kind = "sin1d"
frequencies = [0.5, 0.25]
[[stage]]
[[stage.signal]]
kind = "dot"
share = 0.5
[[stage]]
[[stage.signal]]
kind = "gdot"
share = 0.5
"""
TARGETS["gennas-task"] = Target(of_text(TASK), in_file("task.toml", read_task), 4000)

LOG = [
    {"event": "start", "run": "a", "command": "x", "host": "h", "pid": 3, "wanted": 9, "stored": 1},
    {"event": "progress", "run": "a", "elapsed_s": 5.5, "done": 3, "workers": {"h:3": 3}},
    {"event": "end", "run": "a", "elapsed_s": 7, "outcome": "finished", "done": 8, "failed": 0},
]
TARGETS["run-log"] = Target(
    of_text("\n".join(map(json.dumps, LOG))),
    in_file("log.jsonl", lambda path: [(run.left_s, run.is_running) for run in read_log(path)]),
    3000,
)


def journal(folder: Path) -> list[bytes]:
    path = folder / "seed.jsonl"
    path.unlink(missing_ok=True)
    with Journal(path, {"space": "x"}) as opened:
        opened.add("a", "b", 0.5, 1.0)
        opened.add("a", "c", 0.25, 2.0)
    return [path.read_bytes()]


def read_journal(path: Path) -> None:
    with Journal(path, {"space": "x"}):
        pass


TARGETS["journal"] = Target(journal, in_file("journal.jsonl", read_journal), 4000)


# --- lists of architectures, and scores and accuracies of others ---

LISTED = ("nasbench201", "nasbench101", "darts", "nasbenchnlp", "nds_resnet")


def list_seeds(space: str) -> Callable[[Path], list[bytes]]:
    def seeds(folder: Path) -> list[bytes]:
        names = architectures(space)
        table = pd.DataFrame({"architecture": names, "score": range(len(names))})
        return [
            "\n".join(names).encode(),
            table.to_csv(index=False).encode(),
            json.dumps(names).encode(),
            json.dumps({name: {"accuracy": 1.5} for name in names}).encode(),
            f"archs = {names!r}\n".encode(),
            "".join(f"epoch 3: {name} acc=0.5\n" for name in names).encode(),
        ]

    return seeds


for _space in LISTED:
    TARGETS[f"list-{_space}"] = Target(
        list_seeds(_space),
        in_file("list", lambda path, space=_space: read_architectures(path, spaces[space])),
        1500,
    )
for _notation in spaces["nasbench201"].notations:
    TARGETS[f"notation-{_notation}"] = Target(
        of_text("4 0 3 1 4 3\n2 1 0 3 4 1\n", "(4, 0, 3, 1, 4, 3)", "[[4, 0, 3, 1, 4, 3]]", A),
        in_file(
            "list",
            lambda path, notation=_notation: read_architectures(
                path, spaces["nasbench201"], notation=notation
            ),
        ),
        1500,
    )

SCORES_CSV = f"architecture,naswot,params,dataset\n{A},1.5,2,cifar10\n{B},,3e-1,cifar10\n"
SUITE = {"cifar10": {A: {"naswot": {"score": 1.5, "time": 0.1}}, B: {"naswot": {"score": 2.5}}}}
TRUTH_CSV = f"architecture,test_accuracy,seed\n{A},91.5,0\n{B},88,0\n"


def parquet_of(*documents: str) -> Callable[[Path], list[bytes]]:
    def seeds(folder: Path) -> list[bytes]:
        return [
            pd.read_csv(io.StringIO(document)).to_parquet(index=False) for document in documents
        ]

    return seeds


for _suffix, _seeds in (
    ("csv", of_text(SCORES_CSV, SCORES_CSV.replace(",", ";"))),
    ("json", of_text(json.dumps(SUITE))),
    ("parquet", parquet_of(SCORES_CSV)),
):
    TARGETS[f"scores-of-others-{_suffix}"] = Target(
        _seeds,
        in_file(f"scores.{_suffix}", lambda path: select_file_scores(path, "nasbench201")),
        1500,
    )


def read_truth(path: Path) -> None:
    benchmark = FileBenchmark(path, space="nasbench201")
    for target in benchmark.targets():
        benchmark.table(target)
    benchmark.provenance.describe()


for _suffix, _seeds in (("csv", of_text(TRUTH_CSV)), ("parquet", parquet_of(TRUTH_CSV))):
    TARGETS[f"accuracies-{_suffix}"] = Target(_seeds, in_file(f"truth.{_suffix}", read_truth), 1500)
