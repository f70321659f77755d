"""FlexiBERT: encoders whose layers mix words by attention, Fourier transforms or convolutions.

    words + positions + type, layer norm -> linear -> layers -> first word -> classifier

Two spaces of the same architectures. `flexibert` builds the networks whose scores and parameter
counts the authors of NAS-Bench-BERT published: 256 wide, 1,024 inside, whatever the architecture
says. `flexibert_described` builds the widths that an architecture describes.

References: Tuli et al., "FlexiBERT: Are Current Transformer Architectures too Homogeneous and
Rigid?", JAIR 2023; Serianni and Kalita, "Training-free Neural Architecture Search for RNNs and
Transformers", ACL 2023 (NAS-Bench-BERT), and the code of the latter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from numpy.random import Generator
from torch import Tensor, nn
from torch.nn import functional

from untrained.spaces import Architecture, Dataset, NetworkSize, SearchSpace, register_space
from untrained.spaces.framework.network import AS_WRITTEN, WordNetwork
from untrained.spaces.framework.product_space import pick
from untrained.spaces.transformers.configuration import Reader, write
from untrained.spaces.transformers.layers import STD, attend, draw_normal, join_heads, split_heads

WORDS, POSITIONS, EMBEDDING = 30_522, 512, 128
EPSILON = 1e-12
"""Of the layer norms."""


class DotProduct(nn.Module):
    """Scaled dot-product attention; weighted multiplicative attention with a further matrix."""

    def __init__(self, width: int, heads: int, *, weighted: bool) -> None:
        """Build with the layers' defaults, with or without a matrix between queries and keys."""
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.weight = nn.Linear(width, width, bias=False) if weighted else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        parts = (self.weight(self.query(x)), self.key(x), self.value(x))
        query, key, value = (split_heads(part, self.heads) for part in parts)
        return join_heads(attend(query, key, value))


class Fourier(nn.Module):
    """A Fourier or cosine transform over the words and the width of each head."""

    def __init__(self, width: int, heads: int, *, cosine: bool) -> None:
        """Build with the layers' default initialisation."""
        super().__init__()
        self.heads, self.cosine = heads, cosine
        self.input = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        x = split_heads(self.input(x), self.heads)
        if self.cosine:
            x = _cosine(_cosine(x).transpose(-1, -2)).transpose(-1, -2)
        else:
            x = torch.fft.fft2(x).real
        return join_heads(x)


def _cosine(x: Tensor) -> Tensor:
    """Transform the last axis: X_k = 2 sum_n x_n cos(pi k (2 n + 1) / (2 N)), DCT-II."""
    n = x.shape[-1]
    spectrum = torch.fft.fft(torch.cat([x, x.flip(-1)], dim=-1))[..., :n]
    angle = -torch.pi * torch.arange(n, dtype=x.dtype, device=x.device) / (2 * n)
    out: Tensor = spectrum.real * angle.cos() - spectrum.imag * angle.sin()
    return out


