"""What a search space says of itself, and that its texts and architectures are one to one."""

from __future__ import annotations

import pickle

import numpy as np

from untrained.foundation import MalformedInput
from untrained.harness.contract.promise import Broken, Suite, require
from untrained.spaces import Architecture, SearchSpace

says: Suite[SearchSpace] = Suite(declarative=True)
texts: Suite[SearchSpace] = Suite()

EXAMPLES = 100
PIECES = tuple("0123456789|~+:_-#; abc\x00é²٣")
"""What a damaged text may get: signs of notations, and digits that are none."""


def drawn(space: SearchSpace, count: int, seed: int = 0) -> list[Architecture]:
    """Architectures sampled from one generator."""
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


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
    """One drawn architecture."""
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
    """One text, whatever it is."""
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
