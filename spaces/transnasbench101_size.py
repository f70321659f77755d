"""The size of a TransNAS-Bench-101 network, checked for both spaces."""

from __future__ import annotations

from untrained.foundation import MalformedInput
from untrained.spaces.network_size import check_network_size


def check_size(title: str, num_classes: int, channels: int, cells: int, in_channels: int) -> None:
    """Refuse what cannot be built.

    Raises:
        MalformedInput: a number is below 1, or there are fewer than 2 channels.
    """
    check_network_size(
        title,
        "channels=64, cells=2, in_channels=3",
        num_classes=num_classes,
        channels=channels,
        cells=cells,
        in_channels=in_channels,
    )
    if channels < 2:
        raise MalformedInput(
            f"a {title} network with channels={channels!r} was asked for, but its stem begins "
            "with half of them; give at least 2 (the benchmark itself has 64)"
        )
