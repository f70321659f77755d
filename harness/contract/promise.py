"""Promises: what a plug-in must keep, each a check function whose docstring states it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from untrained.indicators.framework.guard import unguarded

S = TypeVar("S")
"""What is checked: a case of an indicator, a space, a searcher, an entry point."""

Check = Callable[[S], None]


class Broken(AssertionError):
    """A promise is not kept; the text says what was done, what came of it and what to do."""


class Inapplicable(Exception):  # no error: the promise says nothing about this plug-in
    """A promise has no meaning for this plug-in, or cannot be checked on this machine."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of checking one promise."""

    promise: str
    """Name of the promise."""
    statement: str
    """What is promised, a sentence."""
    kept: bool | None
    """None: it does not apply."""
    detail: str
    """How it is broken, or why it does not apply; empty if it is kept."""


@dataclass(frozen=True, slots=True)
class Promise(Generic[S]):
    """One check that a plug-in must pass."""

    name: str
    """Unique in its suite; fit for a test id."""
    statement: str
    """What is promised, a sentence."""
    check: Check[S]
    declarative: bool = False
    """The check reads declarations and never runs the plug-in."""

    def __call__(self, subject: S) -> None:
        """Check one plug-in on one CPU thread, on which sums have a fixed order.

        What an indicator changes is not put back for it: it is what the check looks for.

        Raises:
            Broken: the promise is not kept.
            Inapplicable: the promise says nothing about this plug-in.
        """
        with _one_thread(), unguarded():
            self.check(subject)

    def finding(self, subject: S) -> Finding:
        """Check without raising; whatever else a plug-in raises breaks the promise too."""
        kept: bool | None = False
        try:
            self(subject)
        except Inapplicable as reason:
            kept, detail = None, str(reason)
        except Broken as failure:
            detail = str(failure)
        except Exception as error:
            detail = f"an exception came out of it: {type(error).__name__}: {error}"
        else:
            kept, detail = True, ""
        return Finding(self.name, self.statement, kept, detail)


class Suite(Generic[S]):
    """Promises in the order in which they are written."""

    def __init__(self, *parts: Suite[S], declarative: bool = False) -> None:
        """Join some suites, or start an empty one; checks that are `declarative` run no plug-in."""
        self._declarative = declarative
        self._promises: dict[str, Promise[S]] = {}
        for part in parts:
            for promise in part:
                self._add(promise)

    def promise(self, check: Check[S]) -> Promise[S]:
        """Decorate a check: its name and the first paragraph of its docstring are the promise's."""
        return self._add(Promise(check.__name__, _statement(check), check, self._declarative))

    def promise_of_each(
        self, choices: Mapping[str, Any]
    ) -> Callable[[Callable[[S, Any], None]], list[Promise[S]]]:
        """Decorate a check that takes a second argument: one promise for each choice.

        Args:
            choices: second arguments by the text that stands in the name and replaces `{}` in the
                docstring.
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

    def _add(self, promise: Promise[S]) -> Promise[S]:
        if promise.name in self._promises:
            raise ValueError(f"two promises of one suite are named {promise.name!r}")
        self._promises[promise.name] = promise
        return promise

    def __iter__(self) -> Iterator[Promise[S]]:
        """Iterate over the promises in the order in which they are written."""
        return iter(self._promises.values())

    def __getitem__(self, name: str) -> Promise[S]:
        """Return the promise of that name."""
        return self._promises[name]

    def __len__(self) -> int:
        """Count the promises."""
        return len(self._promises)

    def findings(self, subject: S) -> list[Finding]:
        """Check all promises of one plug-in."""
        return [promise.finding(subject) for promise in self]


def require(kept: bool, detail: str) -> None:
    """Raise `Broken` with a detail unless a condition holds."""
    if not kept:
        raise Broken(detail)


def refusal(call: Callable[[], object], kind: type[Exception], otherwise: str) -> str:
    """Return what a call says when it refuses; raise `Broken` with a detail if it does not."""
    try:
        call()
    except kind as error:
        return str(error)
    raise Broken(otherwise)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _statement(check: Callable[..., None]) -> str:
    paragraph = (check.__doc__ or "").strip().partition("\n\n")[0]
    if not paragraph:
        raise ValueError(f"the promise {check.__name__!r} has no docstring that states it")
    return " ".join(paragraph.split())
