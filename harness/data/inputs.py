"""The batches that a protocol stands for: image files, random crops, words, synthetic inputs."""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from untrained.foundation import READ_ERRORS, MalformedInput, MissingData, derive
from untrained.harness.data.datasets import Dataset, find_dataset, stand_ins
from untrained.indicators import Protocol
from untrained.indicators.framework.measurement import plain_defaults
from untrained.spaces import data_folder
from untrained.spaces.converters.download import sources

if TYPE_CHECKING:
    import pyarrow.parquet as pq


def random_crops(images: Tensor, *, size: int, channels: int, seed: int) -> Tensor:
    """One square piece of each image, every place equally likely.

    Each channel of a piece is a colour of the image at that place, drawn uniformly and
    independently of the other channels. Of fewer images the crops are the first ones.

    Args:
        images: (batch, colours, H, W).
        size: height and width of a piece, at most H and W.

    Returns:
        (batch, channels, size, size).
    """
    batch, colours, height, width = images.shape
    ends = [height - size + 1, width - size + 1, *[colours] * channels]
    drawn = torch.from_numpy(np.random.default_rng(seed).integers(ends, size=(batch, len(ends))))
    pieces = images.unfold(2, size, 1).unfold(3, size, 1)  # a view: (batch, colour, top, left, ...)
    image, top, left = torch.arange(batch)[:, None], drawn[:, :1], drawn[:, 1:2]
    return pieces[image, drawn[:, 2:], top, left]


def image_file(dataset: Dataset) -> Path:
    """Find the file of the dataset's training images.

    Raises:
        MissingData: the file is not there; the message says where it was looked for.
    """
    path = data_folder() / "images" / dataset.file_name
    if not path.is_file():
        present = sorted(p.name for p in path.parent.glob("*.parquet"))
        there = f"there are: {', '.join(present)}" if present else "there are no images"
        instead = "".join(
            f", or the stand-in {other.name}, which is there"
            for other in stand_ins(dataset.name)
            if other.file_name in present
        )
        source = sources().get(f"{dataset.name}-images")
        fetched = source is not None and source.address
        get = f"get them with: untrained data fetch {dataset.name}-images, or " if fetched else ""
        raise MissingData(
            f"images of {dataset.title} are needed, but {path} does not exist; {there}; {get}put a "
            "Parquet file with columns img (bytes, path) and label there, let UNTRAINED_DATA name "
            f"the folder that holds images/, or use Gaussian inputs{instead}"
        )
    return path


