"""Files with changed bytes and values: read, or refused with an error of the project."""

from __future__ import annotations

import io
import json
import sqlite3
import tarfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from untrained.foundation import MalformedInput, StorageError, UserError
from untrained.harness.analysis.score_file import select_file_scores
from untrained.harness.analysis.score_selection import select_stored_scores
from untrained.harness.data import inputs
from untrained.harness.data.datasets import datasets
from untrained.harness.data.image_conversion import convert_images
from untrained.harness.gate.baseline_files import read_rows
from untrained.harness.gennas_tasks.losses import Journal
from untrained.harness.search.experiment.run_files import RUNS, STEPS, read_runs
from untrained.harness.study.study_file import parse_study
from untrained.indicators import Protocol
from untrained.indicators.regression.task_file import read_task
from untrained.results import Score, ScoreStore, current_environment
from untrained.spaces.benchmarks.file_benchmark import FileBenchmark
from untrained.spaces.framework.architecture_file import split_table

DEEP = "[" * 5000 + "]" * 5000
ODD = ("NaN", "Infinity", "null", '"text"', "[]", "{}", "true", "-1", "1" * 5000, DEEP, '"\\ud800"')
ENVIRONMENT = current_environment(device="cpu", threads=1)
few = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
places = st.integers(0, 100_000)
values = st.sampled_from(ODD)


def changed(content: bytes, place: int, byte: int) -> bytes:
    """The content with one byte changed, or cut at that place where `byte` is 256."""
    place %= len(content)
    if byte == 256:
        return content[:place]
    return content[:place] + bytes([byte]) + content[place + 1 :]


def with_value(document: str, place: int, value: str) -> str:
    """The JSON text of an object with one value replaced."""
    fields = json.loads(document)
    name = sorted(fields)[place % len(fields)]
    return json.dumps({**fields, name: "@@"}).replace('"@@"', value)


@few
@given(places, values)
@example(0, '{"a": 1}')
def test_protocols(place, value):
    with suppress(MalformedInput):
        protocol = Protocol.from_json(with_value(Protocol().canonical, place, value))
        protocol.describe().encode()
        assert Protocol.from_json(protocol.canonical) == protocol


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"x": 1}', DEEP, "1" * 5000])
def test_what_is_no_protocol_says_so(text):
    with pytest.raises(MalformedInput, match="cannot read a protocol: "):
        Protocol.from_json(text)


def test_a_field_that_protocols_lack_is_named():
    text = json.dumps({**json.loads(Protocol().canonical), "temperature": 1})
    with pytest.raises(MalformedInput, match="'temperature' is unknown"):
        Protocol.from_json(text)


def make_store(path: Path) -> Path:
    with ScoreStore(path) as store:
        protocol = Protocol()
        key = {"space": "nasbench201", "indicator": "params", "version": 1, "seed": 0}
        texts = [
            f"|{a}~0|+|none~0|none~1|+|none~0|none~1|none~2|" for a in ("none", "skip_connect")
        ]
        scores = [
            Score(architecture=text, protocol=protocol.digest, value=1.0, **key) for text in texts
        ]
        store.put(scores, ENVIRONMENT)
        store.put_protocol(protocol.digest, protocol.canonical)
    return path


def read_all(path: Path) -> None:
    with ScoreStore.read(path) as store:
        select_stored_scores(store)
        store.environments()


