"""The command as it was typed, for reports."""

from __future__ import annotations

import shlex
import sys


def typed_command(*without: str) -> str:
    """The command line, which repeats a run.

    Args:
        without: options with a value that are left out: where it writes, how many workers.
    """
    words = iter(sys.argv[1:])
    kept = ["untrained"]
    for word in words:
        if word in without:
            next(words, None)
        elif not word.startswith(tuple(f"{option}=" for option in without)):
            kept.append(shlex.quote(word))
    return " ".join(kept)