class DynamicConvolution(nn.Module):
    """Half of the heads attend, the others convolve with kernels that the words choose."""

    def __init__(self, width: int, heads: int, kernel: int) -> None:
        """Build with the layers' default initialisation; convolutions from N(0, 0.02^2)."""
        super().__init__()
        self.heads, self.kernel = heads // 2, kernel
        inner = width // 2
        self.query, self.key, self.value = (nn.Linear(width, inner) for _ in range(3))
        self.depthwise = nn.Conv1d(
            width, width, kernel, padding=kernel // 2, groups=width, bias=False
        )
        self.pointwise = nn.Conv1d(width, inner, 1)
        self.kernels = nn.Linear(inner, self.heads * kernel)
        self.convolved = nn.Linear(width, inner)
        for layer in (self.depthwise, self.pointwise):
            nn.init.normal_(layer.weight, std=STD)
        assert self.pointwise.bias is not None
        nn.init.zeros_(self.pointwise.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        query = self.query(x)
        parts = (query, self.key(x), self.value(x))
        attended = attend(*(split_heads(part, self.heads) for part in parts))
        near = self.pointwise(self.depthwise(x.transpose(1, 2))).transpose(1, 2)
        kernels = self.kernels(near * query).reshape(*x.shape[:2], self.heads, self.kernel, 1)
        padded = functional.pad(self.convolved(x), (0, 0, self.kernel // 2, self.kernel // 2))
        windows = padded.unfold(1, self.kernel, 1)
        windows = windows.reshape(*x.shape[:2], self.heads, -1, self.kernel)
        convolved = (windows @ kernels.softmax(-2)).squeeze(-1)
        return torch.cat([attended.transpose(1, 2), convolved], dim=2).flatten(2)


class EncoderLayer(nn.Module):
    """Mixing of words, then feed-forward layers, each with a shortcut and a layer norm.

    A transform of the words has neither projection nor shortcut, as published.
    """

    def __init__(self, layer: dict[str, Any], width: int, hidden: int) -> None:
        """Build with the layers' default initialisation."""
        super().__init__()
        heads, how = layer["num_operation_heads"], layer["operation_parameter"]
        self.mixing: nn.Module
        if layer["operation_type"] == "SA":
            self.mixing = DotProduct(width, heads, weighted=how == "WMA")
        elif layer["operation_type"] == "LT":
            self.mixing = Fourier(width, heads, cosine=how == "DCT")
        else:
            self.mixing = DynamicConvolution(width, heads, how)
        self.projected = layer["operation_type"] != "LT"
        if self.projected:
            self.projection = nn.Linear(width, width)
            self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        inputs = [width, *[hidden] * (layer["num_feed_forward"] - 1)]
        self.enter = nn.ModuleList(nn.Linear(given, hidden) for given in inputs)
        self.activation = nn.GELU()
        self.leave = nn.Linear(hidden, width)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width) -> (B, T, width)."""
        mixed = self.mixing(x)
        x = self.norm1(self.projection(mixed) + x) if self.projected else mixed
        inner = x
        for layer in self.enter:
            inner = self.activation(layer(inner))
        out: Tensor = self.norm2(self.leave(inner) + x)
        return out


class WordStem(nn.Module):
    """Embeddings of words, positions and type, layer norm, and a linear layer to the width."""

    def __init__(self, embedding: int, width: int) -> None:
        """Build with the layers' default initialisation.

        Args:
            width: of the layers; the linear layer is left out where it is that of the embedding.
        """
        super().__init__()
        self.words = nn.Embedding(WORDS, embedding, padding_idx=0)
        self.positions = nn.Embedding(POSITIONS, embedding)
        self.types = nn.Embedding(2, embedding)
        self.norm = nn.LayerNorm(embedding, eps=EPSILON)
        same = embedding == width
        self.projection = nn.Identity() if same else nn.Linear(embedding, width)

    def forward(self, words: Tensor) -> Tensor:
        """(B, T) -> (B, T, width)."""
        places = torch.arange(words.shape[1], device=words.device)
        types = torch.zeros_like(words)
        embedded = self.words(words) + self.types(types) + self.positions(places)
        out: Tensor = self.projection(self.norm(embedded))
        return out


class FlexiBERTNetwork(WordNetwork):
    """Embedding, layers, and a classifier of the first word, as GLUE is fine-tuned."""

    def __init__(
        self, layers: list[dict[str, Any]], widths: tuple[int, int], hidden: list[int], classes: int
    ) -> None:
        """Build; linear layers and embeddings from N(0, 0.02^2), biases 0, as published.

        Args:
            widths: of the embedding and of the layers.
            hidden: of each layer's feed-forward part.
        """
        super().__init__()
        self.stem = WordStem(*widths)
        self.cells = nn.ModuleList(
            EncoderLayer(layer, widths[1], inside)
            for layer, inside in zip(layers, hidden, strict=True)
        )
        self.classifier = nn.Linear(widths[1], classes)
        draw_normal(self)

    def logits(self, words: Tensor) -> Tensor:
        """(B, T) -> (B, num_classes), T at most 512."""
        x = self.stem(words)
        for cell in self.cells:
            x = cell(x)
        out: Tensor = self.classifier(x[:, 0])
        return out


WIDTHS, DEPTHS = (128, 256), (2, 4)
OPERATIONS: dict[str, tuple[str | int, ...]] = {
    "DSC": (5, 9),
    "LT": ("DCT", "DFT"),
    "SA": ("SDP", "WMA"),
}
"""Parameters of each kind of operation: kernel, transform, attention."""
_PAIRS = tuple((kind, one) for kind, parameters in OPERATIONS.items() for one in parameters)
_NUMBERS: dict[str, tuple[int, ...]] = {
    "feed_forward_dimension": (512, 1024),
    "num_feed_forward": (1, 3),
    "num_operation_heads": (2, 4),
}
_LAYER_KEYS = (*_NUMBERS, "operation_parameter", "operation_type")
_PUBLISHED_WIDTH, _PUBLISHED_HIDDEN = 256, 1024
_KEYS = ("encoder_layers", "hidden_size")


class FlexiBERT(SearchSpace):
    """The 10.6 million architectures of NAS-Bench-BERT, as its authors built them to score them.

    The width and the feed-forward dimensions of the text have no effect there.
    """

    name = "flexibert"
    title = "FlexiBERT"
    reference = "Serianni and Kalita, ACL 2023"
    size = None
    own_size = AS_WRITTEN
    datasets: tuple[Dataset, ...] = (Dataset("glue", "GLUE", 2, 128, (0.0,), (1.0,), words=WORDS),)
    describes = False
    """Whether the width and the feed-forward dimensions of the text are built."""

    def configuration(self, arch: str | Architecture) -> dict[str, Any]:
        """Return the decisions of an architecture.

        Raises:
            MalformedInput: the text is none; the message names the place.
        """
        reader = Reader(self._text_of(arch), of=self.name, example=_EXAMPLE)
        here = reader.keys(reader.object, _KEYS)
        layers = here["encoder_layers"]
        if not isinstance(layers, list) or len(layers) not in DEPTHS:
            reader.refuse("its encoder_layers are no list of 2 or 4 layers")
        found = [self._layer(reader, layer, place) for place, layer in enumerate(layers, 1)]
        width = reader.choice(here["hidden_size"], WIDTHS, "its hidden_size")
        return {"hidden_size": width, "encoder_layers": found}

    def _layer(self, reader: Reader, layer: object, place: int) -> dict[str, Any]:
        what = f"layer {place}"
        given = reader.keys(layer, _LAYER_KEYS, what=what)
        kind = reader.choice(given["operation_type"], tuple(OPERATIONS), f"the type of {what}")
        numbers = {
            key: reader.choice(given[key], values, f"{key} of {what}")
            for key, values in _NUMBERS.items()
        }
        how = reader.choice(
            given["operation_parameter"], OPERATIONS[kind], f"the parameter of {what}"
        )
        return numbers | {"operation_parameter": how, "operation_type": kind}

    def parse(self, arch: str | Architecture) -> Architecture:
        """See `SearchSpace.parse`."""
        return self._make(self.configuration(arch))

    def sample(self, rng: Generator) -> Architecture:
        """Draw width and number of layers, then every decision of each layer, uniformly."""

        def layer() -> dict[str, Any]:
            kind, how = pick(_PAIRS, rng)
            numbers = {key: pick(values, rng) for key, values in _NUMBERS.items()}
            return numbers | {"operation_parameter": how, "operation_type": kind}

        width, depth = pick(WIDTHS, rng), pick(DEPTHS, rng)
        return self._make({"hidden_size": width, "encoder_layers": [layer() for _ in range(depth)]})

    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """List the architectures with another width, or another decision in one layer.

        The number of layers stays: it is 2 or 4, and a step of two layers is no single decision.
        """
        return [self._make(changed) for changed in _changes(self.configuration(arch))]

    def canonical(self, arch: str | Architecture) -> Architecture:
        """Return the architecture with the first value of what the network does not depend on."""
        here = self.configuration(arch)
        if self.describes:
            return self._make(here)
        return self._make(
            {
                "hidden_size": WIDTHS[0],
                "encoder_layers": [
                    layer | {"feed_forward_dimension": 512} for layer in here["encoder_layers"]
                ],
            }
        )

    def _network(self, arch: str | Architecture, size: NetworkSize) -> FlexiBERTNetwork:
        """Build; channels scale all widths, cells the number of layers."""
        here = self.configuration(arch)
        layers = here["encoder_layers"]
        layers = [layers[place % len(layers)] for place in range(size.depth(len(layers)))]
        width = here["hidden_size"] if self.describes else _PUBLISHED_WIDTH
        hidden = [
            layer["feed_forward_dimension"] if self.describes else _PUBLISHED_HIDDEN
            for layer in layers
        ]
        return FlexiBERTNetwork(
            layers,
            (size.width(EMBEDDING), size.width(width)),
            [size.width(one) for one in hidden],
            size.num_classes,
        )

    def _make(self, configuration: dict[str, Any]) -> Architecture:
        return Architecture(self.name, write(configuration))


class DescribedFlexiBERT(FlexiBERT):
    """The same architectures with the widths that they describe."""

    name = "flexibert_described"
    title = "FlexiBERT, widths as described"
    datasets = ()
    describes = True


def _changes(here: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (here | {"hidden_size": w} for w in WIDTHS if w != here["hidden_size"])
    layers = here["encoder_layers"]
    for place, layer in enumerate(layers):
        others = [
            layer | {key: value}
            for key, values in _NUMBERS.items()
            for value in values
            if value != layer[key]
        ]
        now = (layer["operation_type"], layer["operation_parameter"])
        others += [
            layer | {"operation_type": kind, "operation_parameter": how}
            for kind, how in _PAIRS
            if (kind, how) != now
        ]
        for other in others:
            yield here | {"encoder_layers": [*layers[:place], other, *layers[place + 1 :]]}


_FIRST = {key: values[0] for key, values in _NUMBERS.items()}
_EXAMPLE = write(
    {
        "hidden_size": 128,
        "encoder_layers": [_FIRST | {"operation_parameter": "SDP", "operation_type": "SA"}] * 2,
    }
)

register_space(FlexiBERT())
register_space(DescribedFlexiBERT())
