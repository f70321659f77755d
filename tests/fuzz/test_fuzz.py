"""Parsers and readers answer any input with a result or an error of the project.

Every target has valid inputs, which are mutated. Whatever comes out: no other exception, no more
than 10 s of a processor and 3 GiB for an input, no process started, and no file written outside of
the temporary ones.

A few mutations of each target are tried in every run of the suite. `tox run -e fuzz` tries as many
as `UNTRAINED_FUZZ` says, over 100,000 by default; an input that fails is printed with its number
and comes again with the same number.
"""

from __future__ import annotations

import bz2
import io
import json
import os
import pickle
import random
import sqlite3
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from untrained.foundation import UntrainedError
from untrained.harness.analysis.score_file import select_file_scores
from untrained.harness.analysis.score_selection import select_stored_scores
from untrained.harness.data import inputs
from untrained.harness.data.datasets import datasets
from untrained.harness.data.image_conversion import convert_images
from untrained.harness.execution.run_log import read_log
from untrained.harness.gate.baseline_files import load_baseline, read_golden, read_values
from untrained.harness.gennas_tasks.losses import Journal
from untrained.harness.search.experiment.run_files import RUNS, STEPS, read_runs
from untrained.harness.search.experiment.study import SEARCH_STUDIES
from untrained.harness.study.shard import Shard
from untrained.harness.study.study_file import STUDIES
from untrained.indicators import Passes, Protocol
from untrained.indicators.regression.task_file import read_task
from untrained.results import Environment, Score, ScoreStore, current_environment
from untrained.results.store.merge import merge_stores
from untrained.spaces import spaces
from untrained.spaces.benchmarks.file_benchmark import FileBenchmark
from untrained.spaces.benchmarks.tables import read as read_table
from untrained.spaces.converters.conversion import convert
from untrained.spaces.converters.safe_pickle import PLAIN, load_inert_stream
from untrained.spaces.converters.xgboost_pickle import read_booster
from untrained.spaces.darts.ensemble import load_ensemble
from untrained.spaces.framework.architecture_file import read_architectures
from untrained.spaces.nds.record import format_record

COMMITTED = Path(__file__).parents[2] / "results" / "committed"
STORES = Path(__file__).parents[1] / "results" / "stores"
A = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|"
B = "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|"
SAMPLE = 10
"""Inputs of a target in every run of the suite, at most; of a slow one fewer."""


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


# --- stores, exports, baselines, kept searches ---


def make_store(folder: Path) -> Path:
    path = folder / "seed.sqlite"
    if not path.exists():
        protocol = Protocol()
        key = {"space": "nasbench201", "indicator": "params", "version": 1, "seed": 0}
        with ScoreStore(path) as store:
            store.put(
                [
                    Score(architecture=one, protocol=protocol.digest, value=1.0, **key)
                    for one in (A, B)
                ],
                current_environment(device="cpu", threads=1),
            )
            store.put_protocol(protocol.digest, protocol.canonical)
    return path


def read_store(path: Path) -> None:
    with ScoreStore.read(path) as store:
        select_stored_scores(store)
        store.environments()
        store.costs()
        store.count_by_status()


ODD_VALUES = [
    *(None, "text", b"\xff\xfe", 2**63 - 1, -1, 0.5, float("inf"), "1" * 5000, "[" * 5000, "{}"),
    *("", "ok", "error", "null", "\x00", '{"torch": []}', "é" * 999, '{"dataset": 1}'),
]
COLUMNS_OF = {
    "meta": ("value",),
    "network": ("space", "architecture"),
    "indicator": ("name", "version"),
    "protocol": ("digest", "canonical"),
    "environment": ("digest", "canonical"),
    "score": ("seed", "value", "status", "reason", "alone_s", "peak_bytes", "representative"),
}


def read_edited_store(content: bytes, folder: Path) -> None:
    """Read a store in which a field has an odd value; the bytes choose which."""
    rng = random.Random(content)
    path = folder / "edited.sqlite"
    path.write_bytes(make_store(folder).read_bytes())
    table = rng.choice(list(COLUMNS_OF))
    column = rng.choice(COLUMNS_OF[table])
    with closing(sqlite3.connect(path)) as connection:
        try:
            with connection:
                connection.execute(f"UPDATE {table} SET {column} = ?", [rng.choice(ODD_VALUES)])
        except sqlite3.Error:
            return
    read_store(path)


