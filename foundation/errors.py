"""The error tree of the project.

    UntrainedError
    ├── UserError            the user can mend it: one line on stderr, exit status 2
    │   ├── UnknownName      no such space, indicator, benchmark, study, ... (also a KeyError)
    │   ├── MalformedInput   an architecture, file, study or option that cannot be read
    │   ├── MissingData      a table or an image set that is not there, and how to get it
    │   └── StorageError     a store or an output folder that cannot be opened or written
    └── Unsupported          this indicator does not exist for this network or batch

A text says what was asked, what is wrong with it, what exists instead, and what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UntrainedError(Exception):
    """Base of every error the project raises on purpose."""


class UserError(UntrainedError):
    """Something the user can mend; shown without a traceback."""


class MalformedInput(UserError):
    """Input that cannot be read as what it should be."""


class MissingData(UserError):
    """A data file that is not where it is looked for."""


class StorageError(UserError):
    """A file or folder that cannot be opened, read or written."""


class Interrupted(UntrainedError):
    """The user stopped a run; what was finished is stored."""


class Unsupported(UntrainedError):
    """An indicator needs something that this network or batch does not have."""


class UnknownName(UserError, KeyError):
    """A name that nothing is registered under."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        """Compose the message from what was sought and what exists.

        Args:
            kind: what was sought, in the singular ("indicator").
            hint: what to do next, a command for instance.
        """
        self.name = name
        self.known = sorted(known)
        text = f"no {kind} named {name!r}; {suggest(name, self.known)}"
        super().__init__(f"{text} ({hint})" if hint else text)

    def __str__(self) -> str:
        """The message itself: KeyError would show its repr."""
        return str(self.args[0])

    def __reduce__(self) -> tuple[object, ...]:
        """Survive a process boundary although the constructor takes other arguments."""
        return (_restore_unknown_name, (self.args[0], self.name, self.known))


def _restore_unknown_name(message: str, name: str, known: list[str]) -> UnknownName:
    error = UnknownName.__new__(UnknownName, message)
    error.args = (message,)
    error.name, error.known = name, known
    return error


def suggest(name: str, known: Iterable[str]) -> str:
    """A half sentence that helps after a wrong name: the nearest known one, or all of them.

    >>> suggest("nasw0t", ["naswot", "snip"])
    'did you mean naswot?'
    >>> suggest("x", ["naswot", "snip"])
    'there are: naswot, snip'
    """
    names = sorted(known)
    lowered = {n.lower(): n for n in names}
    sought = name.lower()
    # the comparison takes the square of the length, and nobody types a name this long
    close = get_close_matches(sought, lowered, n=2, cutoff=0.6) if len(sought) <= 200 else []
    if close:
        return f"did you mean {' or '.join(lowered[c] for c in close)}?"
    return f"there are: {', '.join(names)}" if names else "there are none"
