"""What an indicator costs by itself, in passes of the network."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from math import prod

_SYMBOLS = "BKM"
_TERM = re.compile(rf"(?P<factor>\d+)?(?P<symbols>(?: ?[{_SYMBOLS}])*)")
_SYNTAX = (
    "'none' or '<count> forward, <count> backward' (either part may be missing), a count being a "
    "sum of products of whole numbers, B (samples), K (classes) and M (batches), as in '2 forward, "
    "B K + 1 backward'"
)


@dataclass(frozen=True, slots=True)
class Count:
    """A sum of products of whole numbers and the symbols B, K and M."""

    terms: tuple[tuple[int, str], ...]
    """Factor and symbols of each product, symbols sorted; no two with the same symbols."""

    @classmethod
    def parse(cls, text: str) -> Count:
        """The count that a text such as `2 B + 1` or `B K` stands for.

        Raises:
            ValueError: the text is no such sum.
        """
        factors: Counter[str] = Counter()
        for term in text.split("+"):
            found = _TERM.fullmatch(term.strip())
            if found is None or not found[0]:
                raise ValueError(f"{text!r} is no count of passes: write {_SYNTAX}")
            symbols = "".join(sorted(found["symbols"].replace(" ", "")))
            factors[symbols] += int(found["factor"] or 1)
        return cls(tuple((factor, symbols) for symbols, factor in factors.items() if factor))

    def value(self, **symbols: int) -> int:
        """The number for given values of B, K and M."""
        return sum(factor * prod(symbols[name] for name in names) for factor, names in self.terms)

    def __str__(self) -> str:
        """The text that `parse` takes, `0` for nothing."""
        return (
            " + ".join(
                " ".join([str(factor)] * (factor != 1 or not names) + list(names))
                for factor, names in self.terms
            )
            or "0"
        )


@dataclass(frozen=True, slots=True)
class Passes:
    """Forward and backward passes of one network, of however many samples each.

    A forward pass goes once through the layers, whatever it carries along: no graph, a graph,
    derivatives (forward mode) or a vectorised axis; it counts for a copy of the network and for
    one with other tensors in place of its own as well. A backward pass is one traversal of the
    graph by autograd. One that stops early counts as a whole: backward from the logits to a
    layer, forward to the pooled features.
    """

    forward: Count
    backward: Count

    @classmethod
    def parse(cls, text: str) -> Passes:
        """The passes that a text such as `1 forward, B backward` or `none` stands for.

        Raises:
            ValueError: the text is malformed.
        """
        counts = {"forward": Count(()), "backward": Count(())}
        if text == "none":
            return cls(**counts)
        for part in text.split(","):
            count, _, kind = part.strip().rpartition(" ")
            if kind not in counts or counts[kind].terms:
                raise ValueError(f"{text!r} is no number of passes: write {_SYNTAX}")
            counts[kind] = Count.parse(count)
        return cls(**counts)

    def number(self, *, batch_size: int, num_classes: int, num_batches: int) -> tuple[int, int]:
        """Forward and backward passes for B samples a batch, K classes and M batches."""
        values = {"B": batch_size, "K": num_classes, "M": num_batches}
        return self.forward.value(**values), self.backward.value(**values)

    def __str__(self) -> str:
        """The text that `parse` takes."""
        named = {"forward": self.forward, "backward": self.backward}
        return ", ".join(f"{n} {kind}" for kind, n in named.items() if n.terms) or "none"