def merge_damaged(path: Path) -> None:
    output = path.with_name("merged.sqlite")
    output.unlink(missing_ok=True)
    good = make_store(path.parent)
    try:
        merge_stores([good, path], output, canonical_of=lambda space: None)
    finally:
        assert output.exists() or not list(path.parent.glob(".merged*"))
        if output.exists():
            read_store(good)


def stores(folder: Path) -> list[bytes]:
    return [make_store(folder).read_bytes(), *(p.read_bytes() for p in sorted(STORES.iterdir()))]


TARGETS["store"] = Target(stores, in_file("s.sqlite", read_store), 2500)
TARGETS["store-values"] = Target(of_text("a", "b"), read_edited_store, 2500)
TARGETS["merge"] = Target(stores, in_file("m.sqlite", merge_damaged), 1000)


def exports(folder: Path) -> list[bytes]:
    with ScoreStore(make_store(folder)) as store:
        return [store.export(folder / "seed.parquet").read_bytes()]


def read_edited_export(content: bytes, folder: Path) -> None:
    """Read an export of which a column or a text about it is odd; the bytes choose which."""
    rng = random.Random(content)
    path = folder / "edited.parquet"
    table = pq.read_table(io.BytesIO(exports(folder)[0]))
    if rng.random() < 0.5:
        value = rng.choice(ODD_VALUES)
        place = rng.randrange(table.num_columns)
        name = rng.choice((table.column_names[place], "x", "space"))
        table = table.set_column(place, name, pa.array([value, None][: table.num_rows]))
    else:
        metadata = dict(table.schema.metadata)
        metadata[rng.choice(sorted(metadata))] = content
        table = table.replace_schema_metadata(metadata)
    pq.write_table(table, path)
    read_store(path)


TARGETS["export"] = Target(exports, in_file("e.parquet", read_store), 2000)
TARGETS["export-values"] = Target(
    of_text('{"1": "{}"}', '{"p": "[]"}', "{", "[1]"), read_edited_export, 2000
)

GATE = COMMITTED / "baselines" / "nasbench201-gate"


def gate_file(name: str) -> Callable[[Path], list[bytes]]:
    return lambda folder: [b"".join((GATE / name).read_bytes().splitlines(keepends=True)[:8])]


def read_baseline(path: Path) -> None:
    for name in os.listdir(GATE):
        if name != path.name:
            (path.parent / name).write_bytes((GATE / name).read_bytes())
    load_baseline(str(path.parent))


TARGETS["golden"] = Target(
    gate_file("golden.csv"),
    lambda content, folder: read_golden(text_of_file(content), folder / "golden.csv"),
    2000,
)
TARGETS["gate-values"] = Target(
    gate_file("networks.csv"),
    lambda content, folder: read_values(text_of_file(content), folder / "networks.csv"),
    2000,
)
TARGETS["provenance"] = Target(
    lambda folder: [(GATE / "provenance.json").read_bytes()],
    in_file("provenance.json", read_baseline),
    500,
)


def run_rows(folder: Path) -> list[bytes]:
    row = {"search": "a", "run": 0, "architecture": "x", "evaluations": 2, "cost_s": 1.0}
    steps = {"step": [0], "cost_s": [1.0], "evaluations": [1], "incumbent": ["x"]}
    pd.DataFrame({**steps, "search": ["a"], "run": [0]}).to_parquet(folder / STEPS)
    return [pd.DataFrame([{**row, "stopped": "done"}]).to_csv(index=False).encode()]


def step_rows(folder: Path) -> list[bytes]:
    (folder / RUNS).write_bytes(run_rows(folder)[0])
    return [(folder / STEPS).read_bytes()]


TARGETS["kept-runs"] = Target(run_rows, in_file(RUNS, lambda path: read_runs(path.parent)), 1500)
TARGETS["kept-steps"] = Target(step_rows, in_file(STEPS, lambda path: read_runs(path.parent)), 1000)


# --- images ---


def picture(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (9, 80, 200)).save(stream, kind)
    return stream.getvalue()


def image_table(content: bytes, folder: Path) -> bytes:
    stream = io.BytesIO()
    cells = pa.array([{"bytes": content, "path": None}])
    pq.write_table(pa.table({"img": cells, "label": pa.array([3])}), stream)
    return stream.getvalue()


