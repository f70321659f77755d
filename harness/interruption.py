"""What Ctrl-C in the middle of a run becomes."""

from __future__ import annotations

from untrained.foundation import UntrainedError

INTERRUPTED = 130
"""Exit status of an interrupted program, by convention 128 + SIGINT."""


class Interrupted(UntrainedError):
    """The user stopped a run; what was finished is stored."""
