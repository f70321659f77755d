"""Answers of searches among networks drawn at random, where a space cannot be enumerated."""

from __future__ import annotations

from dataclasses import dataclass

from untrained.results.searches import Summary


@dataclass(frozen=True, slots=True)
class RankedAnswer:
    """What one run found."""

    search: str
    run: int
    architecture: str
    genotype: str
    """As Python text that other tools read; empty where the space has none."""
    value: float
    rank: int
    """1: better than all random networks. Random networks of equal value count as better."""


@dataclass(frozen=True, slots=True)
class RandomRanks:
    """Random networks of a space, and answers among them."""

    random: Summary
    best: float
    answers: tuple[RankedAnswer, ...]
