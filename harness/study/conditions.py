"""The conditions of a run, applied to the reference protocol of each indicator."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType

import numpy as np

from untrained.foundation import MalformedInput, MissingData, derive
from untrained.harness.data.datasets import Dataset
from untrained.harness.data.inputs import image_source, num_images
from untrained.harness.study.study import Conditions
from untrained.indicators import Protocol, indicators
from untrained.spaces import find_initialisation, spaces


def protocols(
    conditions: Conditions,
    names: Iterable[str],
    options: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
    *,
    space: str,
    recorded: Collection[Protocol] = (),
) -> dict[str, Protocol]:
    """Resolve the protocol of every named indicator, with its options; errors as in `resolve`."""
    return {
        item.id: resolve(
            item.protocol,
            conditions,
            follows_initialisation=item.follows_initialisation,
            least_cells=spaces[space].least_cells,
            recorded=recorded,
        ).replace(options=item.chosen(options.get(item.id, {})))
        for item in map(indicators.__getitem__, names)
    }


def resolve(
    reference: Protocol,
    conditions: Conditions,
    *,
    follows_initialisation: bool = True,
    least_cells: int = 1,
    recorded: Collection[Protocol] = (),
) -> Protocol:
    """The protocol an indicator is measured under in a run.

    A score that looks at no batch (`inputs == "none"`) keeps its reference protocol but for the
    dataset's shape and classes and the network's size. Where labels are wanted and inputs are
    synthetic, labels are random.

    An indicator that its paper measures on noise keeps the noise, and a resolution of its own, in
    a run on images: AZ-NAS's progressivity ranks by chance on images. A protocol for all gives it
    images like the others. The features of the nodes of a graph are always synthetic.

    A thin network keeps its size, its batches and its inputs' shape, also under a protocol for all:
    channels, cells and batch size of a run are those of whole networks. Where it wants more images
    than there are, every image is drawn equally often, up to one time.

    Args:
        follows_initialisation: whether the indicator does; else it keeps its protocol's.
        least_cells: of the networks, unless the run says their cells: those of the search space
            in which every kind of cell occurs.
        recorded: protocols of scores that are at hand. They say which images were shown where the
            images themselves are not there.

    Returns:
        The protocol; for images with row numbers and the SHA-256 of their file.

    Raises:
        UnknownName: the inputs, the dataset or the initialisation do not exist.
        MalformedInput: more images are wanted than there are, or the file cannot be read.
        MissingData: the images are not there, and no recorded protocol says which they were.
    """
    if conditions.initialisation is not None:
        find_initialisation(conditions.initialisation)
    dataset = conditions.find_dataset()
    if not dataset.words and conditions.inputs in ("words", "text"):
        raise MalformedInput(
            f"cannot give networks {conditions.inputs}: the dataset {dataset.name!r} has "
            f"{'nodes of a graph' if dataset.features else 'images'}. "
            "Name a dataset of text, such as glue."
        )
    looks_at_batch, thin = reference.inputs != "none", reference.skeleton == "thin"
    base = reference
    if conditions.protocol == "shared" and not thin:
        common = Protocol()
        base = reference.replace(channels=common.channels, cells=common.cells)
        if looks_at_batch:
            base = common.replace(num_batches=reference.num_batches)
    protocol = base.replace(
        dataset=dataset.name, num_classes=dataset.num_classes, colours=dataset.channels
    )
    on_noise = base.inputs == "gaussian" or dataset.features > 0
    if not thin:
        protocol = protocol.replace(
            resolution=_resolution(base, dataset, conditions),
            channels=conditions.channels or base.channels,
            cells=conditions.cells or max(base.cells, least_cells),
        )
    if conditions.initialisation is not None and follows_initialisation:
        protocol = protocol.replace(initialisation=conditions.initialisation)
    if not looks_at_batch:
        return protocol
    if dataset.words:
        return _of_words(protocol.replace(data_seed=conditions.seed), dataset, conditions)
    protocol = protocol.replace(data_seed=conditions.seed)
    if not thin:
        protocol = protocol.replace(batch_size=conditions.batch_size or base.batch_size)
    if conditions.synthetic or on_noise:
        return protocol.replace(
            inputs="gaussian" if on_noise and conditions.inputs != "ones" else conditions.inputs,
            labels="none" if protocol.labels == "none" else "random",
            sample_ids=(),
            source="",
        )
    random_labels = conditions.labels == "random" and protocol.labels != "none"
    protocol = protocol.replace(
        inputs="images", labels="random" if random_labels else protocol.labels
    )
    try:
        return protocol.replace(
            sample_ids=_draw_images(dataset, protocol), source=image_source(dataset)
        )
    except MissingData:
        shown = recorded_images(protocol, recorded)
        if len(shown) != 1:
            raise
        sample_ids, source = shown.pop()
        return protocol.replace(sample_ids=sample_ids, source=source)


def read_protocols(texts: Iterable[str]) -> list[Protocol]:
    """Read the protocols among stored texts; one of another version is left out."""
    found = []
    for text in dict.fromkeys(texts):
        with suppress(MalformedInput):
            found.append(Protocol.from_json(text))
    return found


def recorded_images(
    protocol: Protocol, recorded: Collection[Protocol]
) -> set[tuple[tuple[int, ...], str]]:
    """Collect row numbers and file of the images that otherwise equal protocols were shown.

    The options of an indicator do not change what it is shown.
    """

    def without_images(one: Protocol) -> Protocol:
        return one.replace(sample_ids=(), source="", options=())

    return {
        (one.sample_ids, one.source)
        for one in recorded
        if one.source and without_images(one) == without_images(protocol)
    }


def _of_words(protocol: Protocol, dataset: Dataset, conditions: Conditions) -> Protocol:
    """Make the protocol of a data set of text: words that are drawn, or of the shipped text.

    Labels are random, but for the next word of the text, which a language model tells.
    """
    inputs = conditions.inputs if conditions.inputs in ("text", "ones") else "words"
    labels = protocol.labels
    if labels != "none":
        follows = inputs == "text" and dataset.num_classes == dataset.words
        labels = "true" if follows and conditions.labels == "true" else "random"
    return protocol.replace(
        inputs=inputs,
        batch_size=conditions.batch_size or protocol.batch_size,
        labels=labels,
        sample_ids=(),
        source="",
    )


def _resolution(base: Protocol, dataset: Dataset, conditions: Conditions) -> int:
    """Pixels a side: those asked for, else the indicator's own on noise, else the dataset's."""
    if dataset.features:
        return dataset.resolution
    if conditions.resolution is not None and conditions.synthetic:
        return conditions.resolution
    if dataset.words:
        return dataset.resolution
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
