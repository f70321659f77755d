"""What a score stands for: everything besides the architecture and the seed that changes it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args, get_type_hints

from untrained.foundation import MalformedInput

_ADDED = {"skeleton": "full", "colours": 3, "options": ()}
"""Fields that later versions added, with their defaults."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """The conditions a score was measured under; its digest is part of the score's key.

    The data seed and the sample ids say which inputs were used; the seed of the initialisation is
    not part of the protocol but of the score's key, because one protocol is run for many seeds.
    """

    dataset: str = "cifar10"
    """Decides the input shape, the number of classes and the normalisation."""
    inputs: Literal["images", "gaussian", "ones", "none", "words", "text"] = "images"
    """Where a batch comes from; `none`: the score looks at no batch (parameter count, SynFlow).
    `words` are drawn, those of `text` are of the text that the package ships."""
    batch_size: int = 64
    num_batches: int = 1
    resolution: int = 32
    """Height and width in pixels, see `in_channels`; of words the length of a sequence; of the
    nodes of a graph 1."""
    num_classes: int = 10
    labels: Literal["true", "random", "none"] = "true"
    """`none`: the score looks at no labels."""
    colours: int = 3
    """Channels of the images, or features of a node; see `in_channels`."""
    channels: int = 16
    """Width of the network's first stage."""
    cells: int = 5
    """Cells a stage."""
    skeleton: Literal["full", "thin"] = "full"
    """`thin`: TE-NAS's network for counting regions, one cell on one channel without a stem; of
    images it sees random crops of `resolution` pixels, a random colour for each channel."""
    initialisation: str = "default"
    """`default`: what the layers' constructors draw; else what `spaces.initialisations` names."""
    batch_norm: Literal["train", "eval"] = "train"
    """Batch statistics, or the running statistics of a fresh network."""
    dtype: Literal["float32", "float64"] = "float32"
    data_seed: int = 0
    """Draws the images, or the noise, and random labels."""
    sample_ids: tuple[int, ...] = ()
    """Row numbers of the images in `source`, all batches in order; empty for synthetic inputs."""
    source: str = ""
    """SHA-256 of the image file; empty for synthetic inputs."""
    options: tuple[tuple[str, float], ...] = ()
    """Options of the indicator that differ from the default, by name."""

    @property
    def in_channels(self) -> int:
        """Channels of the inputs: those of the images, or the width of a network without a stem."""
        return self.channels if self.skeleton == "thin" else self.colours

    @property
    def canonical(self) -> str:
        """The protocol as canonical JSON (sorted keys, no spaces).

        A field that later versions added is left out at its default, so that a protocol keeps
        its digest, and stored scores their key.
        """
        fields = asdict(self)
        for name, default in _ADDED.items():
            if fields[name] == default:
                del fields[name]
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of `canonical`."""
        return hashlib.sha256(self.canonical.encode()).hexdigest()[:16]

    @classmethod
    def from_json(cls, text: str) -> Protocol:
        """The protocol that `canonical` was made from.

        Raises:
            MalformedInput: the text is no protocol.
        """
        try:
            stored = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise MalformedInput(f"cannot read a protocol: it is no JSON ({error}).") from error
        kinds = get_type_hints(cls)
        if not isinstance(stored, dict) or not kinds.keys() - _ADDED <= stored.keys():
            raise MalformedInput("cannot read a protocol: it lacks fields of a protocol.")
        for name, value in stored.items():
            if name not in kinds:
                raise MalformedInput(
                    f"cannot read a protocol: its field {name[:40]!r} is unknown. Use the version "
                    "of untrained that wrote it."
                )
            if not _fits(value, kinds[name]):
                raise MalformedInput(
                    f"cannot read a protocol: its field {name!r} has the value {str(value)[:40]!r}."
                )
        options = tuple(map(tuple, stored.get("options", ())))
        return cls(**{**stored, "sample_ids": tuple(stored["sample_ids"]), "options": options})

    def replace(self, **changes: Any) -> Protocol:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def describe(self) -> str:
        """One line for a table: inputs, batch, labels, network, batch norm, precision."""
        network = f"{self.channels} channels x {self.cells} cells"
        if self.skeleton != "full":
            network += f", {self.skeleton} skeleton"
        of_words = self.inputs in ("words", "text")
        network += "".join(f", {name} = {value:g}" for name, value in self.options)
        head = f"{self.dataset} classes and shape"
        if self.inputs == "none":
            return f"no batch ({head}), {network}"
        batch = f"batch {self.batch_size}" + (
            f" x {self.num_batches}" if self.num_batches > 1 else ""
        )
        source = {"words": "random words", "text": "words of the shipped text"}.get(
            self.inputs, f"{self.inputs} inputs"
        )
        if self.inputs == "images":
            source = f"{self.dataset} {'images' if self.skeleton == 'full' else 'crops'}"
        labels = "" if self.labels == "none" else f", {self.labels} labels"
        start = (
            "" if self.initialisation == "default" else f", {self.initialisation} initialisation"
        )
        shape = f"{self.resolution} {'words a sequence' if of_words else 'px'}"
        if self.resolution == 1 and not of_words:
            shape = f"{self.colours} features a node"
        return (
            f"{source}, {batch}{labels}, {network}, {shape}, "
            f"{self.batch_norm}-mode BN{start}, {self.dtype}"
        )


def _fits(value: object, kind: Any) -> bool:
    """Whether a value of a JSON document is one of a field of this type."""
    if isinstance(value, list) and kind == tuple[tuple[str, float], ...]:
        return all(
            isinstance(one, list)
            and len(one) == 2
            and isinstance(one[0], str)
            and type(one[1]) in (int, float)
            for one in value
        )
    if isinstance(value, list):
        return kind == tuple[int, ...] and all(type(one) is int for one in value)
    if isinstance(value, str) and not value.isprintable():
        return False
    return type(value) is kind or (isinstance(value, str) and value in get_args(kind))
