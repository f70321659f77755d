"""Reading files of others: the exceptions of damaged content, and TOML within bounds."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

READ_ERRORS = (
    *(OSError, EOFError, MemoryError, RecursionError, NotImplementedError),
    *(ValueError, TypeError, AttributeError, LookupError, ArithmeticError),
)
"""What the standard library, NumPy, pandas and PyArrow raise on damaged content. A reader catches
these around the conversion of a file's content and says which file it is and what was expected."""

_LARGEST = 2**63


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a TOML document whose integers have at most 64 bits, as TOML defines them.

    Raises:
        tomllib.TOMLDecodeError: it is none, or is nested too deeply.
    """
    try:
        document = tomllib.loads(text)
        if any(abs(number) >= _LARGEST for number in _integers(document)):
            raise tomllib.TOMLDecodeError("an integer has more than 64 bits")
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise tomllib.TOMLDecodeError("the values are nested too deeply") from None
    except ValueError as error:
        raise tomllib.TOMLDecodeError(str(error)) from error
    return document


def _integers(value: object) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _integers(part)
