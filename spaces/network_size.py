"""The check that a network to be built has at least one of everything."""

from __future__ import annotations

from untrained.foundation import MalformedInput


def check_network_size(title: str, own: str, **counts: int) -> None:
    """Refuse a network with a count below 1.

    Args:
        title: of the search space, for the message.
        own: the benchmark's own counts, for the message.
        counts: by the name of the argument.

    Raises:
        MalformedInput: one of them is below 1.
    """
    for name, number in counts.items():
        if number < 1:
            raise MalformedInput(
                f"a {title} network with {name}={number!r} was asked for; {name} must be a whole "
                f"number of at least 1 (the benchmark itself has {own})"
            )
