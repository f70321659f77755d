"""Parts on the ranking of a new indicator: against baselines, at the top, in a search."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from untrained.reports.blocks.block import Part
from untrained.reports.blocks.top import ceiling_inside, ceiling_name, perfect_of
from untrained.reports.figures.dot_rows import Dots, dot_rows
from untrained.reports.figures.drawing import Figure
from untrained.reports.pages.verdict import short_target
from untrained.reports.tables.columns import MINUS, RHO, TAU
from untrained.reports.tables.grid import Column, Estimate, Grid, estimate_of, probability
from untrained.reports.tables.numbers import decimal
from untrained.results.searches.comparison import PairedDifference, SearchComparison
from untrained.results.statistics.correlation import CorrelationRow
from untrained.results.statistics.indicator_comparison import Evidence, Standing, relation
from untrained.results.statistics.pairwise import PairComparison
from untrained.results.statistics.top import MIN_SLICE, TopRanking, TopSlice

TARGET = Column("target", "Target", lambda one: short_target(one.space, one.target), kind="text")


def standing_part(evidence: Evidence) -> Part | None:
    """Tabulate each target: the candidate beside params and the best baseline."""
    if not evidence.standings:
        return None
    columns = (
        TARGET,
        Column("n", "n", "row.n", "networks with a score and an accuracy"),
        Column("tau", f"{TAU}-b", "row.tau", interval=True),
        Column("rho", RHO, "row.rho", interval=True, aside=True),
        Column("against_params", "than params", lambda one: relation(_params(one)), kind="text"),
        *_difference("params", "params", _params),
        Column("best", "best baseline", kind="code"),
        Column("against_best", "than the best", lambda one: relation(_best(one)), kind="text"),
        *_difference("delta_best", "best", _best),
    )
    return Part(
        "standing",
        "Where it stands",
        "Differences are paired on the same networks, with 95 % bootstrap intervals; p is adjusted "
        "by Holm's method for all baselines of a target. The best baseline is the best by these "
        "very accuracies among those that have scored at least half of the networks, which "
        "favours it.",
        Grid("standing", columns, evidence.standings),
        (_standing_figure(evidence),),
    )


def _params(one: Standing) -> PairComparison | None:
    return one.against("params")


def _best(one: Standing) -> PairComparison | None:
    return one.against(one.best) if one.best else None


def _difference(
    name: str, other: str, compared: Callable[[Standing], PairComparison | None]
) -> tuple[Column, Column]:
    """Make the columns of the difference to another indicator and of its p."""
    return (
        Column(
            name,
            f"{TAU} {MINUS} {other}",
            lambda one: estimate_of(compared(one), "delta"),
            interval=True,
            sign=True,
        ),
        Column(
            f"p_{other}",
            "p, Holm",
            lambda one: getattr(compared(one), "p_holm", None),
            show=probability,
        ),
    )


def _standing_figure(evidence: Evidence) -> Figure:
    standings = evidence.standings
    rows: dict[str, list[CorrelationRow | None]] = {
        evidence.name: [one.row for one in standings],
        "params": [_other(one, "params") for one in standings],
        "best baseline": [_other(one, one.best) for one in standings],
    }
    return dot_rows(
        [short_target(one.space, one.target) for one in standings],
        [Dots.of(label, those, "tau") for label, those in rows.items()],
        name="standing",
        text=f"Kendall's tau-b of {evidence.name}, params and the best baseline on every target",
        x_label="Kendall tau-b",
    )


def _other(one: Standing, name: str | None) -> CorrelationRow | None:
    return next((row for row in one.others if row.indicator == name), None)


def against_parts(evidence: Evidence) -> Iterable[Part]:
    """Tabulate every baseline of each target, the baselines that are most ahead first."""
    for i, one in enumerate(evidence.standings, start=1):
        compared = sorted(
            (c for c in one.comparisons if not math.isnan(c.delta)),
            key=lambda c: (c.delta, c.second),
        )
        if not compared:
            continue
        columns = (
            Column("baseline", "Baseline", "second", kind="code"),
            Column("relation", f"{evidence.name} is", relation, kind="text"),
            Column("delta", f"difference of {TAU}", interval=True, sign=True),
            Column("p", "p", aside=True, show=probability),
            Column("p_holm", "p, Holm", show=probability),
            Column("n", "n", note="networks that both have scored"),
            Column(
                "tau",
                f"its {TAU}-b",
                partial(_tau_of, {row.indicator: row for row in one.others}),
                interval=True,
                aside=True,
            ),
        )
        yield Part(
            f"against-{i}",
            f"Against every stored baseline: {one.space}, {one.target}",
            f"{TAU}-b of {evidence.name} minus that of the baseline over the networks that both "
            "have scored, with paired 95 % intervals.",
            Grid(f"against-{i}", columns, compared),
        )


def _tau_of(rows: dict[str, CorrelationRow], pair: PairComparison) -> Estimate:
    return estimate_of(rows[pair.second], "tau")


def top_part(evidence: Evidence) -> Part | None:
    """Tabulate the best tenth, beside the best baseline and a perfect predictor."""
    rows = [one for one in evidence.standings if one.top is not None and one.top.slices]
    if not rows:
        return None
    return Part(
        "top",
        "The top of the ranking",
        "The best 10 % of the networks by the truth; precision is the share of the 10 % best by "
        "score that are among them, which chance puts at 0.1. A tenth of fewer than "
        f"{MIN_SLICE} networks is left out. The ceiling is what a perfect predictor reaches under "
        "the noise of training. Regret is in the unit of the target: what the best network has "
        "over the best of the ten best-scored ones.",
        Grid("top", _TOP, rows),
        notes=tuple(
            f"{one.space}: {ceiling_name(ceiling)}: {TAU}-b over all networks "
            f"{decimal(ceiling.tau)} (n = {ceiling.n:,})"
            for one in evidence.standings
            if (ceiling := perfect_of(one.ceilings))
        ),
    )


def _tenth(top: TopRanking | None) -> TopSlice | None:
    return top.slice_of(0.1) if top else None


def _regret(top: TopRanking | None) -> float:
    return top.picks[-1].regret if top is not None and top.picks else math.nan


_TOP = (
    TARGET,
    Column(
        "tau", f"{TAU}-b, best 10 %", lambda one: estimate_of(_tenth(one.top), "tau"), interval=True
    ),
    Column("ceiling", "ceiling", lambda one: ceiling_inside(perfect_of(one.ceilings), 0.1)),
    Column(
        "best", "best baseline", lambda one: estimate_of(_tenth(one.best_top), "tau"), interval=True
    ),
    Column(
        "precision",
        "precision, 10 %",
        lambda one: estimate_of(_tenth(one.top), "precision"),
        interval=True,
    ),
    Column(
        "precision_best",
        "best baseline's",
        lambda one: getattr(_tenth(one.best_top), "precision", None),
    ),
    Column("ndcg", "nDCG, 10 %", lambda one: getattr(_tenth(one.top), "ndcg", None), aside=True),
    Column("regret", "regret, best of 10", lambda one: _regret(one.top), places=2),
    Column("regret_best", "best baseline's", lambda one: _regret(one.best_top), places=2),
)


class _Searched(NamedTuple):
    """Results of searches by one score."""

    search: SearchComparison
    score: str
    mean: float
    sd: float
    gain: PairedDifference | None = None


_SEARCH = (
    Column(
        "target",
        "Target",
        lambda line: short_target(line.search.space, line.search.target),
        kind="text",
    ),
    Column("n", "n", "search.n"),
    Column("score", "by", kind="code"),
    Column("mean", "mean", places=2),
    Column("sd", "sd", places=2),
    Column(
        "difference",
        "gain over it",
        lambda line: (line.gain.mean, line.gain.low, line.gain.high) if line.gain else None,
        interval=True,
        places=2,
        sign=True,
    ),
)


def search_part(searches: Sequence[SearchComparison]) -> Part | None:
    """Tabulate best-of-n searches by the candidate's score and by others."""
    if not searches:
        return None
    lines = []
    for one in searches:
        for found in one.found:
            gain = found.difference
            lines.append(_Searched(one, found.name, found.values.mean, found.values.sd, gain))
        lines.append(_Searched(one, "one at random", *one.random))
        lines.append(_Searched(one, "oracle", *one.oracle))
    runs = searches[0].found[0].values.n
    return Part(
        "search",
        "In NASWOT's place",
        f"Random search: n of the networks are drawn with replacement and the one with the best "
        f"score is the answer; {runs:,} runs. The accuracy of the answers is shown. Runs of the "
        "same number draw the same networks whatever they are searched by, so the differences are "
        "paired; their intervals are about the draws, not about other networks. The oracle takes "
        "the truly best of its draws (exact).",
        Grid("search", _SEARCH, lines),
        notes=tuple(
            dict.fromkeys(
                f"{one.space}: {one.networks:,} networks can be drawn" for one in searches
            )
        ),
    )


def steadiness_part(evidence: Evidence) -> Part | None:
    """Tabulate the same networks under another initialisation and with another batch."""
    if not evidence.steadiness:
        return None
    return Part(
        "steadiness",
        "Another seed, another batch",
        "The same networks scored once more: initialised anew, or shown another batch. rho is that "
        "between the two scorings; tau-b is that with the accuracies.",
        Grid(
            "steadiness",
            (
                Column("space", "Space", kind="text"),
                Column("what", "another", kind="text"),
                Column("n", "n", "stability.n"),
                Column("rho", f"{RHO} between", "stability.rho"),
                Column("first", f"{TAU}-b, first", lambda one: one.stability.taus[0]),
                Column("second", f"{TAU}-b, other", lambda one: one.stability.taus[1]),
            ),
            evidence.steadiness,
        ),
    )
