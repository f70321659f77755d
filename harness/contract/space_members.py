"""Which architectures a search space holds: drawing, enumerating, classes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import islice

import numpy as np
from scipy.stats import chisquare

from untrained.foundation import UserError
from untrained.harness.contract.promise import Broken, Inapplicable, Suite, require
from untrained.harness.contract.space_texts import drawn
from untrained.spaces import SearchSpace

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
    place = {arch: index for index, arch in enumerate(space)}
    places = np.array([place[arch] for arch in drawn(space, 5000, seed=4)])
    parts = min(PARTS, len(place))
    expected = np.bincount(np.arange(len(place)) % parts, minlength=parts) / len(place) * 5000
    for of_each in (places * parts // len(place), places % parts):
        observed = np.bincount(of_each, minlength=parts)
        p = chisquare(observed, expected * observed.sum() / expected.sum()).pvalue
        require(p > 1e-4, f"its draws are not uniform over its enumeration (p = {p:.2g})")


@members.promise
def enumeration_gives_each_member_once_in_constant_memory(space: SearchSpace) -> None:
    """Iterating gives `size` different architectures, or says that there are too many."""
    if space.size is None:
        for call in (iter, len):
            _refuses_to_enumerate(space, call)
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


def _refuses_to_enumerate(space: SearchSpace, call: Callable[[SearchSpace], object]) -> None:
    try:
        call(space)
    except UserError as error:
        message = str(error)
    else:
        raise Broken(f"its size is None, but {call.__name__} works")
    require(
        "too large to enumerate" in message and "sample" in message,
        f"its size is None, and {call.__name__} says {message!r}; leave it to SearchSpace",
    )


@members.promise
def canonical_is_a_member_and_its_own_canonical(space: SearchSpace) -> None:
    """The representative of a class is a member, its own representative, and as constant."""
    for arch in drawn(space, 200):
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
