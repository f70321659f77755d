"""The tables of a report: against accuracies, or beside sizes where none are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from untrained.harness.analysis.correlation_tables import correlation_section
from untrained.harness.analysis.score_matrix import (
    functional_classes,
    row_provenances,
    score_matrix,
    score_notes,
    stand_in_notes,
    supervised_notes,
)
from untrained.harness.analysis.score_selection import ScoreSelection
from untrained.harness.study.study import Statistics
from untrained.harness.study.truth import ChosenTruth, NoTruth
from untrained.reports import Section
from untrained.results import (
    AgreementRow,
    AgreementTable,
    Resampling,
    agree,
    tied_pair_fraction,
)
from untrained.spaces import spaces


def agreement_table(
    ranked: ScoreSelection,
    truth: NoTruth,
    *,
    statistics: Statistics,
    command: str,
    title: str | None = None,
) -> AgreementTable:
    """The table of one search space.

    Args:
        title: of the table; by default the space's title and what it is.

    Raises:
        MissingData: no score fits.
    """
    scored = score_matrix(ranked)
    scores = scored.wide
    classes = functional_classes(ranked.space, scores.index) if statistics.by_class else None
    found = agree(
        scores,
        higher_is_better=scored.higher_is_better,
        resampling=Resampling(
            statistics.resamples, statistics.confidence, statistics.seed, statistics.interval
        ),
        clusters=classes,
    )
    return AgreementTable(
        title=title or f"{spaces[ranked.space].title}: agreement of scores, no accuracies",
        space=ranked.space,
        population=ranked.population,
        n_population=len(ranked.architectures),
        reason=truth.reason,
        resamples=statistics.resamples,
        confidence=statistics.confidence,
        bootstrap_seed=statistics.seed,
        interval=statistics.interval,
        clusters=None if classes is None else classes.nunique(),
        command=command,
        notes=(*score_notes(ranked), *stand_in_notes(ranked), *supervised_notes(ranked)),
        rows=tuple(
            AgreementRow(
                **row.provenance(),
                indicator=name,
                n=int(scores[name].count()),
                n_population=len(scores),
                ties=tied_pair_fraction(scores[name].dropna()),
                with_sizes=found.with_sizes[name],
            )
            for name, row in row_provenances(ranked, scored).items()
        ),
        redundancy=found.redundancy,
    )


def build_tables(
    ranked: Sequence[ScoreSelection],
    truths: Mapping[str, ChosenTruth | NoTruth],
    *,
    statistics: Statistics,
    command: str,
) -> tuple[list[Section], list[AgreementTable]]:
    """The tables of some search spaces: against accuracies where there are any.

    Raises:
        MissingData: no score of a space fits.
    """
    sections, agreements = [], []
    for part in ranked:
        truth = truths[part.space]
        if isinstance(truth, NoTruth):
            agreements.append(agreement_table(part, truth, statistics=statistics, command=command))
        else:
            section = correlation_section(part, truth, statistics=statistics, command=command)
            sections.append(section)
    return sections, agreements