@few
@given(places, st.integers(0, 256))
def test_stores(tmp_path, place, byte):
    path = tmp_path / "s.sqlite"
    path.unlink(missing_ok=True)
    content = make_store(path).read_bytes()
    path.write_bytes(changed(content, place, byte))
    with suppress(UserError):
        read_all(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE protocol SET canonical = '{'",
        "UPDATE protocol SET canonical = '[]'",
        "UPDATE environment SET canonical = '{'",
        "UPDATE environment SET canonical = '{\"torch\": []}'",
        "UPDATE score SET value = 'text'",
        "UPDATE score SET seed = 'text'",
        "UPDATE network SET architecture = CAST(x'ff' AS TEXT) WHERE id = 1",
    ],
)
def test_stores_with_other_values(tmp_path, statement):
    path = make_store(tmp_path / "s.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises((MalformedInput, StorageError), match=r"s\.sqlite"):
        read_all(path)


@few
@given(places, st.integers(0, 256))
def test_exports(tmp_path, place, byte):
    path = tmp_path / "scores.parquet"
    if not (tmp_path / "whole").exists():
        with ScoreStore(make_store(tmp_path / "s.sqlite")) as store:
            (tmp_path / "whole").write_bytes(store.export(path).read_bytes())
    path.write_bytes(changed((tmp_path / "whole").read_bytes(), place, byte))
    with suppress(UserError):
        read_all(path)


@pytest.mark.parametrize("column", ["version", "seed", "value", "environment", "status"])
@pytest.mark.parametrize("value", ["text", None, b"\xff", 2**64])
def test_exports_with_other_columns(tmp_path, column, value):
    with ScoreStore(make_store(tmp_path / "s.sqlite")) as store:
        path = store.export(tmp_path / "scores.parquet")
    table = pq.read_table(path)
    place = table.column_names.index(column)
    kind = pa.uint64() if value == 2**64 else None
    other = pa.array([value if kind is None else 2**64 - 1] * 2, kind)
    pq.write_table(table.set_column(place, column, other), path)
    with suppress(UserError):
        read_all(path)


@pytest.mark.parametrize("column", ["architecture", "reason", "status", "indicator", "seed"])
def test_exports_with_empty_entries_are_refused(tmp_path, column):
    with ScoreStore(make_store(tmp_path / "s.sqlite")) as store:
        path = store.export(tmp_path / "scores.parquet")
    table = pq.read_table(path)
    place = table.column_names.index(column)
    empty = pa.array([table[column][0].as_py(), None], table[column].type)
    pq.write_table(table.set_column(place, column, empty), path)
    with pytest.raises(MalformedInput, match=f"its column {column} has empty entries"):
        read_all(path)


LONG = "x" * 200_000
NO_CSV = [f"architecture,a\n{LONG},1\n", "architecture,a\nx\ry,1\n", f"architecture,{LONG}\n"]


@pytest.mark.parametrize("text", NO_CSV)
def test_tables_that_are_no_csv(tmp_path, text):
    path = tmp_path / "scores.csv"
    path.write_text(text, newline="")
    with pytest.raises(MalformedInput, match=r"scores\.csv"):
        split_table(path, text)
    with pytest.raises(MalformedInput, match=r"scores\.csv:"):
        list(read_rows(text, path, ["architecture", "a"]))


@pytest.mark.parametrize("name", ["untrained.protocols", "untrained.environments"])
@pytest.mark.parametrize("text", ["{", "[]", '{"x": 1}', '{"x": "y"}', DEEP])
def test_exports_with_other_metadata(tmp_path, name, text):
    with ScoreStore(make_store(tmp_path / "s.sqlite")) as store:
        path = store.export(tmp_path / "scores.parquet")
    table = pq.read_table(path)
    metadata = {**table.schema.metadata, name.encode(): text.encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(UserError, match=r"scores\.parquet"):
        read_all(path)


@pytest.mark.parametrize("pandas", [b'{"columns": [{"name": "x"}]}', b"[]", b"7", b"{"])
def test_tables_with_other_metadata_of_pandas(tmp_path, pandas):
    """The KeyError of pandas is no ValueError."""
    path = tmp_path / "truth.parquet"
    architecture = "|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
    table = pa.table({"architecture": [architecture], "accuracy": [1.5]})
    pq.write_table(table.replace_schema_metadata({b"pandas": pandas}), path)
    with suppress(UserError):
        FileBenchmark(path, space="nasbench201").targets()
    with suppress(UserError):
        select_file_scores(path, "nasbench201")


def test_tables_with_texts_that_are_no_unicode(tmp_path):
    path = tmp_path / "truth.parquet"
    text = pa.Array.from_buffers(
        pa.utf8(), 1, [None, pa.py_buffer(np.int32([0, 3]).tobytes()), pa.py_buffer(b"|\xff|")]
    )
    pq.write_table(pa.table({"architecture": text, "accuracy": [1.5]}), path)
    with pytest.raises(MalformedInput, match=r"truth\.parquet"):
        FileBenchmark(path, space="nasbench201").targets()
    with pytest.raises(MalformedInput, match=r"truth\.parquet"):
        select_file_scores(path, "nasbench201")


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
NUMBERS = ("1" * 5000, "0x" + "f" * 5000, "1" * 400, "1e308", "inf", "-1", "9223372036854775808")


@few
@given(st.sampled_from(["3", "0.5", "1.0", "0.25"]), st.sampled_from((*NUMBERS, DEEP, "'x'")))
def test_gennas_tasks(tmp_path, old, new):
    path = tmp_path / "task.toml"
    path.write_text(TASK.replace(old, new, 1))
    with suppress(MalformedInput):
        read_task(path)


@few
@given(places, st.integers(0, 256))
def test_gennas_tasks_with_other_bytes(tmp_path, place, byte):
    path = tmp_path / "task.toml"
    path.write_bytes(changed(TASK.encode(), place, byte))
    with suppress(MalformedInput):
        read_task(path)


@pytest.mark.parametrize("value", [*NUMBERS, DEEP])
def test_studies(value):
    with pytest.raises(MalformedInput, match=r"s\.toml"):
        parse_study(f"seeds = [{value}, 'x']\n", place="s.toml", command="run")


@few
@given(st.sampled_from(["loss", "seconds", "task", "architecture"]), values)
@example("loss", "1" * 400)
@example("seconds", "1" * 400)
def test_journals(tmp_path, name, value):
    path = tmp_path / "journal.jsonl"
    path.unlink(missing_ok=True)
    with Journal(path, {"space": "x"}) as journal:
        journal.add("a", "b", 0.5, 1.0)
    header, row = path.read_text().splitlines()
    fields = {**json.loads(row), name: "@@"}
    path.write_text("\n".join([header, json.dumps(fields).replace('"@@"', value), ""]))
    with suppress(MalformedInput), Journal(path, {"space": "x"}):
        pass


@few
@given(st.sampled_from(["run", "evaluations", "cost_s", "search", "stopped"]), values)
def test_runs_of_searches(tmp_path, column, value):
    runs = {"search": "a", "run": 0, "architecture": "x", "evaluations": 2, "cost_s": 1.0}
    row = {**runs, "stopped": "done", column: value}
    pd.DataFrame([row]).to_csv(tmp_path / RUNS, index=False)
    steps = {"step": [0], "cost_s": [1.0], "evaluations": [1], "incumbent": ["x"]}
    pd.DataFrame({**steps, "search": ["a"], "run": [0]}).to_parquet(tmp_path / STEPS)
    with suppress(MalformedInput):
        read_runs(tmp_path)


@pytest.mark.parametrize("value", ["text", "NaN", ""])
def test_a_run_without_a_cost_is_refused(tmp_path, value):
    test_runs_of_searches.hypothesis.inner_test(tmp_path, "cost_s", "1.0")
    text = (tmp_path / RUNS).read_text()
    (tmp_path / RUNS).write_text(text.replace("1.0", value))
    with pytest.raises(MalformedInput, match="its runs cannot be read"):
        read_runs(tmp_path)


def picture(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32)).save(stream, kind)
    return stream.getvalue()


def write_pictures(path: Path, content: bytes, label: pa.Array) -> None:
    cells = pa.array([{"bytes": content, "path": None}])
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({"img": cells, "label": label}), path)


