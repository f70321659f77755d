"""How well a new indicator ranks: against every baseline, at the top, and in a search."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from untrained.reports.blocks.block import Part
from untrained.reports.figures.dot_rows import Dots, dot_rows
from untrained.reports.figures.drawing import Figure
from untrained.reports.pages.verdict import short_target
from untrained.reports.tables.columns import RHO, TAU
from untrained.reports.tables.grid import Cell, GridColumn, number, paired, whole_number, words
from untrained.reports.tables.numbers import decimal
from untrained.results.searches.comparison import SearchComparison
from untrained.results.statistics.correlation import CorrelationRow
from untrained.results.statistics.indicator_comparison import Evidence, Standing, relation
from untrained.results.statistics.pairwise import PairComparison
from untrained.results.statistics.top import TopRanking


def standing_part(evidence: Evidence) -> Part | None:
    """A line a target: beside params and the best baseline."""
    if not evidence.standings:
        return None
    grid = paired(
        "standing",
        (
            GridColumn("target", "Target", kind="text"),
            GridColumn("n", "n", "networks with a score and an accuracy"),
            GridColumn("tau", f"{TAU}-b", interval=True),
            GridColumn("rho", RHO, interval=True, aside=True),
            GridColumn("against_params", "than params", kind="text"),
            GridColumn("params", f"{TAU} \N{MINUS SIGN} params", interval=True),
            GridColumn("p_params", "p, Holm"),
            GridColumn("best", "best baseline", kind="text", code=True),
            GridColumn("against_best", "than the best", kind="text"),
            GridColumn("delta_best", f"{TAU} \N{MINUS SIGN} best", interval=True),
            GridColumn("p_best", "p, Holm"),
        ),
        tuple(_standing_row(one) for one in evidence.standings),
    )
    return Part(
        "standing",
        "Where it stands",
        "Differences are paired on the same networks, with 95 % bootstrap intervals; p is adjusted "
        "by Holm's method for all baselines of a target. The best baseline is the best by these "
        "very accuracies among those that have scored at least half of the networks, which "
        "favours it.",
        grid,
        (_standing_figure(evidence),),
    )


def _standing_row(one: Standing) -> tuple[Cell, ...]:
    row = one.row
    params, best = one.against("params"), one.against(one.best) if one.best else None
    return (
        words(short_target(one.space, one.target)),
        whole_number(row.n),
        number(row.tau, low=row.tau_low, high=row.tau_high),
        number(row.rho, low=row.rho_low, high=row.rho_high),
        words(relation(params)),
        *_difference(params),
        words(one.best or ""),
        words(relation(best)),
        *_difference(best),
    )


def _difference(one: PairComparison | None) -> tuple[Cell, Cell]:
    if one is None:
        return number(math.nan), number(math.nan)
    return (
        number(one.delta, sign=True, low=one.delta_low, high=one.delta_high),
        _p(one.p_holm),
    )


def _p(value: float) -> Cell:
    """A p-value; one too small to print is not printed as zero."""
    if math.isnan(value):
        return number(math.nan)
    return Cell("<0.0001" if value < 0.0001 else decimal(value, 4), value)


def _standing_figure(evidence: Evidence) -> Figure:
    standings = evidence.standings
    rows: dict[str, list[CorrelationRow | None]] = {
        evidence.name: [one.row for one in standings],
        "params": [_other(one, "params") for one in standings],
        "best baseline": [_other(one, one.best) for one in standings],
    }
    nan = math.nan
    return dot_rows(
        [short_target(one.space, one.target) for one in standings],
        [
            Dots(
                label,
                tuple(nan if row is None else row.tau for row in those),
                tuple(nan if row is None else row.tau_low for row in those),
                tuple(nan if row is None else row.tau_high for row in those),
            )
            for label, those in rows.items()
        ],
        name="standing",
        text=f"Kendall's tau-b of {evidence.name}, params and the best baseline on every target",
        x_label="Kendall tau-b",
    )


def _other(one: Standing, name: str | None) -> CorrelationRow | None:
    return next((row for row in one.others if row.indicator == name), None)


def against_parts(evidence: Evidence) -> Iterable[Part]:
    """For each target a line for every baseline, those that are most ahead first."""
    for i, one in enumerate(evidence.standings, start=1):
        compared = sorted(
            (c for c in one.comparisons if not math.isnan(c.delta)),
            key=lambda c: (c.delta, c.second),
        )
        if not compared:
            continue
        taus = {row.indicator: row for row in one.others}
        grid = paired(
            f"against-{i}",
            (
                GridColumn("baseline", "Baseline", kind="text", code=True),
                GridColumn("relation", f"{evidence.name} is", kind="text"),
                GridColumn("delta", f"difference of {TAU}", interval=True),
                GridColumn("p", "p", aside=True),
                GridColumn("p_holm", "p, Holm"),
                GridColumn("n", "n", "networks that both have scored"),
                GridColumn("tau", f"its {TAU}-b", interval=True, aside=True),
            ),
            tuple(
                (
                    words(c.second),
                    words(relation(c)),
                    number(c.delta, sign=True, low=c.delta_low, high=c.delta_high),
                    _p(c.p),
                    _p(c.p_holm),
                    whole_number(c.n),
                    number(
                        taus[c.second].tau, low=taus[c.second].tau_low, high=taus[c.second].tau_high
                    ),
                )
                for c in compared
            ),
        )
        yield Part(
            f"against-{i}",
            f"Against every stored baseline: {one.space}, {one.target}",
            f"{TAU}-b of {evidence.name} minus that of the baseline over the networks that both "
            "have scored, with paired 95 % intervals.",
            grid,
        )


def top_part(evidence: Evidence) -> Part | None:
    """The best tenth, beside the best baseline and the noise ceiling."""
    rows = [_top_row(one) for one in evidence.standings if one.top is not None and one.top.slices]
    if not rows:
        return None
    return Part(
        "top",
        "The top of the ranking",
        "The best 10 % of the networks by the truth; precision is the share of the 10 % best by "
        "score that are among them, which chance puts at 0.1. The ceiling is what one training of "
        "the same networks says of another. Regret is in the unit of the target: what the best "
        "network has over the best of the ten best-scored ones.",
        paired(
            "top",
            (
                GridColumn("target", "Target", kind="text"),
                GridColumn("tau", f"{TAU}-b, best 10 %", interval=True),
                GridColumn("ceiling", "ceiling"),
                GridColumn("best", "best baseline", interval=True),
                GridColumn("precision", "precision, 10 %", interval=True),
                GridColumn("precision_best", "best baseline's"),
                GridColumn("ndcg", "nDCG, 10 %", aside=True),
                GridColumn("regret", "regret, best of 10"),
                GridColumn("regret_best", "best baseline's"),
            ),
            tuple(rows),
        ),
        notes=tuple(
            f"{one.space}, {one.target}: {ceiling.first} against {ceiling.second}: {TAU}-b over "
            f"all networks {decimal(ceiling.tau)} (n = {ceiling.n:,})"
            for one in evidence.standings
            for ceiling in one.ceilings[:1]
        ),
    )


def _top_row(one: Standing) -> tuple[Cell, ...]:
    assert one.top is not None
    mine, best = one.top.slice_of(0.1), one.best_top.slice_of(0.1) if one.best_top else None
    nan = math.nan
    ceiling = one.ceilings[0].slices if one.ceilings else ()
    limit = next((s.tau for s in ceiling if math.isclose(s.fraction, 0.1)), nan)
    return (
        words(short_target(one.space, one.target)),
        number(mine.tau, low=mine.tau_low, high=mine.tau_high) if mine else number(nan),
        number(limit),
        number(best.tau, low=best.tau_low, high=best.tau_high) if best else number(nan),
        number(mine.precision, low=mine.precision_low, high=mine.precision_high)
        if mine
        else number(nan),
        number(best.precision if best else nan),
        number(mine.ndcg if mine else nan),
        number(_regret(one.top), 2),
        number(_regret(one.best_top), 2),
    )


def _regret(top: TopRanking | None) -> float:
    return top.picks[-1].regret if top is not None and top.picks else math.nan


def search_part(searches: Sequence[SearchComparison]) -> Part | None:
    """Best-of-n searches by the candidate's score and by others."""
    if not searches:
        return None
    lines: list[tuple[Cell, ...]] = []
    for one in searches:
        where = words(short_target(one.space, one.target))
        n = whole_number(one.n)
        for found in one.found:
            d = found.difference
            lines.append(
                (
                    where,
                    n,
                    words(found.name),
                    number(found.values.mean, 2),
                    number(found.values.sd, 2),
                    number(d.mean, 2, sign=True, low=d.low, high=d.high) if d else number(math.nan),
                )
            )
        for name, (mean, sd) in (("one at random", one.random), ("oracle", one.oracle)):
            exact = words(name), number(mean, 2), number(sd, 2), number(math.nan)
            lines.append((where, n, *exact))
    runs = searches[0].found[0].values.n
    return Part(
        "search",
        "In NASWOT's place",
        f"Random search: n of the networks are drawn with replacement and the one with the best "
        f"score is the answer; {runs:,} runs. The accuracy of the answers is shown. Runs of the "
        "same number draw the same networks whatever they are searched by, so the differences are "
        "paired; their intervals are about the draws, not about other networks. The oracle takes "
        "the truly best of its draws (exact).",
        paired(
            "search",
            (
                GridColumn("target", "Target", kind="text"),
                GridColumn("n", "n"),
                GridColumn("score", "by", kind="text", code=True),
                GridColumn("mean", "mean"),
                GridColumn("sd", "sd"),
                GridColumn("difference", "gain over it", interval=True),
            ),
            tuple(lines),
        ),
        notes=tuple(
            dict.fromkeys(
                f"{one.space}: {one.networks:,} networks can be drawn" for one in searches
            )
        ),
    )


def steadiness_part(evidence: Evidence) -> Part | None:
    """The same networks under another initialisation, and with another batch."""
    if not evidence.steadiness:
        return None
    return Part(
        "steadiness",
        "Another seed, another batch",
        "The same networks scored once more: initialised anew, or shown another batch. rho is that "
        "between the two scorings; tau-b is that with the accuracies.",
        paired(
            "steadiness",
            (
                GridColumn("space", "Space", kind="text"),
                GridColumn("what", "another", kind="text"),
                GridColumn("n", "n"),
                GridColumn("rho", f"{RHO} between"),
                GridColumn("first", f"{TAU}-b, first"),
                GridColumn("second", f"{TAU}-b, other"),
            ),
            tuple(
                (
                    words(one.space),
                    words(one.what),
                    whole_number(one.stability.n),
                    number(one.stability.rho),
                    number(one.stability.taus[0]),
                    number(one.stability.taus[1]),
                )
                for one in evidence.steadiness
            ),
        ),
    )
