"""Shards: parts of a run for machines that share nothing, such as the jobs of an array."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from untrained.foundation import MalformedInput
from untrained.harness.study.plan import Plan
from untrained.harness.study.population import Selection


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of a run; each architecture is in exactly one."""

    number: int
    """From 1 to `count`."""
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read a shard such as `3/100`.

        Raises:
            MalformedInput: the text is no shard, or the shard does not exist.
        """
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip())
        if found is None:
            raise MalformedInput(
                f"cannot read the shard {text[:40]!r}: it is not NUMBER/COUNT. Write 3/100 for the "
                "third of 100 shards."
            )
        number, count = int(found[1]), int(found[2])
        if not 1 <= number <= count:
            raise MalformedInput(
                f"cannot take shard {number} of {count}: it does not exist. Shards are numbered "
                f"from 1 to their count{f', here 1/{count} to {count}/{count}' if count else ''}."
            )
        return cls(number, count)

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        return f"{self.number}/{self.count}"

    def file_name(self, name: str, *, number: str = "") -> str:
        """Name the file of this shard: `scores-003-of-100.sqlite`; `*` as number stands for all."""
        stem, dot, suffix = name.rpartition(".")
        width = len(str(self.count))
        return f"{stem}-{number or f'{self.number:0{width}}'}-of-{self.count}{dot}{suffix}"

    def part_of(self, plans: Sequence[Plan]) -> list[Plan]:
        """Restrict the plans of a run to the architectures of this shard.

        Architectures are dealt out in the order of the first plan of their space. Where scores are
        shared, whole functional classes are dealt out, so that each is still measured once.
        """
        chosen: dict[str, frozenset[str]] = {}
        for plan in plans:
            if plan.space not in chosen:
                chosen[plan.space] = self._architectures(plan)
        parts = []
        for plan in plans:
            kept = [one for one in plan.selection.architectures if one in chosen[plan.space]]
            part = Selection(tuple(kept), f"shard {self} of {plan.selection.text}")
            parts.append(replace(plan, selection=part))
        return parts

    def _architectures(self, plan: Plan) -> frozenset[str]:
        architectures = plan.selection.architectures
        if not plan.shared:
            return frozenset(architectures[self.number - 1 :: self.count])
        places: dict[str, int] = {}
        for one in architectures:
            places.setdefault(plan.representatives[one], len(places))
        return frozenset(
            one
            for one in architectures
            if places[plan.representatives[one]] % self.count == self.number - 1
        )
