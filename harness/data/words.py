"""Batches of words: drawn at random, or of a text that the package ships."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from importlib.resources import files

import torch
from torch import Tensor

from untrained.foundation import derive
from untrained.harness.data.datasets import Dataset
from untrained.indicators import Protocol


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


def word_batch(protocol: Protocol, dataset: Dataset, index: int) -> tuple[Tensor, Tensor | None]:
    """Make one batch of sequences of `resolution` words, (batch_size, resolution), and labels.

    Words are numbered from 1; 0 fills up sequences elsewhere. Drawn words are uniform over the
    vocabulary. Sequences of the text begin at random places, and go on at its beginning after its
    end. Labels are the word that follows where that is what the network tells and the text is
    given, else drawn.
    """
    size = (protocol.batch_size, protocol.resolution)
    if protocol.inputs in ("none", "ones"):
        return torch.ones(size, dtype=torch.int64), _labels(protocol, index)
    generator = torch.Generator().manual_seed(derive(protocol.data_seed, "inputs", index))
    if protocol.inputs != "text":
        drawn = torch.randint(1, dataset.words, size, generator=generator)
        return drawn, _labels(protocol, index)
    text = text_words()
    starts = torch.randint(len(text), (size[0], 1), generator=generator)
    taken = text[(starts + torch.arange(size[1] + 1)) % len(text)]
    if protocol.labels == "true":
        return taken[:, :-1].contiguous(), taken[:, -1].contiguous()
    return taken[:, :-1].contiguous(), _labels(protocol, index)


def _labels(protocol: Protocol, index: int) -> Tensor | None:
    if protocol.labels == "none":
        return None
    generator = torch.Generator().manual_seed(derive(protocol.data_seed, "labels", index))
    return torch.randint(protocol.num_classes, (protocol.batch_size,), generator=generator)
