"""The contract of search spaces: members, moves and texts, and the examination of one space."""

from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Callable
from functools import partial
from itertools import islice

import numpy as np
import scipy

from untrained.foundation import MalformedInput, UserError
from untrained.harness.contract.fixtures import drawn
from untrained.harness.contract.promise import (
    Broken,
    Finding,
    Inapplicable,
    Suite,
    refusal,
    require,
)
from untrained.harness.contract.space_networks import networks
from untrained.spaces import Architecture, SearchSpace

members: Suite[SearchSpace] = Suite()

PARTS = 25
CONSTANT_MEMORY = 200_000
"""Bytes that an enumeration may hold at once."""


@members.promise
def sampling_follows_the_generator(space: SearchSpace) -> None:
    """Equal generators draw equal architectures, other generators others."""
    require(
        drawn(space, 20, seed=1) == drawn(space, 20, seed=1),
        "two generators of one seed draw different architectures; draw from the one given alone",
    )
    require(
        drawn(space, 20, seed=1) != drawn(space, 20, seed=2),
        "generators of two seeds draw the same 20 architectures",
    )
    require(len(set(drawn(space, 20))) > 1, "20 draws give one and the same architecture")


@members.promise
def sampling_is_uniform(space: SearchSpace) -> None:
    """Of 5,000 draws, all parts of an enumerable space get their share (chi-squared, 0.0001)."""
    if space.size is None:
        raise Inapplicable("it is too large to enumerate")
    place = {arch.text: index for index, arch in enumerate(space)}
    places = np.array([place[arch.text] for arch in drawn(space, 5000, seed=4)])
    parts = min(PARTS, len(place))
    expected = np.bincount(np.arange(len(place)) % parts, minlength=parts) / len(place) * 5000
    for of_each in (places * parts // len(place), places % parts):
        observed = np.bincount(of_each, minlength=parts)
        p = scipy.stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue
        require(p > 1e-4, f"its draws are not uniform over its enumeration (p = {p:.2g})")


@members.promise
def enumeration_gives_each_member_once_in_constant_memory(space: SearchSpace) -> None:
    """Iterating gives `size` different architectures, or says that there are too many."""
    if space.size is None:
        calls: tuple[Callable[[SearchSpace], object], ...] = (iter, len)
        for call in calls:
            name = call.__name__
            message = refusal(
                partial(call, space), UserError, f"its size is None, but {name} works"
            )
            require(
                "too large to enumerate" in message and "sample" in message,
                f"its size is None, and {name} says {message!r}; leave it to SearchSpace",
            )
        return
    require(len(space) == space.size, f"its len is {len(space)}, its size {space.size}")
    list(islice(space, 10))
    tracemalloc.start()
    for _ in islice(space, 20_000):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    require(
        peak < CONSTANT_MEMORY,
        f"enumerating 20,000 architectures holds {peak:,} bytes; yield them one by one",
    )
    found = [arch.text for arch in space]
    require(
        len(found) == len(set(found)) == space.size,
        f"its size is {space.size}, but it enumerates {len(found)}, {len(set(found))} different",
    )


@members.promise
def canonical_is_a_member_and_its_own_canonical(space: SearchSpace) -> None:
    """The representative of a class is a member, its own representative, and as constant."""
    for arch in drawn(space, 100):
        representative = space.canonical(arch)
        for given, what in ((arch.text, "text"), (representative, "representative")):
            require(
                space.canonical(given) == representative,
                f"canonical of {arch.text!r} is {representative.text!r}, of its {what} it is "
                f"{space.canonical(given).text!r}",
            )
        require(representative in space, f"{representative.text!r}, a representative, is no member")
        require(
            space.is_constant(representative) == space.is_constant(arch),
            f"is_constant differs between {arch.text!r} and its representative "
            f"{representative.text!r}",
        )


moves: Suite[SearchSpace] = Suite()


@moves.promise
def neighbors_are_distinct_members_and_mutual(space: SearchSpace) -> None:
    """Neighbours are other members, each once, and are neighbours in turn."""
    for number, arch in enumerate(drawn(space, 3)):
        neighbors = space.neighbors(arch)
        require(
            neighbors == space.neighbors(arch.text),
            f"the neighbours of {arch.text!r} and of its text are different",
        )
        require(bool(neighbors), f"{arch.text!r} has no neighbours")
        require(
            len(set(neighbors)) == len(neighbors),
            f"of the {len(neighbors)} neighbours of {arch.text!r} only {len(set(neighbors))} are "
            "different",
        )
        require(arch not in neighbors, f"{arch.text!r} is its own neighbour")
        for neighbor in neighbors:
            require(
                space.parse(neighbor.text) == neighbor,
                f"{neighbor.text!r}, a neighbour of {arch.text!r}, is no member as it is written",
            )
        # the way back costs a neighbourhood each: every place of the list is tried in one of three
        for neighbor in neighbors[number::3]:
            require(
                arch in space.neighbors(neighbor),
                f"{neighbor.text!r} is a neighbour of {arch.text!r}, but not the other way round",
            )


@moves.promise
def a_mutation_is_a_neighbor_and_follows_the_generator(space: SearchSpace) -> None:
    """Mutations are neighbours, differ, and are the same for equal generators."""
    arch = drawn(space, 1)[0]
    rng = np.random.default_rng(6)
    mutants = [space.mutate(arch, rng) for _ in range(30)]
    strange = sorted(set(mutants) - set(space.neighbors(arch)))
    require(
        not strange,
        f"{strange[0].text if strange else ''!r} is a mutation of {arch.text!r}, but no neighbour",
    )
    require(len(set(mutants)) > 1, f"30 mutations of {arch.text!r} are the same")
    require(
        space.mutate(arch.text, np.random.default_rng(6)) == mutants[0],
        f"an equal generator gives another mutation of {arch.text!r}",
    )


says: Suite[SearchSpace] = Suite(declarative=True)
texts: Suite[SearchSpace] = Suite()

EXAMPLES = 100
PIECES = tuple("0123456789|~+:_-#; abc\x00é²٣")
"""What a damaged text may get: signs of notations, and digits that are none."""


@says.promise
def it_says_what_it_is(space: SearchSpace) -> None:
    """It has a lower-case name, a title and a reference."""
    require(bool(space.name), "its name is empty")
    require(space.name == space.name.lower(), f"its name {space.name!r} is not lower case")
    require(bool(space.title), "its title is empty; tables print it")
    require(bool(space.reference), "its reference is empty; give authors, venue, year")
    require(bool(space), "it counts as false; let __len__ and __bool__ be those of SearchSpace")


@texts.promise
def parsing_the_text_gives_the_architecture_back(space: SearchSpace) -> None:
    """Each of its architectures is parsed back from its text, blanks around it or not."""
    for seed in range(EXAMPLES):
        parses_back(space, seed)


def parses_back(space: SearchSpace, seed: int) -> None:
    """Check that one drawn architecture is parsed back."""
    arch = space.sample(np.random.default_rng(seed))
    text = arch.text
    require(arch.space == space.name, f"it draws an architecture of {arch.space!r}: {text!r}")
    for given in (text, arch, f" {text}\n"):
        require(
            space.parse(given) == arch,
            f"parsing {given!r} gives {space.parse(given).text!r} and not {text!r}",
        )
    require(arch in space and text in space, f"{text!r}, which it draws, is not `in` it")
    require(str(arch) == text, f"the string of {text!r} is {str(arch)!r}")
    require(pickle.loads(pickle.dumps(arch)) == arch, f"{text!r} is not pickled")  # noqa: S301


@texts.promise
def what_it_does_not_hold_is_refused(space: SearchSpace) -> None:
    """Texts of no architecture, and architectures of other spaces, raise MalformedInput."""
    for text in ("", "no architecture of any space", "|||"):
        require(text not in space, f"{text!r} is `in` it")
        message = _refusal(space, text)
        require(
            repr(text) in message, f"refusing {text!r}, it does not say what was asked: {message}"
        )
    require(3 not in space, "the number 3 is `in` it")
    message = _refusal(space, Architecture("elsewhere", drawn(space, 1)[0].text))
    require(
        "belongs to 'elsewhere'" in message,
        f"refusing an architecture of the space 'elsewhere', it says {message!r}",
    )


def _refusal(space: SearchSpace, given: Architecture | str) -> str:
    try:
        arch = space.parse(given)
    except MalformedInput as error:
        return str(error)
    raise Broken(f"parsing {given!r} gives {arch.text!r}; raise MalformedInput")


@texts.promise
def a_damaged_text_is_refused_or_another_member(space: SearchSpace) -> None:
    """A text with signs cut out or put in raises MalformedInput, or is an architecture."""
    for seed in range(EXAMPLES):
        rng = np.random.default_rng([seed, 1])
        text = space.sample(rng).text
        place, cut = int(rng.integers(len(text) + 1)), int(rng.integers(4))
        put = "".join(rng.choice(PIECES, int(rng.integers(5))))
        is_refused_or_a_member(space, text[:place] + put + text[place + cut :])


def is_refused_or_a_member(space: SearchSpace, text: str) -> None:
    """Check that one text is refused as malformed, or is a member."""
    try:
        arch = space.parse(text)
    except MalformedInput:
        return
    except Exception as error:
        raise Broken(
            f"parsing {text!r} raises {type(error).__name__}: {error}; raise MalformedInput"
        ) from error
    require(
        space.parse(arch.text) == arch,
        f"{text!r} is parsed as {arch.text!r}, which is parsed as {space.parse(arch.text).text!r}",
    )


def space_promises(space: SearchSpace) -> Suite[SearchSpace]:
    """List what a search space must keep; promises say themselves where they do not apply."""
    return Suite(says, texts, members, moves, networks)


def examine_space(space: SearchSpace) -> list[Finding]:
    """Check everything that a search space promises, without ground truth.

    Args:
        space: need not be registered.

    Returns:
        A finding for each promise, in a fixed order.
    """
    return space_promises(space).findings(space)
