"""The conditions of a run, applied to the reference protocol of each indicator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from untrained.foundation import MalformedInput, derive
from untrained.harness.data.datasets import (
    SYNTHETIC_INPUTS,
    Dataset,
    check_input_source,
    find_dataset,
)
from untrained.harness.data.images import image_source, num_images
from untrained.harness.study.study import Study
from untrained.indicators import Protocol
from untrained.spaces import find_initialisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a run asks of every indicator, over its reference protocol."""

    inputs: str
    """`gaussian`, `ones` or the name of a dataset, whose images are meant."""
    dataset: str | None = None
    """Decides shape and classes; by default that of the images, else cifar10."""
    data_seed: int = 0
    shared: bool = False
    """One protocol for all indicators instead of the reference protocol of each."""
    batch_size: int | None = None
    channels: int | None = None
    cells: int | None = None
    resolution: int | None = None
    """Of synthetic inputs; images have their own."""
    initialisation: str | None = None
    """Of all networks whose weights matter as they are drawn; by default each protocol's own."""
    random_labels: bool = False
    """Labels drawn at random for images too, where an indicator looks at labels."""

    def check_initialisation(self) -> None:
        """Whether there is such an initialisation.

        Raises:
            UnknownName: there is none.
        """
        if self.initialisation is not None:
            find_initialisation(self.initialisation)

    def find_dataset(self) -> Dataset:
        """The dataset that decides shape, classes and normalisation.

        Raises:
            UnknownName: the inputs or the dataset do not exist.
            MalformedInput: images of one dataset are asked for with the shape of another.
        """
        source = check_input_source(self.inputs)
        own = None if source in SYNTHETIC_INPUTS else source
        if self.dataset is None:
            return find_dataset(own or "cifar10")
        if own is not None and own != self.dataset:
            raise MalformedInput(
                f"inputs are {own!r} images, but the dataset is {self.dataset!r}; images always "
                "come with the shape, labels and classes of their own dataset: leave the dataset "
                "out, or use gaussian inputs"
            )
        return find_dataset(self.dataset)


def conditions_of(study: Study) -> Conditions:
    """What a study asks of every indicator."""
    return Conditions(
        inputs=study.inputs,
        dataset=study.dataset,
        data_seed=study.seed,
        shared=study.protocol == "shared",
        batch_size=study.batch_size,
        channels=study.channels,
        cells=study.cells,
        resolution=study.resolution,
        initialisation=study.initialisation,
        random_labels=study.labels == "random",
    )


def resolve(
    reference: Protocol, conditions: Conditions, *, follows_initialisation: bool = True
) -> Protocol:
    """The protocol an indicator is measured under in a run.

    A score that looks at no batch (`inputs == "none"`) keeps its reference protocol but for the
    dataset's shape and classes and the network's size. Where labels are wanted and inputs are
    synthetic, labels are random.

    An indicator that its paper measures on noise keeps the noise, and a resolution of its own, in
    a run on images: AZ-NAS's progressivity ranks by chance on images. A protocol for all gives it
    images like the others.

    A thin network keeps its size, its batches and its inputs' shape, also under a protocol for all:
    channels, cells and batch size of a run are those of whole networks. Where it wants more images
    than there are, every image is drawn equally often, up to one time.

    Args:
        reference: the indicator's reference protocol.
        conditions: those of the run.
        follows_initialisation: whether the indicator does; else it keeps its protocol's.

    Returns:
        The protocol; for images with row numbers and the SHA-256 of their file.

    Raises:
        UnknownName: the inputs, the dataset or the initialisation do not exist.
        MalformedInput: more images are wanted than there are, or the file cannot be read.
        MissingData: the images are not there.
    """
    conditions.check_initialisation()
    dataset = conditions.find_dataset()
    looks_at_batch, thin = reference.inputs != "none", reference.skeleton == "thin"
    base = reference
    if conditions.shared and not thin:
        common = Protocol()
        base = reference.replace(channels=common.channels, cells=common.cells)
        if looks_at_batch:
            base = common.replace(num_batches=reference.num_batches)
    protocol = base.replace(dataset=dataset.name, num_classes=dataset.num_classes)
    on_noise = base.inputs == "gaussian"
    if not thin:
        protocol = protocol.replace(
            resolution=_resolution(base, dataset, conditions),
            channels=conditions.channels or base.channels,
            cells=conditions.cells or base.cells,
        )
    if conditions.initialisation is not None and follows_initialisation:
        protocol = protocol.replace(initialisation=conditions.initialisation)
    if not looks_at_batch:
        return protocol
    protocol = protocol.replace(data_seed=conditions.data_seed)
    if not thin:
        protocol = protocol.replace(batch_size=conditions.batch_size or base.batch_size)
    if conditions.inputs in SYNTHETIC_INPUTS or on_noise:
        return protocol.replace(
            inputs="gaussian" if on_noise and conditions.inputs != "ones" else conditions.inputs,
            labels="none" if protocol.labels == "none" else "random",
            sample_ids=(),
            source="",
        )
    random_labels = conditions.random_labels and protocol.labels != "none"
    return protocol.replace(
        inputs="images",
        labels="random" if random_labels else protocol.labels,
        sample_ids=_draw_images(dataset, protocol),
        source=image_source(dataset),
    )


def _resolution(base: Protocol, dataset: Dataset, conditions: Conditions) -> int:
    """Pixels a side: those asked for, else the indicator's own on noise, else the dataset's."""
    if conditions.resolution is not None and conditions.inputs in SYNTHETIC_INPUTS:
        return conditions.resolution
    if base.inputs == "gaussian" and base.resolution != Protocol().resolution:
        return base.resolution
    return dataset.resolution


def _draw_images(dataset: Dataset, protocol: Protocol) -> tuple[int, ...]:
    """Row numbers of all batches; smaller batches are prefixes of larger.

    No image twice; but crops of a few pixels do not exhaust an image, so those of a thin network
    go through the file again, in another order, once all images have been drawn.
    """
    wanted, available = protocol.batch_size * protocol.num_batches, num_images(dataset)
    if wanted > available and (protocol.skeleton != "thin" or not available):
        raise MalformedInput(
            f"a batch of {protocol.batch_size} x {protocol.num_batches} images of {dataset.title} "
            f"is wanted, but its file holds {available}; use a smaller batch size or a larger file"
        )
    rng = np.random.default_rng(derive(protocol.data_seed, "images", dataset.name))
    rows = rng.permutation(available)
    while len(rows) < wanted:
        rows = np.concatenate([rows, rng.permutation(available)])
    return tuple(int(i) for i in rows[:wanted])
