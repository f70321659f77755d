"""The batches that a protocol stands for."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from untrained.foundation import MalformedInput, derive
from untrained.harness.data.datasets import find_dataset
from untrained.harness.data.images import image_source, random_crops, read_images
from untrained.indicators import Protocol

Batch = tuple[Tensor, Tensor | None]
"""Inputs (batch_size, in_channels, resolution, resolution), labels (batch_size,)."""

_NO_BATCH_SIZE = 2  # a score that looks at no batch still needs one to be shown the shape


@lru_cache(maxsize=16)
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
    dtype = torch.float64 if protocol.dtype == "float64" else torch.float32
    if protocol.inputs == "none":
        shape = (_NO_BATCH_SIZE, protocol.in_channels, protocol.resolution, protocol.resolution)
        return ((torch.ones(shape, dtype=dtype), None),)
    pairs: list[tuple[Tensor, Tensor | None]]
    if protocol.inputs == "images":
        pairs = _image_batches(protocol)
    else:
        pairs = [(_synthetic_inputs(protocol, b), None) for b in range(protocol.num_batches)]
    made: list[Batch] = []
    for b, (inputs, true_labels) in enumerate(pairs):
        labels = true_labels if protocol.labels == "true" else None
        if protocol.labels == "random":
            generator = torch.Generator().manual_seed(derive(protocol.data_seed, "labels", b))
            labels = torch.randint(
                protocol.num_classes, (protocol.batch_size,), generator=generator
            )
        made.append((inputs.to(dtype), labels))
    return tuple(made)


def _synthetic_inputs(protocol: Protocol, index: int) -> Tensor:
    side = protocol.resolution
    shape = (protocol.batch_size, protocol.in_channels, side, side)
    if protocol.inputs == "ones":
        return torch.ones(shape)
    generator = torch.Generator().manual_seed(derive(protocol.data_seed, "inputs", index))
    return torch.randn(shape, generator=generator)


def _image_batches(protocol: Protocol) -> list[tuple[Tensor, Tensor | None]]:
    dataset = find_dataset(protocol.dataset)
    if image_source(dataset) != protocol.source:
        raise MalformedInput(
            f"the images of {dataset.title} are not those of the protocol: SHA-256 "
            f"{image_source(dataset)[:16]} instead of {protocol.source[:16]}; put the file back, "
            "or score again with the new one"
        )
    pairs: list[tuple[Tensor, Tensor | None]] = []
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
