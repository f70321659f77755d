"""The verdict on a candidate and its sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from untrained.reports.tables.numbers import decimal, estimate, p_value, several
from untrained.results.searches.comparison import PairedDifference, SearchComparison
from untrained.results.statistics.correlation import CorrelationRow
from untrained.results.statistics.indicator_comparison import (
    FEWEST,
    Evidence,
    Relation,
    Standing,
    Steadiness,
    relation,
)
from untrained.results.statistics.pairwise import PairComparison
from untrained.results.statistics.size_bias import partial_given

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
    """Decide the verdict.

    What makes numbers meaningless comes first (accuracies that were read, no ranking at all), then
    an indicator that is another one under a new name, then how it does against params and the best
    baseline.
    """
    ranked = [one for one in evidence.standings if not math.isnan(one.row.tau)]
    return Verdict(_headline(evidence, ranked), tuple(paragraphs(evidence)))


def same_as(standings: Sequence[Standing]) -> tuple[str, int] | None:
    """Find the indicator that has the same scores, and 1 or -1 for its direction.

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
    partial = partial_given(one.partial, (size,))
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
    params = [relation(one.against("params")) for one in ranked]
    best = [relation(one.against(one.best)) if one.best else "unknown" for one in ranked]
    answers = [
        f"Better than the parameter count? {_counted(name, params)}",
        f"Better than the best baseline? {_counted('it', best)}",
    ]
    if all(one.row.tau_high < 0 for one in ranked):
        answers.insert(0, f"{name} ranks backwards: lower seems to be better.")
    if unranked := len(evidence.standings) - len(ranked):
        answers.append(f"On {several(unranked, 'further target')} it ranks nothing.")
    return " ".join(answers)


def _counted(name: str, found: Sequence[Relation]) -> str:
    total, targets = len(found), several(len(found), "target")
    better, worse = found.count("better"), found.count("worse")
    if better == total:
        return f"Yes: {name} is, on {'the' if total == 1 else 'all'} {targets}."
    if worse == total:
        return f"No: {name} is worse on {'the' if total == 1 else 'all'} {targets}."
    if better == worse == 0:
        return f"Cannot be told, on {'the' if total == 1 else 'any of'} {targets}."
    return (
        f"{'Partly' if better else 'No'}: better on {better} of {targets}, worse on {worse}, not "
        f"told apart on {total - better - worse}."
    )


FEW = 50
"""Networks below which a verdict is a hint."""
_SHOWN = 5
"""Files, programs and connections that are named in a sentence; the page lists all."""
UNSTABLE = 0.9
"""rho between two scorings below which much of a ranking is decided by the draw."""


def paragraphs(evidence: Evidence) -> Iterator[str]:
    """Write one paragraph for each question that the numbers answer."""
    for title, lines in (
        ("Accuracy", [_of_target(evidence.name, one) for one in evidence.standings]),
        ("Size", list(_of_size(_one_a_space(evidence.standings)))),
        ("Redundancy", list(_of_neighbours(_one_a_space(evidence.standings)))),
        ("Search", list(_of_searches(evidence.searches))),
        ("Stability", list(_of_steadiness(evidence.steadiness))),
        ("Labels", list(_of_labels(evidence))),
        ("Contract", list(_of_contract(evidence))),
        ("Failures", list(_of_failures(evidence))),
        ("Where its scores may come from", list(_of_sources(evidence))),
    ):
        if lines:
            several_lines = "".join(f"\n\N{BULLET} {line}" for line in lines)
            yield f"{title}. {lines[0]}" if len(lines) == 1 else f"{title}.{several_lines}"


def short_target(space: str, target: str) -> str:
    """Write space, dataset and metric, without epochs and training seeds.

    >>> short_target("nasbench201", "cifar10 test accuracy, 200 epochs")
    'nasbench201, cifar10 test accuracy'
    """
    return f"{space}, {target.partition(',')[0]}"


def _of_target(name: str, one: Standing) -> str:
    row, where = one.row, short_target(one.space, one.target)
    if math.isnan(row.tau):
        return f"{where}: {name} ranks nothing ({several(row.n, 'network')} with a score)."
    text = (
        f"{where}: Kendall tau-b {estimate(row.tau, row.tau_low, row.tau_high)} on "
        f"{_networks(row)}{_versus('params', one.against('params'))}"
    )
    if one.best and one.best != "params":
        text += _versus(f"the best baseline, {one.best}", one.against(one.best))
    if row.tau_high < 0:
        text += "; it ranks the wrong way round: lower seems to be better"
    limit = next((ceiling for ceiling in one.ceilings if ceiling.perfect), None)
    if limit and row.tau_low > limit.tau_high:
        text += (
            f"; that is above what {limit.first} reaches under the noise of training "
            f"({decimal(limit.tau)}): was it fitted to these accuracies?"
        )
    if row.n < FEW:
        text += "; so few networks give a hint, not a verdict"
    return f"{text}."


def _networks(row: CorrelationRow) -> str:
    """Write the number of networks, and their total if some have no score."""
    if row.n == row.n_population:
        return several(row.n, "network")
    return f"the {row.n:,} of {several(row.n_population, 'network')} that have a score"


