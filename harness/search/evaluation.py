"""Evaluating networks by whatever decides in a search: scores or validation accuracies."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, cast

from untrained.harness.search.requests import Evaluation, Request, score, train
from untrained.spaces import Architecture


def evaluate(
    architectures: Sequence[Architecture], *, by: str, epochs: int = 0
) -> Generator[Request, Any, list[Evaluation]]:
    """Ask for scores or for trainings.

    Args:
        architectures: what to evaluate.
        by: `scores` or `accuracy`.
        epochs: of a training; 0 is the shortest.

    Yields:
        The request.

    Returns:
        One evaluation each, for `Problem.fitness` and `Problem.best`.
    """
    if by == "scores":
        return cast("list[Evaluation]", (yield from score(architectures)))
    return cast("list[Evaluation]", (yield from train(architectures, epochs)))
