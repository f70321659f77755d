"""Architectures and the base class of search spaces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from numpy.random import Generator

from untrained.foundation import MalformedInput, Unsupported, UserError
from untrained.spaces.framework.network import Network, NetworkSize, Stem, without_storage

if TYPE_CHECKING:
    from untrained.spaces.benchmarks.benchmark import Benchmark, TrainingCost
    from untrained.spaces.framework.dataset import Dataset
    from untrained.spaces.framework.product_space import Decisions
    from untrained.spaces.framework.supernet import Supernet
    from untrained.spaces.framework.supernet_layout import SupernetLayout


@dataclass(frozen=True, slots=True, order=True)
class Architecture:
    """A point of a search space, as plain text that crosses process boundaries and file formats.

    Equality, hash and order are those of (space, text). The text is only known to be well formed
    if it comes from the space itself (`SearchSpace.parse`, iteration, sampling).
    """

    space: str
    """Registered name of the search space."""
    text: str
    """The field's own notation, such as the NAS-Bench-201 architecture string."""

    def __str__(self) -> str:
        """The notation alone, as tables and files show it."""
        return self.text


class SearchSpace(ABC):
    """A set of architectures, how to move in it, and how to build a network of each.

    Every method that takes an architecture also takes its text, and those objects of other tools
    that the space knows (`Structure` of NAS-Bench-201, `Genotype` of DARTS). A space
    is a value without state that an outside can see; one instance is registered and shared.
    """

    name: str
    """Registered name: lower case, as papers abbreviate."""
    title: str
    """Name for tables."""
    reference: str
    """Authors, venue, year."""
    size: int | None
    """Number of architectures; None: too large to enumerate."""
    own_size: str = ""
    """The arguments of `build` that give the benchmark's own networks, for messages."""
    least_channels: int = 1
    """The fewest channels that a network can have."""
    least_cells: int = 1
    """The fewest `cells` of a whole network in which every kind of cell occurs."""
    stems: tuple[Stem, ...] = ("cifar", "imagenet")
    """Those that `build` knows, where it takes one."""
    version: int = 1
    """Of the networks: raised whenever an architecture's network computes something else.

    Every step above 1 is added to the version of the scores of the space's networks, so that a
    store never takes scores of the former networks for current ones."""
    datasets: tuple[Dataset, ...] = ()
    """The image data sets that the space brings with it, beside `SHARED_DATASETS`."""

    @abstractmethod
    def parse(self, arch: str | Architecture) -> Architecture:
        """The architecture that a text denotes, in normal notation (white space dropped).

        Raises:
            MalformedInput: it denotes none; the message names the place and what was expected.
        """

    @abstractmethod
    def sample(self, rng: Generator) -> Architecture:
        """One architecture, drawn uniformly and independently of earlier draws."""

    @abstractmethod
    def neighbors(self, arch: str | Architecture) -> list[Architecture]:
        """All architectures that differ in exactly one decision, each once, in a fixed order."""

    notations: ClassVar[Mapping[str, Callable[[str], str]]] = MappingProxyType({})
    """Other tools' notations that must be named because their texts can be mistaken: from a text
    in such a notation to one that `parse` reads."""

    def find(self, text: str) -> list[str]:
        """Return the parts of a longer text, such as a line of a log, that look like architectures.

        The parts need not be valid; `parse` decides. A space without such a rule returns none.
        """
        return []

    def decisions(self) -> Decisions | None:
        """Return the space as a product of decisions; None: it is none."""
        return None

    def build(
        self,
        arch: str | Architecture,
        *,
        num_classes: int,
        channels: int,
        cells: int,
        in_channels: int = 3,
    ) -> Network:
        """Build the untrained network, freshly initialised from torch's global random state.

        The layers' constructors draw the weights, which is the reference initialisation; they
        take no generator, so a caller that wants a given network seeds torch inside `fork_rng`.

        Args:
            num_classes: outputs of the classifier; of a language model, words.
            channels: width of the first stage; a space that has widths in its text says how
                channels scale them (at 16 they are as written).
            cells: cells of a stage; a space that has depths in its text says how cells scale them
                (at 5 they are as written).
            in_channels: of the images.

        Raises:
            MalformedInput: not an architecture of this space, or a number below its minimum.
        """
        size = self.network_size(
            num_classes=num_classes, channels=channels, cells=cells, in_channels=in_channels
        )
        return self._network(arch, size)

    def _network(self, arch: str | Architecture, size: NetworkSize) -> Network:
        """Build the network of an architecture; the size is checked, the architecture is not."""
        raise TypeError(
            f"cannot build {arch}: the search space {self.name!r} has no networks. Define "
            f"_network(arch, size) in {type(self).__name__}."
        )

    def network_size(
        self,
        *,
        num_classes: int,
        channels: int,
        cells: int = 1,
        in_channels: int = 3,
        stem: Stem = "cifar",
    ) -> NetworkSize:
        """Check the arguments of `build`.

        Raises:
            MalformedInput: a number is below its minimum, or there is no such stem.
        """
        size = NetworkSize(num_classes, channels, cells, in_channels, stem)
        own = f" The space's own size is {self.own_size}." if self.own_size else ""
        for name in ("num_classes", "channels", "cells", "in_channels"):
            least = self.least_channels if name == "channels" else 1
            if getattr(size, name) < least:
                raise MalformedInput(
                    f"cannot build a {self.title} network with {name}={getattr(size, name)!r}: "
                    f"{name} must be a whole number of at least {least}.{own}"
                )
        if stem not in self.stems:
            raise MalformedInput(
                f"cannot build a {self.title} network with stem={stem!r}: no such stem. "
                f"Choose one of {', '.join(self.stems)}."
            )
        return size

    def build_thin(
        self, arch: str | Architecture, *, num_classes: int, channels: int = 1
    ) -> Network:
        """The network that TE-NAS counts linear regions on, initialised as `build` does.

        One cell of each kind and what follows the last one, without a stem: the images have as
        many channels as the first cell, and a resolution of a few pixels is enough.

        Args:
            channels: of the images and of the first cell.

        Raises:
            MalformedInput: not an architecture of this space, or a number below 1.
            Unsupported: the space has no such network.
        """
        raise Unsupported(
            f"a thin network of {self._text_of(arch)!r} was asked for, but the search space "
            f"{self.name!r} builds no thin network; leave out what is counted on one (linear "
            "regions), or build such a network and give it to measure()"
        )

    @property
    def supernet_layout(self) -> SupernetLayout:
        """The edges and operations of the supernet.

        Raises:
            Unsupported: the space has no supernet.
        """
        raise Unsupported(self._no_supernet())

    one_shot_options: ClassVar[Mapping[str, bool]] = MappingProxyType({})
    """Further arguments of `supernet` that give the one-shot network of gradient-based searches,
    where it is not made of the operations of `build` alone."""

    def supernet(
        self, *, num_classes: int, channels: int, cells: int, in_channels: int = 3
    ) -> Supernet:
        """All networks of `build` in one, every operation on every edge, initialised as `build`.

        Raises:
            MalformedInput: a number below 1.
            Unsupported: the space has no supernet.
        """
        raise Unsupported(self._no_supernet())

    def thin_supernet(self, *, num_classes: int, channels: int = 1) -> Supernet:
        """All networks of `build_thin` in one.

        Raises:
            MalformedInput: a number below 1.
            Unsupported: the space has no supernet.
        """
        raise Unsupported(self._no_supernet())

    def mutate(self, arch: str | Architecture, rng: Generator) -> Architecture:
        """A neighbour, drawn uniformly.

        Raises:
            UserError: it has none.
        """
        neighbors = self.neighbors(arch)
        if not neighbors:
            raise UserError(
                f"a mutation of {self._text_of(arch)!r} was asked for, but no architecture of "
                f"{self.title} differs in one decision; start from another one (sample)"
            )
        return neighbors[int(rng.integers(len(neighbors)))]

    def canonical(self, arch: str | Architecture) -> Architecture:
        """The first architecture, in iteration order, that computes the same function.

        A space that knows no equalities beyond its notation answers with the architecture itself.
        """
        return self.parse(arch)

    @property
    def knows_equalities(self) -> bool:
        """Whether architectures of different notation may have the same `canonical`."""
        return type(self).canonical is not SearchSpace.canonical

    def is_constant(self, arch: str | Architecture) -> bool:
        """Whether the untrained network's output is the same for every input."""
        self.parse(arch)
        return False

    def num_parameters(
        self,
        arch: str | Architecture,
        *,
        num_classes: int,
        channels: int,
        cells: int,
        in_channels: int = 3,
    ) -> int:
        """Count the trainable parameters of the network that `build` makes of these arguments.

        Raises:
            MalformedInput: as `build`.
        """
        size = self.network_size(
            num_classes=num_classes, channels=channels, cells=cells, in_channels=in_channels
        )
        return self._num_parameters(arch, size)

    def _num_parameters(self, arch: str | Architecture, size: NetworkSize) -> int:
        """Count parameters on a network without storage; spaces override it by a closed form."""
        with without_storage():
            network = self.build(
                arch,
                num_classes=size.num_classes,
                channels=size.channels,
                cells=size.cells,
                in_channels=size.in_channels,
            )
        return sum(p.numel() for p in network.parameters() if p.requires_grad)

    def __iter__(self) -> Iterator[Architecture]:
        """All architectures in lexicographic order of their decisions, in constant memory.

        Raises:
            UserError: the space is too large to enumerate.
        """
        raise UserError(self._too_large("all architectures were asked for"))

    def __len__(self) -> int:
        """The number of architectures.

        Raises:
            UserError: the space is too large to enumerate.
        """
        if self.size is None:
            raise UserError(self._too_large("the number of architectures was asked for"))
        return self.size

    def __bool__(self) -> bool:
        """Always true: a space that cannot be counted is a space."""
        return True

    def __contains__(self, item: object) -> bool:
        """Whether an architecture or a text denotes a member."""
        try:
            self.parse(item)  # type: ignore[arg-type]  # an object of another tool may be known
        except MalformedInput:
            return False
        return True

    def training_cost(self, benchmark: Benchmark, dataset: str) -> TrainingCost | None:
        """Model what a training costs where a benchmark of this space has no recorded times.

        None: there is no model of trainings on that data set.
        """
        del benchmark, dataset
        return None

    def genotype_text(self, arch: str | Architecture) -> str:
        """Write the Python text `Genotype(...)` of an architecture; empty: the space has none."""
        del arch
        return ""

    def _no_supernet(self) -> str:
        from untrained.spaces.framework.registry import spaces

        # by class: asking each space for its layout would come back here
        absent = SearchSpace.supernet_layout
        having = [n for n, one in spaces.items() if type(one).supernet_layout is not absent]
        return (
            f"cannot make a supernet of the search space {self.name!r}: it has none. Take one of "
            f"{', '.join(having)}, or a searcher that needs no supernet."
        )

    def _too_large(self, asked: str) -> str:
        return (
            f"{asked}, but the search space {self.name!r} is too large to enumerate; "
            "it can be sampled, and single architectures can be named: "
            "give a sample size or a list of architectures"
        )

    def _text_of(self, arch: str | Architecture) -> str:
        """The text, once it is clear that the architecture is not one of another space."""
        if isinstance(arch, str):
            return arch
        if not isinstance(arch, Architecture):
            return self._text_of_object(arch)
        if arch.space != self.name:
            raise MalformedInput(
                f"the architecture {arch.text!r} was given to the search space {self.name!r}, "
                f"but it belongs to {arch.space!r}; "
                f"use spaces[{arch.space!r}], or parse its text in {self.name!r}"
            )
        return arch.text

    def _text_of_object(self, item: object) -> str:
        """The text of another tool's object; a space overrides it for those that it knows.

        Raises:
            MalformedInput: the object denotes no architecture of this space.
        """
        raise MalformedInput(
            f"cannot read {item!r:.200} as an architecture of the search space {self.name!r}: it "
            f"is a {type(item).__name__}. Give its text, or an Architecture of the space."
        )


class StemSpace(SearchSpace):
    """A space whose networks begin with a stem for the images of CIFAR or of ImageNet."""

    def build(
        self,
        arch: str | Architecture,
        *,
        num_classes: int,
        channels: int,
        cells: int,
        in_channels: int = 3,
        stem: Stem = "cifar",
    ) -> Network:
        """Build the untrained network; see `SearchSpace.build`.

        Args:
            stem: `cifar` keeps the resolution, for images of 32 pixels; `imagenet` divides it by
                four (NDS residual) or by eight (cells). The architecture does not decide it.
                `written`, of NDS residual spaces: the stem that the architecture describes.

        Raises:
            MalformedInput: as `SearchSpace.build`; another stem, or an odd width where the
                ImageNet stem has half of it.
        """
        size = self.network_size(
            num_classes=num_classes,
            channels=channels,
            cells=cells,
            in_channels=in_channels,
            stem=stem,
        )
        return self._network(arch, size)
