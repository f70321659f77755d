"""Indicators: declaration, cost in passes, registry."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from untrained.foundation import Parameter, Registry, UnknownName
from untrained.indicators.framework.protocol import Protocol

if TYPE_CHECKING:
    from untrained.indicators.framework.measurement import Measurement


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


Status = Literal["ok", "unsupported", "diverged", "out_of_memory", "timeout", "error"]


class Need(Enum):
    """What a network or batch must have for an indicator to exist."""

    LABELS = "labels"
    GRADIENTS = "gradients"
    RELU = "relu"
    BATCH_NORM = "batch_norm"
    STAGES = "stages"
    CELLS = "cells"
    """Parameters with `cell` in their names, by which those of the cells are told."""
    SEQUENCES = "sequences"
    """The network is recurrent: it maps sequences to sequences."""
    ATTENTION = "attention"
    """The network mixes tokens by attention, or by a Fourier transform."""
    SECOND_BATCH = "second_batch"
    RANDOMNESS = "randomness"
    """The score draws random numbers of its own, so it differs from seed to seed."""


class Family(Enum):
    """Under which heading an indicator is listed."""

    NASWOT = "NASWOT"
    NASI = "NASI and traces of the tangent kernel"
    TE_NAS = "TE-NAS and TEG-NAS"
    GENNAS = "GenNAS"
    BASELINE = "Baselines"
    ATTENTION = "Transformers"
    LATER = "Later indicators"


Function = Callable[["Measurement"], float]


@dataclass(frozen=True, slots=True)
class Indicator:
    """A training-free indicator: a function of a measurement, and what must be known to use it."""

    id: str
    title: str
    formula: str
    """The definition in one line of text."""
    reference: str
    """Authors, venue, year, equation."""
    higher_is_better: bool
    needs: frozenset[Need]
    protocol: Protocol
    """The reference protocol, that of the paper or the authors' code."""
    cost: Passes
    """Passes of the network if it is read by itself."""
    family: Family
    uses_accuracy: bool
    """Whether something in its definition was set with the accuracies of trained networks."""
    class_invariant: bool
    """Equal for all members of a functional class, given equal live weights."""
    version: int
    """Raised whenever the value for the same network changes."""
    follows_initialisation: bool
    """Whether the score is one of the weights as they were drawn. Not so counts, and scores that
    draw weights of their own: a run's initialisation does not become part of their protocol."""
    deviations: str
    """Where the definition differs from the authors' released code; empty if nowhere."""
    function: Function
    splits: bool = False
    """Whether the score is the same, up to rounding, when the first batch goes through the network
    in the parts that `Measurement.input_parts` gives: no sample's values depend on the others."""
    options: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    """Numbers that a study may set, by name; those that differ from the default are part of the
    protocol."""

    def __call__(self, measurement: Measurement) -> float:
        """The score as the definition gives it, not yet judged."""
        return self.function(measurement)

    def chosen(self, given: Mapping[str, object]) -> tuple[tuple[str, float], ...]:
        """Check options, and return those that differ from the default, sorted by name.

        Raises:
            UnknownName: the indicator has no such option.
            MalformedInput: a value has another type or is out of range.
        """
        for name in given:
            if name not in self.options:
                raise UnknownName(f"option of {self.id}", name, self.options)
        checked = {name: self.options[name].check(name, value) for name, value in given.items()}
        return tuple(
            (name, float(str(value)))
            for name, value in sorted(checked.items())
            if value != self.options[name].default
        )

    def status_of(self, value: float) -> Status:
        """`ok` for a finite value and for an infinite one that ranks last, else `diverged`.

        An infinite score that would rank first is a numerical accident, never a good network.
        """
        if math.isnan(value):
            return "diverged"
        if math.isinf(value) and (value > 0) == self.higher_is_better:
            return "diverged"
        return "ok"


indicators: Registry[Indicator] = Registry(
    "indicator",
    package="untrained.indicators",
    group="untrained.indicators",
    hint="untrained list indicators",
    machinery=("account", "framework", "fused", "jets", "quantities", "regression"),
)


def indicator(
    *,
    title: str,
    formula: str,
    reference: str,
    protocol: Protocol,
    cost: str,
    family: Family = Family.LATER,
    uses_accuracy: bool = False,
    needs: frozenset[Need] | set[Need] = frozenset(),
    higher_is_better: bool = True,
    class_invariant: bool = False,
    version: int = 1,
    follows_initialisation: bool = True,
    deviations: str = "",
    splits: bool = False,
    options: Mapping[str, Parameter] = MappingProxyType({}),
) -> Callable[[Function], Indicator]:
    """Register the decorated function as the indicator of the function's name.

    Args:
        cost: passes of the network if it is read by itself, as in `1 forward, B backward`; `none`
            for none. See `Passes`, which says what counts as one.
        higher_is_better: its direction, as the paper claims it.
        splits: whether it reads `Measurement.input_parts` and is the same for any number of them.
        options: numbers that a study may set; the function reads them from `m.options`.

    The others are the fields of `Indicator`.

    Returns:
        The decorator; it returns the `Indicator`, which is callable like the function.

    Raises:
        ValueError: `cost` is malformed.
    """
    passes = Passes.parse(cost)

    def register(function: Function) -> Indicator:
        item = Indicator(
            id=function.__name__,
            title=title,
            formula=formula,
            reference=reference,
            higher_is_better=higher_is_better,
            needs=frozenset(needs),
            protocol=protocol,
            cost=passes,
            family=family,
            uses_accuracy=uses_accuracy,
            class_invariant=class_invariant,
            version=version,
            follows_initialisation=follows_initialisation,
            deviations=deviations,
            function=function,
            splits=splits,
            options=options,
        )
        return indicators.register(item.id, item, origin=function.__module__)

    return register