def read_image_file(content: bytes, folder: Path) -> None:
    path = folder / "images" / datasets["cifar10"].file_name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    inputs.read_images(datasets["cifar10"], [0])


def pictures(folder: Path) -> list[bytes]:
    return [picture("PNG"), picture("JPEG"), picture("GIF"), picture("BMP")]


TARGETS["image-table"] = Target(
    lambda folder: [image_table(picture("PNG"), folder)], read_image_file, 1500
)
TARGETS["picture"] = Target(
    pictures, lambda content, folder: read_image_file(image_table(content, folder), folder), 4000
)


def image_archives(folder: Path) -> list[bytes]:
    batch = {"data": np.zeros((2, 3072), np.uint8), "labels": [0, 1]}
    found = []
    for mode in ("", "gz", "xz"):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=f"w:{mode}") as archive:
            for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
                content = pickle.dumps(batch, protocol=2)
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        found.append(stream.getvalue())
    return found


TARGETS["image-archive"] = Target(
    image_archives,
    in_file(
        "cifar-10-python.tar",
        lambda path: convert_images(
            "cifar10-images", path, folder=path.parent / "out", replace=True
        ),
    ),
    1000,
)


# --- official files ---


class Malicious:
    """Asks the reader of a pickle to start a process."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("exit 1",)


def inert(content: bytes, folder: Path) -> object:
    return load_inert_stream(io.BytesIO(content), Path("f.pickle"), plain=PLAIN)


TARGETS["pickle"] = Target(
    lambda folder: [
        *(pickle.dumps({"a": np.arange(3), "b": [1.5, "x"]}, protocol=k) for k in range(5)),
        *(pickle.dumps([Malicious()], protocol=k) for k in (0, 2, 4)),
    ],
    inert,
    5000,
)
TARGETS["xgboost-pickle"] = Target(
    lambda folder: [pickle.dumps({"handle": b"CONFIG-offset:" + bytes(99)}), pickle.dumps([1])],
    lambda content, folder: read_booster(io.BytesIO(content), Path("f")),
    1000,
    (UntrainedError, ValueError, TypeError, AttributeError, struct.error),
)


def ensembles(folder: Path) -> list[bytes]:
    stream = io.BytesIO()
    np.savez(stream, roots=np.arange(3), values=np.zeros(3, np.float32))
    return [stream.getvalue()]


TARGETS["ensemble"] = Target(ensembles, in_file("trees.npz", load_ensemble), 1000)


def converted(name: str, file: str) -> Callable[[bytes, Path], object]:
    def read(path: Path) -> object:
        return convert(name, path, folder=path.parent / "converted", replace=True)

    return in_file(file, read)


NET = {
    "block_type": "res_basic_block",
    "bot_muls": [],
    "ds": [1, 2, 2, 1],
    "num_gs": [],
    "ss": [1, 1, 2, 2],
    "ws": [16, 16, 32, 64],
}
NDS = [
    {
        "net": NET,
        "optim": {"base_lr": 0.1, "wd": 0.0005, "max_ep": 2},
        "test_ep_top1": [50.0, 12.5],
        "params": 250_000,
        "flops": 2_000_000,
    }
]
assert format_record("ResNet", NET)
MACRO = {"00000000": {"test_acc": [88.0, 89.0], "params": 1_500_000, "flops": 60_000_000}}
RNN = {
    "f": {"op": "linear", "input": ["x", "h_prev_0"]},
    "h_new_0": {"op": "activation_tanh", "input": ["f"]},
}
NLP = {
    "data": "data/ptb",
    "recepie": json.dumps(RNN),
    "epochs": 1,
    "num_params": 10_000_000,
    "wall_times": [4.0],
    **{name: [7.0] for name in ("train_losses", "val_losses", "test_losses")},
    "status": "OK",
}


def zipped(name: str, content: object) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, json.dumps(content))
    return stream.getvalue()


def run_of_201(epochs: int) -> dict[str, Any]:
    names = ["ori-test"]
    record = {
        **{"name": "infer.tiny", "net_state_dict": None, "params": 0.5, "flop": 80.0, "seed": 777},
        **{"epochs": epochs, "latency": [0.01], "eval_names": names},
        "train_times": dict.fromkeys(range(epochs), 2.0),
        "train_acc1es": dict.fromkeys(range(epochs), 50.0),
        "train_losses": dict.fromkeys(range(epochs), 1.0),
        "eval_acc1es": {f"ori-test@{e}": 60.0 for e in range(epochs)},
        "eval_times": {f"ori-test@{e}": 0.5 for e in range(epochs)},
    }
    return {"all_results": {("cifar10", 777): record}}


def official_201() -> dict[str, Any]:
    schedules = {"less": run_of_201(12), "full": run_of_201(200)}
    return {"meta_archs": [A], "arch2infos": {0: schedules}}


def torch_bytes(content: object) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def natsbench() -> bytes:
    content = {"meta_archs": [A], "arch2infos": {0: {"12": run_of_201(12)}}}
    return bz2.compress(pickle.dumps(content, protocol=4))


def tfrecord() -> bytes:
    data = json.dumps(["hash", 108, "0100", "input,output", "CgAQAQ=="]).encode()
    return struct.pack("<Q", len(data)) + bytes(4) + data + bytes(4)


for _name, _file, _seeds in (
    ("nasbench101", "x.tfrecord", lambda: [tfrecord()]),
    ("nasbench201", "x.pth", lambda: [torch_bytes(official_201())]),
    ("natsbench_tss", "x.pickle.pbz2", lambda: [natsbench()]),
    (
        "nasbench201-analog",
        "data.anb",
        lambda: [pickle.dumps({(0, 1): Malicious()}), b"\x80\x04}."],
    ),
    ("nasbenchmacro", "nas-bench-macro_cifar10.json", lambda: [json.dumps(MACRO).encode()]),
    ("nasbenchnlp", "log.json", lambda: [json.dumps(NLP).encode(), zipped("a.json", NLP)]),
    ("nds_resnet", "ResNet.json", lambda: [json.dumps(NDS).encode(), zipped("ResNet.json", NDS)]),
    ("transnasbench101_micro", "x.pth", lambda: [torch_bytes({"data": {"micro": {}}})]),
):
    TARGETS[f"official-{_name}"] = Target(
        lambda folder, seeds=_seeds: seeds(), converted(_name, _file), 1200
    )


def tables(folder: Path) -> list[bytes]:
    source = folder / "nas-bench-macro_cifar10.json"
    source.write_text(json.dumps(MACRO))
    return [convert("nasbenchmacro", source, folder=folder, replace=True).path.read_bytes()]


def read_targets(path: Path) -> None:
    table = read_table(path)
    for target in table.targets[:5]:
        with suppress(ValueError):  # an architecture that occurs twice, as documented
            table.series(target)


TARGETS["table"] = Target(tables, in_file("t.parquet", read_targets), 2000)


# --- the tests ---


def attempt(
    name: str, numbers: range, folder: Path, mutate: Callable[..., bytes], watched: Any
) -> None:
    """Try numbered mutations of a target's inputs.

    Raises:
        AssertionError: one had another end than a result or an error of the project.
    """
    target = TARGETS[name]
    seeds = target.seeds(folder)
    for seed in seeds:  # imports what is imported at the first use
        with suppress(target.allowed):
            target.read(seed, folder)
    for number in numbers:
        content = mutate(seeds, random.Random(f"{name} {number}"))
        try:
            with suppress(target.allowed), watched():
                target.read(content, folder)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise AssertionError(
                f"{name}, input {number}: {type(error).__name__}: {str(error)[:300]}; "
                f"{len(content)} bytes: {content[:300]!r}"
            ) from error


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TARGETS)
def test_a_few_inputs(name: str, folder: Path, mutate, watched) -> None:
    attempt(name, range(min(SAMPLE, TARGETS[name].share // 250)), folder, mutate, watched)


WHOLE = int(os.environ.get("UNTRAINED_FUZZ", "0"))
SHARES = sum(target.share for target in TARGETS.values())


def test_the_whole_run_has_over_100_000_inputs() -> None:
    assert SHARES > 100_000


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not WHOLE, reason="`tox run -e fuzz` runs it; UNTRAINED_FUZZ: how many inputs")
@pytest.mark.parametrize("name", TARGETS if WHOLE else ["none"])
def test_many_inputs(name: str, folder: Path, mutate, watched) -> None:
    count = TARGETS[name].share * WHOLE // SHARES
    attempt(name, range(SAMPLE, SAMPLE + count), folder, mutate, watched)
