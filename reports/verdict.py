"""From the numbers of a new indicator to what it is, and what it is better than."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from untrained.reports.numbers import several
from untrained.reports.verdict_sentences import paragraphs
from untrained.results.evidence import FEWEST, Evidence, Relation, relation
from untrained.results.standing import Standing

SAME = 0.999
"""|rho| from which two indicators rank alike but for rounding and noise of a few networks."""
ALIKE = 0.98
"""|rho| with a size from which an indicator that says nothing beyond it is that size."""

_SIZE_NAMES = {"params": "a parameter count", "flops": "a count of FLOPs"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headline, and what it rests on."""

    headline: str
    paragraphs: tuple[str, ...]


def judge(evidence: Evidence) -> Verdict:
    """The verdict.

    What makes numbers meaningless comes first (accuracies that were read, no ranking at all), then
    an indicator that is another one under a new name, then how it does against params and the best
    baseline.
    """
    ranked = [one for one in evidence.standings if not math.isnan(one.row.tau)]
    return Verdict(_headline(evidence, ranked), tuple(paragraphs(evidence)))


def same_as(standings: Sequence[Standing]) -> tuple[str, int] | None:
    """The indicator that another one is under a new name, and 1 or -1 for its direction.

    It is one that ranks the networks of every target alike, or turned round: |rho| >= 0.999; or a
    size with |rho| >= 0.98 beyond which nothing is left: no partial correlation given it, or one
    whose interval holds zero, on every target. None where a target has fewer than ten networks: of
    four, one ranking in 24 is any other one.
    """
    if not standings or min(one.row.n for one in standings) < FEWEST:
        return None
    first = standings[0]
    candidates = [name for name, _ in first.rho_with]
    candidates += [one.nearest.other for one in standings if one.nearest is not None]
    for name in dict.fromkeys(candidates):
        rhos = [_rho(one, name) for one in standings]
        if any(math.isnan(rho) for rho in rhos) or len({rho > 0 for rho in rhos}) != 1:
            continue
        least = min(abs(rho) for rho in rhos)
        size = name in _SIZE_NAMES
        empty = size and all(_nothing_beyond(one, name) for one in standings)
        if least >= SAME or (least >= ALIKE and empty):
            return name, 1 if rhos[0] > 0 else -1
    return None


def _rho(one: Standing, name: str) -> float:
    sizes = dict(one.rho_with)
    if name in sizes:
        return sizes[name]
    return one.nearest.rho if one.nearest and one.nearest.other == name else math.nan


def _nothing_beyond(one: Standing, size: str) -> bool:
    partial = next((p for p in one.partial if p.given == (size,)), None)
    if partial is None:
        return False
    return math.isnan(partial.rho) or partial.rho_low <= 0 <= partial.rho_high


def _headline(evidence: Evidence, ranked: Sequence[Standing]) -> str:
    name = evidence.name
    if evidence.accuracies:
        return (
            f"{name} reaches for accuracies of trained networks: {'; '.join(evidence.accuracies)}. "
            "Whatever it ranks by, it is not training-free, and no number below counts."
        )
    if not ranked:
        if evidence.standings:
            return f"{name} gives all networks the same score, or none: it ranks nothing."
        return f"{name} could be ranked nowhere: no accuracies are at hand."
    twin = same_as(ranked)
    if twin is not None:
        other, direction = twin
        kind = _SIZE_NAMES.get(other, f"{other} under another name")
        if direction < 0:
            return (
                f"This is {kind}, turned round: {name} ranks networks as {other} does, backwards."
            )
        return f"This is {kind}: {name} ranks networks as {other} does."
    answers = [_against_params(name, ranked), _against_best(ranked)]
    if all(one.row.tau_high < 0 for one in ranked):
        answers.insert(0, f"{name} ranks backwards: lower seems to be better.")
    if unranked := len(evidence.standings) - len(ranked):
        answers.append(f"On {several(unranked, 'further target')} it ranks nothing.")
    return " ".join(answers)


def _against_params(name: str, ranked: Sequence[Standing]) -> str:
    found = [relation(one.against("params")) for one in ranked]
    return f"Better than the parameter count? {_counted(name, found)}"


def _against_best(ranked: Sequence[Standing]) -> str:
    found = [relation(one.against(one.best)) if one.best else "unknown" for one in ranked]
    return f"Better than the best baseline? {_counted('it', found)}"


def _counted(name: str, found: Sequence[Relation]) -> str:
    total = len(found)
    better, worse = found.count("better"), found.count("worse")
    apart = total - better - worse
    if better == total:
        return f"Yes: {name} is, on {'the' if total == 1 else 'all'} {several(total, 'target')}."
    if worse == total:
        return (
            f"No: {name} is worse on {'the' if total == 1 else 'all'} {several(total, 'target')}."
        )
    if better == worse == 0:
        return f"Cannot be told, on {'the' if total == 1 else 'any of'} {several(total, 'target')}."
    lead = "Partly" if better else "No"
    return (
        f"{lead}: better on {better} of {several(total, 'target')}, worse on {worse}, not told "
        f"apart on {apart}."
    )
