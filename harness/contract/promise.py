"""Promises: what a plug-in has to keep, each a small check with a sentence that states it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

S = TypeVar("S")
"""What is checked: a case of an indicator, a space, a searcher."""

Check = Callable[[S], None]


class Broken(AssertionError):
    """A promise is not kept; the text says what was done, what came of it and what to do."""


class Inapplicable(Exception):  # no error: the promise says nothing about this plug-in
    """A promise has no meaning for this plug-in, or cannot be checked on this machine."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of checking one promise."""

    promise: str
    """Its name."""
    statement: str
    """What it promises, a sentence."""
    kept: bool | None
    """None: it does not apply."""
    detail: str
    """How it is broken, or why it does not apply; empty if it is kept."""


@dataclass(frozen=True, slots=True)
class Promise(Generic[S]):
    """One thing that a plug-in has to keep."""

    name: str
    """Unique in its suite; fit for a test id."""
    statement: str
    """What it promises, a sentence."""
    check: Check[S]
    declarative: bool = False
    """It looks at what the plug-in says of itself and never runs it."""

    def __call__(self, subject: S) -> None:
        """Check it.

        Raises:
            Broken: it is not kept.
            Inapplicable: it says nothing about this subject.
        """
        self.check(subject)

    def finding(self, subject: S) -> Finding:
        """Check it without raising; whatever else a plug-in raises breaks the promise too."""
        try:
            self.check(subject)
        except Inapplicable as reason:
            return Finding(self.name, self.statement, None, str(reason))
        except Broken as failure:
            return Finding(self.name, self.statement, False, str(failure))
        except Exception as error:
            detail = f"an exception came out of it: {type(error).__name__}: {error}"
            return Finding(self.name, self.statement, False, detail)
        return Finding(self.name, self.statement, True, "")


class Suite(Generic[S]):
    """Promises in the order in which they are written."""

    def __init__(self, *parts: Suite[S], declarative: bool = False) -> None:
        """Join some suites; without any, an empty one that the decorators fill.

        Args:
            parts: in this order.
            declarative: what the decorators add looks only at what a plug-in says of itself.
        """
        self._declarative = declarative
        self._promises: dict[str, Promise[S]] = {}
        for part in parts:
            for one in part:
                self._add(one)

    def promise(self, check: Check[S]) -> Promise[S]:
        """Decorate a check: its name and the first paragraph of its docstring are the promise's."""
        return self._add(Promise(check.__name__, _statement(check), check, self._declarative))

    def promise_of_each(
        self, choices: Mapping[str, Any]
    ) -> Callable[[Callable[[S, Any], None]], list[Promise[S]]]:
        """Decorate a check that takes a second argument: one promise for each choice.

        Args:
            choices: by what stands in the name and takes the place of `{}` in the docstring.
        """

        def add(check: Callable[[S, Any], None]) -> list[Promise[S]]:
            def bound(choice: Any) -> Check[S]:
                return lambda subject: check(subject, choice)

            return [
                self._add(
                    Promise(
                        f"{check.__name__}[{key}]",
                        _statement(check).format(key),
                        bound(choice),
                        self._declarative,
                    )
                )
                for key, choice in choices.items()
            ]

        return add

    def _add(self, one: Promise[S]) -> Promise[S]:
        if one.name in self._promises:
            raise ValueError(f"two promises of one suite are named {one.name!r}")
        self._promises[one.name] = one
        return one

    def __iter__(self) -> Iterator[Promise[S]]:
        """In the order in which they are written."""
        return iter(self._promises.values())

    def __getitem__(self, name: str) -> Promise[S]:
        """The promise of that name."""
        return self._promises[name]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._promises)

    def findings(self, subject: S) -> list[Finding]:
        """Check all."""
        return [one.finding(subject) for one in self]


def require(kept: bool, detail: str) -> None:
    """Say that a promise is broken unless a condition holds.

    Raises:
        Broken: it does not.
    """
    if not kept:
        raise Broken(detail)


def _statement(check: Callable[..., None]) -> str:
    paragraph = (check.__doc__ or "").strip().partition("\n\n")[0]
    if not paragraph:
        raise ValueError(f"the promise {check.__name__!r} has no docstring that states it")
    return " ".join(paragraph.split())
