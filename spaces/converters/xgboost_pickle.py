"""Trees of a pickled XGBoost model, read without XGBoost and without running the pickle.

The pickle of a `Booster` of XGBoost 1.x has the model as bytes: a header, the length of the binary
model, that model in the form of releases before 2, and the training's settings as JSON. In the
model three blocks of numbers (model, booster, one a tree) have fixed lengths; after each tree's
block come its nodes and the statistics of its nodes.
Reference: Chen and Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016; release 1.1.0.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from untrained.spaces.converters.safe_pickle import PLAIN, load_inert_stream

_BOOSTER = ("xgboost.core", "Booster")
_SNAPSHOT = b"CONFIG-offset:"
_OBJECTIVE, _BOOSTING = "reg:squarederror", "gbtree"
_MODEL = struct.Struct("<fIi124x")  # base score, features, classes
_BOOSTED = struct.Struct("<i156x")  # trees
_TREE = struct.Struct("<4xi140x")  # nodes
_NODE = np.dtype(
    [("parent", "<i4"), ("left", "<i4"), ("right", "<i4"), ("split", "<u4"), ("value", "<f4")]
)
_STATISTICS_BYTES = 16
"""Of each node."""
_SPLIT_FEATURE = 0x7FFFFFFF
"""The highest bit of `split` says where a missing value goes."""


@dataclass(frozen=True, slots=True)
class Trees:
    """A sum of regression trees; the nodes of all trees follow each other."""

    base: float
    """Added to the trees' values."""
    num_features: int
    roots: NDArray[np.int32]
    """First node of each tree."""
    left: NDArray[np.int32]
    """Node where a feature below the threshold leads; -1: the node is a leaf."""
    right: NDArray[np.int32]
    """Node where another leads."""
    feature: NDArray[np.int32]
    value: NDArray[np.float32]
    """Threshold of a node, value of a leaf."""


class _Reader:
    """Takes one part after the other from bytes."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.place = 0

    def take(self, length: int) -> bytes:
        part = self.content[self.place : self.place + length]
        if length < 0 or len(part) < length:
            raise ValueError("its model ends too early")
        self.place += length
        return part

    def numbers(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size))

    def text(self) -> str:
        (length,) = struct.unpack("<Q", self.take(8))
        return self.take(length).decode()


def read_booster(file: IO[bytes], path: Path) -> Trees:
    """The trees of a pickled regression model; the path is for messages.

    Raises:
        MalformedInput: it is no pickle of a Booster alone.
        ValueError: its model is none of the kind above, or is damaged.
    """
    booster = load_inert_stream(
        file,
        path,
        records=[_BOOSTER],
        plain=MappingProxyType({**PLAIN, ("builtins", "bytearray"): _as_bytes}),
    )
    content = vars(booster).get("handle")
    if not isinstance(content, bytes) or not content.startswith(_SNAPSHOT):
        raise ValueError("it has no model in the form that XGBoost 1.1.0 pickles")
    header = _Reader(content)
    header.take(len(_SNAPSHOT))
    (length,) = struct.unpack("<q", header.take(8))
    return _trees(_Reader(header.take(length)))


def _as_bytes(data: object) -> bytes:
    """Stands for `bytearray`, which makes as many zeros as a number says."""
    if not isinstance(data, bytes):
        raise TypeError("it has an array of bytes that is not made of bytes")
    return data


def _trees(model: _Reader) -> Trees:
    if model.content.startswith(b"binf"):
        model.take(4)
    base, num_features, num_classes = model.numbers(_MODEL)
    objective, boosting = model.text(), model.text()
    if (objective, boosting) != (_OBJECTIVE, _BOOSTING) or num_classes:
        raise ValueError(
            f"its model is {boosting} for {objective}, not {_BOOSTING} for {_OBJECTIVE}"
        )
    (num_trees,) = model.numbers(_BOOSTED)
    roots, parts = [], []
    total = 0
    for _ in range(num_trees):
        (num_nodes,) = model.numbers(_TREE)
        if num_nodes < 1:
            raise ValueError("a tree has no nodes")
        nodes = np.frombuffer(model.take(num_nodes * _NODE.itemsize), _NODE)
        model.take(num_nodes * _STATISTICS_BYTES)
        roots.append(total)
        parts.append(_checked(nodes, total, num_features))
        total += num_nodes
    if not parts:
        raise ValueError("its model has no trees")
    left, right, feature, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Trees(base, num_features, np.array(roots, np.int32), left, right, feature, value)


def _checked(
    nodes: NDArray[Any], first: int, num_features: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Left, right, feature and value of a tree's nodes, numbered from `first` on.

    Nodes that pruning cut off become leaves without a value.
    """
    reached = np.zeros(len(nodes), bool)
    layer = np.zeros(1, np.int64)
    while layer.size:
        if reached[layer].any() or len(np.unique(layer)) < len(layer):
            raise ValueError("two ways lead to one node of a tree")
        reached[layer] = True
        inner = layer[nodes["left"][layer] != -1]
        layer = np.concatenate([nodes["left"][inner], nodes["right"][inner]]).astype(np.int64)
        if np.any((layer < 0) | (layer >= len(nodes))):
            raise ValueError("a node of a tree leads to no node")
    inner = reached & (nodes["left"] != -1)
    feature = nodes["split"] & _SPLIT_FEATURE
    if np.any(feature[inner] >= num_features) or not np.isfinite(nodes["value"][reached]).all():
        raise ValueError("a node of a tree has no feature, or a value that is not finite")
    left, right = (np.where(inner, nodes[side] + first, -1) for side in ("left", "right"))
    return (
        left.astype(np.int32),
        right.astype(np.int32),
        np.where(inner, feature, 0).astype(np.int32),
        np.where(reached, nodes["value"], 0).astype(np.float32),
    )