@pytest.fixture
def image_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNTRAINED_DATA", str(tmp_path))
    return tmp_path / "images" / datasets["cifar10"].file_name


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_pictures_are_png_or_jpeg(image_path, kind):
    write_pictures(image_path, picture(kind), pa.array([3]))
    assert inputs.read_images(datasets["cifar10"], [0])[0].shape == (1, 3, 32, 32)


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"


@pytest.mark.parametrize("content", [picture("GIF"), picture("BMP"), POSTSCRIPT])
def test_other_pictures_start_no_decoder(image_path, content, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program was started"))
    write_pictures(image_path, content, pa.array([3]))
    with pytest.raises(MalformedInput, match="a PNG or JPEG file"):
        inputs.read_images(datasets["cifar10"], [0])


def test_labels_beyond_any_class(image_path):
    write_pictures(image_path, picture("PNG"), pa.array([2**64 - 1], pa.uint64()))
    with pytest.raises(MalformedInput, match="classes 0 to 9"):
        inputs.read_images(datasets["cifar10"], [0])


@few
@given(places, st.integers(0, 256), st.booleans())
def test_images(image_path, place, byte, inside):
    content = picture("PNG")
    write_pictures(image_path, changed(content, place, byte) if inside else content, pa.array([3]))
    if not inside:
        image_path.write_bytes(changed(image_path.read_bytes(), place, byte))
    with suppress(UserError):
        inputs.read_images(datasets["cifar10"], [0])


@pytest.mark.parametrize("mode", ["xz", "gz", "bz2"])
def test_archives_of_images(tmp_path, mode):
    rng = np.random.default_rng(0)
    path = tmp_path / f"cifar-10-python.tar.{mode}"
    with tarfile.open(path, f"w:{mode}") as archive:
        for name in ("data_batch_1", "test_batch"):
            info = tarfile.TarInfo(name)
            info.size = 2000
            archive.addfile(info, io.BytesIO(rng.bytes(2000)))
    content = path.read_bytes()
    for place in rng.integers(0, len(content), 40):
        path.write_bytes(changed(content, int(place), int(rng.integers(0, 257))))
        with suppress(UserError):
            convert_images("cifar10-images", path, folder=tmp_path / "out", replace=True)