@lru_cache(maxsize=8)
def _digest(path: Path, _mtime_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def image_source(dataset: Dataset) -> str:
    """SHA-256 of the dataset's image file, in hexadecimal.

    Raises:
        MissingData: the file is not there.
    """
    path = image_file(dataset)
    return _digest(path, path.stat().st_mtime_ns)


def _open(path: Path) -> pq.ParquetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        file.schema_arrow  # noqa: B018 it is converted at the first use
    except (*READ_ERRORS, pa.ArrowException) as error:
        raise MalformedInput(
            f"{path} cannot be read as Parquet ({_first_line(error)}); it may be truncated: "
            "get the file again"
        ) from error
    if any(file.schema_arrow.names.count(name) != 1 for name in ("img", "label")):
        raise MalformedInput(
            f"{path} is not an image set: it has the columns {', '.join(file.schema_arrow.names)}; "
            "expected are img {bytes, path} and label, each once"
        )
    kind = file.schema_arrow.field("label").type
    if not pa.types.is_integer(kind):
        raise MalformedInput(
            f"{path} is not an image set: it has a column label of {kind} instead of whole "
            "numbers; write the number of each class, from 0"
        )
    return file


def num_images(dataset: Dataset) -> int:
    """Count the images in the dataset's file.

    Raises:
        MissingData: the file is not there.
        MalformedInput: it cannot be read.
    """
    return int(_open(image_file(dataset)).metadata.num_rows)


def read_images(
    dataset: Dataset, sample_ids: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The images in the given rows of the dataset's file, in the given order.

    Args:
        sample_ids: row numbers, from 0.

    Returns:
        Images of shape (len(sample_ids), channels, resolution, resolution), normalised to mean 0
        and standard deviation 1 per channel, and labels of shape (len(sample_ids),).

    Raises:
        MissingData: the file is not there, or has fewer rows than asked for.
        MalformedInput: the file, a picture in it or a label cannot be read.
    """
    import pyarrow as pa

    path = image_file(dataset)
    file = _open(path)
    if sample_ids and max(sample_ids) >= file.metadata.num_rows:
        raise MissingData(
            f"row {max(sample_ids)} of {path} is needed, but the file has only "
            f"{file.metadata.num_rows} images; get the whole set or use a smaller batch"
        )
    try:
        table = file.read(columns=["img", "label"]).take(pa.array(sample_ids, type=pa.int64()))
        rows, found = table.column("img").to_pylist(), table.column("label").to_pylist()
    except (*READ_ERRORS, pa.ArrowException) as error:
        raise MalformedInput(
            f"{path} cannot be read to its end ({_first_line(error)}); it may be truncated: "
            "get the file again"
        ) from error
    raw = np.stack(
        [_decode(row, path, i, dataset) for row, i in zip(rows, sample_ids, strict=True)]
    )
    if None in found:
        raise MalformedInput(
            f"{path}, row {sample_ids[found.index(None)]}: it has no label; get the file again, or "
            "leave the picture out"
        )
    if found and not 0 <= min(found) <= max(found) < dataset.num_classes:
        raise MalformedInput(
            f"{path} has labels {min(found)} to {max(found)}, but {dataset.title} has classes "
            f"0 to {dataset.num_classes - 1}; this is the file of another dataset"
        )
    labels = np.asarray(found, dtype=np.int64)
    mean, std = (np.asarray(c, dtype=np.float32) for c in (dataset.mean, dataset.std))
    images = ((raw.astype(np.float32) - mean) / std).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images), labels


def _decode(cell: object, path: Path, row: int, dataset: Dataset) -> NDArray[np.uint8]:
    """Decode one picture as (height, width, channels)."""
    from PIL import Image

    try:
        content = cell["bytes"]  # type: ignore[index]  # a cell of a foreign file: anything
        # other formats have decoders that start programs, or raise what they like
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
            decoded = picture.convert("RGB" if dataset.channels == 3 else "L")
            if dataset.enlarged_from and max(decoded.size) <= dataset.resolution:
                decoded = decoded.resize((dataset.resolution,) * 2, Image.Resampling.BICUBIC)
            pixels = np.asarray(decoded)
    except (*READ_ERRORS, SyntaxError, Image.DecompressionBombError) as error:
        raise MalformedInput(
            f"{path}, row {row}: the column img holds no picture ({_first_line(error)}); expected "
            "is a struct whose field bytes is a PNG or JPEG file: get the file again"
        ) from error
    pixels = pixels.reshape(*pixels.shape[:2], dataset.channels)
    expected = (dataset.resolution, dataset.resolution, dataset.channels)
    if pixels.shape != expected:
        raise MalformedInput(
            f"{path}, row {row}: the picture is {pixels.shape[1]} x {pixels.shape[0]} pixels, but "
            f"{dataset.title} has {expected[1]} x {expected[0]}; this is another dataset's file"
        )
    return pixels


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no details'}"


Batch = tuple[Tensor, Tensor | None]
"""Inputs (batch_size, in_channels, resolution, resolution), words (batch_size, resolution) or nodes
of a graph (batch_size, features); labels (batch_size,)."""

_NO_BATCH_SIZE = 2  # a score that looks at no batch still needs one to be shown the shape


_KEPT = 64  # all indicators on one dataset have 15 protocols


@lru_cache(maxsize=_KEPT)
@plain_defaults()
def batches(protocol: Protocol) -> tuple[Batch, ...]:
    """The batches of a protocol, on the CPU in its dtype; made once a process.

    Inputs and labels have random streams of their own, so the same inputs come with and without
    labels, and in either dtype (up to rounding: noise is drawn in float32). A thin network is
    shown random crops of the images.

    Returns:
        `num_batches` pairs; labels are int64, or None where the protocol has none.

    Raises:
        MissingData: the images are not there.
        MalformedInput: their file cannot be read or is not the one the protocol names.
    """
    dataset = find_dataset(protocol.dataset)
    if dataset.words:
        return tuple(word_batch(protocol, dataset, b) for b in range(protocol.num_batches))
    dtype = torch.float64 if protocol.dtype == "float64" else torch.float32
    if protocol.inputs == "none":
        shape = (_NO_BATCH_SIZE, *_sample_shape(protocol))
        return ((torch.ones(shape, dtype=dtype), None),)
    pairs: list[Batch]
    if protocol.inputs == "images":
        pairs = _image_batches(protocol)
    else:
        pairs = [(_synthetic_inputs(protocol, b), None) for b in range(protocol.num_batches)]
    made: list[Batch] = []
    for b, (inputs, true_labels) in enumerate(pairs):
        labels = true_labels if protocol.labels == "true" else None
        if protocol.labels == "random":
            labels = random_labels(protocol, b, protocol.batch_size)
        made.append((inputs.to(dtype), labels))
    return tuple(made)


def random_labels(protocol: Protocol, index: int, count: int) -> Tensor:
    """Draw the labels of one batch, (count,), from a random stream of their own."""
    generator = torch.Generator().manual_seed(derive(protocol.data_seed, "labels", index))
    return torch.randint(protocol.num_classes, (count,), generator=generator)


def batches_on(protocol: Protocol, device: str) -> tuple[Batch, ...]:
    """The batches of a protocol on a device; moved there once a process. See `batches`."""
    return batches(protocol) if device == "cpu" else _moved(protocol, device)


def forget_batches() -> None:
    """Drop the batches that this process keeps, of which something has changed one."""
    batches.cache_clear()
    _moved.cache_clear()


@lru_cache(maxsize=_KEPT)
def _moved(protocol: Protocol, device: str) -> tuple[Batch, ...]:
    return tuple(
        (inputs.to(device), None if labels is None else labels.to(device))
        for inputs, labels in batches(protocol)
    )


def _sample_shape(protocol: Protocol) -> tuple[int, ...]:
    """Channels, height and width; of a node its features."""
    if find_dataset(protocol.dataset).features and protocol.skeleton == "full":
        return (protocol.in_channels,)
    return protocol.in_channels, protocol.resolution, protocol.resolution


def _synthetic_inputs(protocol: Protocol, index: int) -> Tensor:
    shape = (protocol.batch_size, *_sample_shape(protocol))
    if protocol.inputs == "ones":
        return torch.ones(shape)
    generator = torch.Generator().manual_seed(derive(protocol.data_seed, "inputs", index))
    return torch.randn(shape, generator=generator)


def _image_batches(protocol: Protocol) -> list[Batch]:
    dataset = find_dataset(protocol.dataset)
    if image_source(dataset) != protocol.source:
        raise MalformedInput(
            f"the images of {dataset.title} are not those of the protocol: SHA-256 "
            f"{image_source(dataset)[:16]} instead of {protocol.source[:16]}; put the file back, "
            "or score again with the new one"
        )
    pairs: list[Batch] = []
    for b in range(protocol.num_batches):
        start = b * protocol.batch_size
        read = read_images(dataset, protocol.sample_ids[start : start + protocol.batch_size])
        images, labels = map(torch.from_numpy, read)
        if protocol.skeleton == "thin":
            images = random_crops(
                images,
                size=protocol.resolution,
                channels=protocol.in_channels,
                seed=derive(protocol.data_seed, "crops", b),
            )
        pairs.append((images, labels))
    return pairs


@cache
def text_words() -> Tensor:
    """Number the words and marks of the shipped text by how often they occur, from 1.

    The text is the beginning of Lewis Carroll's "Alice's Adventures in Wonderland" (1865), in lower
    case: 1,353 words and marks, of which 404 differ. Equally frequent ones are in the order of the
    alphabet.
    """
    text = files("untrained.harness.data").joinpath("alice.txt").read_text(encoding="utf-8")
    found = re.findall(r"[a-z']+|[^\sa-z]", text.lower())
    order = sorted(Counter(found).items(), key=lambda item: (-item[1], item[0]))
    number = {word: place for place, (word, _) in enumerate(order, 1)}
    return torch.tensor([number[word] for word in found])


def word_batch(protocol: Protocol, dataset: Dataset, index: int) -> Batch:
    """Make one batch of sequences of `resolution` words, (batch_size, resolution), and labels.

    Words are numbered from 1; 0 fills up sequences elsewhere. Drawn words are uniform over the
    vocabulary. Sequences of the text begin at random places, and go on at its beginning after its
    end. Labels are the word that follows where that is what the network tells and the text is
    given, else drawn.
    """
    size = (protocol.batch_size, protocol.resolution)
    labels = None
    if protocol.labels != "none":
        labels = random_labels(protocol, index, protocol.batch_size)
    if protocol.inputs in ("none", "ones"):
        return torch.ones(size, dtype=torch.int64), labels
    generator = torch.Generator().manual_seed(derive(protocol.data_seed, "inputs", index))
    if protocol.inputs != "text":
        drawn = torch.randint(1, dataset.words, size, generator=generator)
        return drawn, labels
    text = text_words()
    starts = torch.randint(len(text), (size[0], 1), generator=generator)
    taken = text[(starts + torch.arange(size[1] + 1)) % len(text)]
    if protocol.labels == "true":
        labels = taken[:, -1].contiguous()
    return taken[:, :-1].contiguous(), labels
