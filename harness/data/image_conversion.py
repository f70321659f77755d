"""Official batches of CIFAR and downsampled ImageNet, into the Parquet that runs read."""

from __future__ import annotations

import io
import lzma
import os
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from untrained.foundation import (
    READ_ERRORS,
    MalformedInput,
    MissingData,
    StorageError,
    UnknownName,
    UserError,
)
from untrained.harness.data.datasets import Dataset, datasets
from untrained.spaces import data_folder
from untrained.spaces.converters.safe_pickle import PLAIN, load_inert_stream

_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class _Layout:
    """Names and labels of a dataset's official batches."""

    takes: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    labels: str
    first_label: int = 0


_LAYOUTS = {
    "cifar10-images": _Layout(
        "cifar-10-python.tar.gz, or the folder cifar-10-batches-py",
        tuple(f"data_batch_{i}" for i in range(1, 6)),
        ("test_batch",),
        "labels",
    ),
    "cifar100-images": _Layout(
        "cifar-100-python.tar.gz, or the folder cifar-100-python",
        ("train",),
        ("test",),
        "fine_labels",
    ),
    "imagenet16-120-images": _Layout(
        "the folder with train_data_batch_1 to train_data_batch_10 and val_data of ImageNet16",
        tuple(f"train_data_batch_{i}" for i in range(1, 11)),
        ("val_data",),
        "labels",
        first_label=1,
    ),
}


def image_converters() -> dict[str, str]:
    """List the sources that images are converted from, by name."""
    return {name: layout.takes for name, layout in _LAYOUTS.items()}


def convert_images(
    name: str,
    source: Path,
    *,
    folder: Path | None = None,
    replace: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Path]:
    """Write `images/<dataset>-train.parquet` and `-test.parquet` from official batches.

    Columns: img {bytes: PNG, path} and label (int64, from 0). Classes beyond the dataset's own (of
    ImageNet16-120: beyond the first 120) are left out. Nothing that a batch names is run.

    Args:
        name: `<dataset>-images`.
        folder: data folder to write into; by default that of the user.

    Raises:
        UnknownName: no such converter.
        MissingData: the source or a batch in it is not there.
        UserError: a file is there already and `replace` is off.
        MalformedInput: a batch is not what it should be; no file is changed.
        StorageError: a file cannot be written.
    """
    if name not in _LAYOUTS:
        raise UnknownName("converter", name, _LAYOUTS)
    layout, dataset = _LAYOUTS[name], datasets[name.removesuffix("-images")]
    if not source.exists():
        raise MissingData(f"{source} does not exist; {name} is converted from {layout.takes}")
    images = (folder or data_folder()) / "images"
    wanted = {
        images / f"{dataset.name}-{split}.parquet": batches
        for split, batches in (("train", layout.train), ("test", layout.test))
    }
    there = [path for path in wanted if path.exists()]
    if there and not replace:
        raise UserError(f"{there[0]} exists already; move it away, or say --replace")
    done = 0
    partials: dict[Path, Path] = {}
    try:
        images.mkdir(parents=True, exist_ok=True)
        for path, batches in wanted.items():
            partials[path] = path.with_name(f".{path.name}.partial")
            with partials[path].open("wb") as file:
                read = (_read(source, batch, layout, dataset) for batch in batches)
                for count in _write(file, read):
                    done += count
                    progress(done)
        for path, partial in partials.items():
            partial.replace(path)
    except OSError as error:
        raise StorageError(
            f"{images} cannot be written ({error.strerror or error}); nothing was left there; "
            "make room, or name another folder with --output"
        ) from error
    finally:
        for partial in partials.values():
            partial.unlink(missing_ok=True)
    return list(wanted)


def _write(
    file: IO[bytes], batches: Iterable[tuple[NDArray[np.uint8], NDArray[np.int64]]]
) -> Iterator[int]:
    """Write batches one after the other, and tell after every thousand how many there were."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    cell = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema([("img", cell), ("label", pa.int64())])
    with pq.ParquetWriter(file, schema) as writer:
        for pixels, labels in batches:
            for start in range(0, len(labels), _ROWS_AT_ONCE):
                part = slice(start, start + _ROWS_AT_ONCE)
                cells = [{"bytes": _png(picture), "path": None} for picture in pixels[part]]
                writer.write_table(pa.table({"img": cells, "label": labels[part]}, schema=schema))
                yield len(labels[part])
    file.flush()
    os.fsync(file.fileno())


def _png(picture: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def _read(
    source: Path, batch: str, layout: _Layout, dataset: Dataset
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pixels (n, height, width, 3) and labels (n,) of one batch, of the dataset's classes."""
    for opened in _opened(source, batch):
        content = load_inert_stream(opened, source / batch, plain=PLAIN, encoding="bytes")
        try:
            return _unpacked(content, layout, dataset)
        except READ_ERRORS as error:
            raise MalformedInput(
                f"{batch} of {source} is not a batch of {dataset.title} "
                f"({type(error).__name__}: {error}); expected is {layout.takes}"
            ) from error
    raise MissingData(f"{source} has no batch {batch}; expected is {layout.takes}")


def _unpacked(
    content: Any, layout: _Layout, dataset: Dataset
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    named = {k.decode() if isinstance(k, bytes) else k: v for k, v in content.items()}
    side = dataset.resolution
    pixels, labels = np.asarray(named["data"]), np.asarray(named[layout.labels])
    if pixels.dtype != np.uint8:
        raise ValueError(f"its pictures are {pixels.dtype} instead of uint8")
    if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iu"):
        raise ValueError(f"its labels are {labels.dtype} {labels.shape} instead of a list of them")
    pixels = pixels.reshape(-1, 3, side, side)
    labels = labels.astype(np.int64) - layout.first_label
    if len(labels) != len(pixels):
        raise ValueError(f"{len(pixels)} pictures have {len(labels)} labels")
    if labels.size and labels.min() < 0:
        raise ValueError(f"a label is {labels.min() + layout.first_label}")
    own = labels < dataset.num_classes
    return np.ascontiguousarray(pixels[own].transpose(0, 2, 3, 1)), labels[own]


def _opened(source: Path, batch: str) -> Iterator[IO[bytes]]:
    """The batch of that name, wherever in the archive or folder it lies."""
    if source.is_dir():
        for path in sorted(source.rglob(batch)):
            if path.is_file():
                with path.open("rb") as file:
                    yield file
        return
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                if member.isfile() and Path(member.name).name == batch:
                    content = archive.extractfile(member)
                    assert content is not None
                    yield content
    except (*READ_ERRORS, tarfile.TarError, lzma.LZMAError, zlib.error) as error:
        raise MalformedInput(
            f"{source} cannot be read as an archive ({type(error).__name__}: {error}); get an "
            "undamaged copy"
        ) from error