def _versus(other: str, compared: PairComparison | None) -> str:
    found = relation(compared)
    if compared is None or found == "unknown":
        return ""
    if found == "the same ranking":
        return f"; against {other}, no difference in any resample"
    delta = estimate(compared.delta, compared.delta_low, compared.delta_high, sign=True)
    known = f"{delta}, {p_value(compared.p_holm)}"
    return f"; {found} {'than' if found in ('better', 'worse') else 'from'} {other} ({known})"


def _of_size(standings: Sequence[Standing]) -> Iterator[str]:
    for one in standings:
        rhos = ", ".join(f"{decimal(rho)} with {size}" for size, rho in one.rho_with)
        if not rhos or math.isnan(one.row.tau):
            continue
        text = f"{one.space}: rho of the score {rhos}"
        partial = partial_given(one.partial, ("params",))
        if partial is not None and math.isnan(partial.rho):
            text += "; given params nothing of it is left"
        elif partial is not None:
            shown = estimate(partial.rho, partial.rho_low, partial.rho_high)
            text += f"; with the accuracy, given params, {shown}"
            if partial.rho_low <= 0 <= partial.rho_high:
                text += ", no more than chance"
        yield f"{text}."


def _of_neighbours(standings: Sequence[Standing]) -> Iterator[str]:
    for one in standings:
        near, best = one.nearest, one.with_best
        if near is None:
            continue
        text = (
            f"{one.space}: it ranks most like {near.other}, rho {decimal(near.rho)}; added to "
            f"{near.other} by rank it {_adds(near.delta, near.delta_low, near.delta_high)}"
        )
        if best is not None:
            text += (
                f"; added to the best baseline, {best.other}, it "
                f"{_adds(best.delta, best.delta_low, best.delta_high)}"
            )
        yield f"{text}."


def _adds(delta: float, low: float, high: float) -> str:
    if math.isnan(delta):
        return "gives nothing that can be compared"
    shown = f"{estimate(delta, low, high, sign=True)} in tau-b"
    if low > 0:
        return f"helps ({shown})"
    return f"does harm ({shown})" if high < 0 else f"changes nothing for certain ({shown})"


def _of_searches(searches: Sequence[SearchComparison]) -> Iterator[str]:
    for one in _largest(searches):
        text = (
            f"{short_target(one.space, one.target)}, best of {one.n:,} draws: "
            f"{decimal(one.found[0].values.mean, 2)}; one at random {decimal(one.random[0], 2)}, "
            f"an oracle {decimal(one.oracle[0], 2)}"
        )
        naswot = next((found for found in one.found if found.name == "naswot"), None)
        if naswot and not math.isnan(naswot.values.mean):
            d = naswot.difference or PairedDifference(0, *[math.nan] * 3)
            low, high = decimal(d.low, 2, sign=True), decimal(d.high, 2, sign=True)
            text += (
                f", NASWOT {decimal(naswot.values.mean, 2)} (difference "
                f"{decimal(d.mean, 2, sign=True)} [{low}, {high}] over the draws)"
            )
        yield f"{text}."


def _largest(searches: Sequence[SearchComparison]) -> Iterator[SearchComparison]:
    """Select the search with the most draws on the first target of each space."""
    best: dict[str, SearchComparison] = {}
    for one in searches:
        held = best.setdefault(one.space, one)
        if held.target == one.target and one.n > held.n:
            best[one.space] = one
    yield from best.values()


def _of_steadiness(steadiness: Sequence[Steadiness]) -> Iterator[str]:
    for one in steadiness:
        s = one.stability
        if math.isnan(s.rho):
            continue
        text = f"{one.space}, another {one.what}: rho {decimal(s.rho)} on {several(s.n, 'network')}"
        if not math.isnan(s.tau_sd):
            text += f", tau-b {decimal(s.taus[0])} and {decimal(s.taus[1])}"
        if s.rho < UNSTABLE:
            text += f"; much of the ranking is decided by the {one.what}"
        yield f"{text}."


def _of_labels(evidence: Evidence) -> Iterator[str]:
    if evidence.needs_labels is None or evidence.changes_with_labels is None:
        return
    changes = "changes" if evidence.changes_with_labels else "does not change"
    needed = "needed" if evidence.needs_labels else "not needed"
    yield f"They are {needed}; the score {changes} when they are permuted."


def _of_contract(evidence: Evidence) -> Iterator[str]:
    if evidence.broken:
        number = several(len(evidence.broken), "promise")
        yield f"It breaks {number}: {' '.join(evidence.broken)}"
    if evidence.not_examined:
        yield f"It could not be examined: {evidence.not_examined}"


def _of_failures(evidence: Evidence) -> Iterator[str]:
    if evidence.failures:
        yield (
            f"{evidence.failures:,} of {evidence.wanted:,} scores failed; networks without a score "
            "are not ranked."
        )


def _of_sources(evidence: Evidence) -> Iterator[str]:
    if reached := evidence.reached:
        more = f"; and {len(reached) - _SHOWN:,} more" if len(reached) > _SHOWN else ""
        yield (
            f"Besides computing it {'; '.join(reached[:_SHOWN])}{more}. Whether accuracies are in "
            "there cannot be told from outside: look."
        )
    yield from (f"{one[:1].upper()}{one[1:]}." for one in evidence.suspicions)


def _one_a_space(standings: Sequence[Standing]) -> list[Standing]:
    first: dict[str, Standing] = {}
    for one in standings:
        first.setdefault(one.space, one)
    return list(first.values())
