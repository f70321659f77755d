"""Readers and their valid inputs: stores, baselines, searches, images, official files."""

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
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from untrained.foundation import UntrainedError
from untrained.harness.analysis.score_selection import select_stored_scores
from untrained.harness.data import inputs
from untrained.harness.data.datasets import datasets
from untrained.harness.data.image_conversion import convert_images
from untrained.harness.gate.baseline_files import load_baseline, read_golden, read_values
from untrained.harness.search.experiment.run_files import RUNS, STEPS, read_runs
from untrained.indicators import Protocol
from untrained.results import Score, ScoreStore, current_environment
from untrained.results.store.merge import merge_stores
from untrained.spaces.benchmarks.tables import read as read_table
from untrained.spaces.converters.conversion import convert
from untrained.spaces.converters.safe_pickle import PLAIN, load_inert_stream
from untrained.spaces.converters.xgboost_pickle import read_booster
from untrained.spaces.darts.ensemble import load_ensemble
from untrained.spaces.nds.record import format_record

from .targets import (
    COMMITTED,
    STORES,
    TARGETS,
    A,
    B,
    Target,
    in_file,
    of_text,
    text_of_file,
)

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
