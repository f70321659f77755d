"""Data of the figures of a search report: landscape, logged series, rounds of pruning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy
from numpy.typing import NDArray

from untrained.foundation import UserError
from untrained.harness.search.algorithms.pareto import FRONT
from untrained.harness.search.estimator import Estimator, find_estimator
from untrained.harness.search.evaluators.stored_scores import read_scores
from untrained.harness.search.experiment.run import GroundTruth, SearchRuns
from untrained.harness.search.searcher import Asks
from untrained.harness.study.search_study import SearchStudy
from untrained.results.searches.runs import Landscape, Logged, Pruning, Route, Surface, anytime
from untrained.results.searches.table import heading
from untrained.results.store.committed import find_scores
from untrained.spaces import Architecture, spaces
from untrained.spaces.framework.product_space import Decisions

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_MOST_ROUTES = 4
_MOVES = {Asks.scores, Asks.supernet, Asks.supernet_gradient}
"""Requests of searches that move from network to network."""
_GRID = 200
_ROUNDS = "operations"
"""The series of a pruned supernet: its number of operations."""
_PAIR = ("linear_regions", "ntk_condition")
"""x and y of the plot of pruning rounds, as in the TE-NAS paper's Figure 5."""


def landscape_of(
    study: SearchStudy, searches: Sequence[SearchRuns], truth: GroundTruth | None, main: int
) -> Landscape | None:
    """Project a study's stored scores and a run of each search onto a plane.

    Architectures are points of the space in which the square of a distance is an edit distance,
    the number of decisions in which two differ. The plane is the one in which the ranks of the
    indicators vary most: the two leading directions of their linear fit. Accuracies do not
    influence it. The run of a search is the one with the median answer, the lower of two.

    Args:
        study: with stored scores.
        main: column of the accuracy; -1: none.

    Returns:
        None without stored scores, or where the space is no product of decisions.

    Raises:
        UserError: the study names a search that it does not have.
    """
    path = study.known_scores or study.scores or study.store
    chosen = _chosen(study, searches)
    decisions = spaces[study.space].decisions()
    if path is None or not chosen or decisions is None:
        return None
    estimator = _indicators(study, chosen)
    if estimator is None:
        return None
    stored = read_scores(find_scores(path), study.space, estimator, protocols=study.protocols)
    texts = list(stored.values)
    heights = _ranks(np.array([estimator.oriented(stored.values[text]) for text in texts]))
    positions = embed(decisions, study.space, texts)
    complete = ~np.isnan(heights).any(axis=1)
    if complete.sum() <= positions.shape[1]:
        return None
    mean = positions.mean(axis=0)
    plane = steepest_plane(positions[complete] - mean, heights[complete])
    points = (positions - mean) @ plane
    labels = list(estimator.indicators)
    if truth is not None and main >= 0:
        column = truth.columns[main].column
        values = truth.values(main, texts) * (1.0 if column.higher_is_better else -1.0)
        heights = np.column_stack([heights, _ranks(values[:, None])])
        labels.append(heading(column))
    return Landscape(
        points=points,
        surfaces=tuple(
            Surface(label, column, _explained(points, column))
            for label, column in zip(labels, heights.T, strict=True)
        ),
        routes=tuple(
            _route(search, truth, main, lambda a: (embed(decisions, study.space, a) - mean) @ plane)
            for search in chosen
        ),
        decisions=len(decisions.choices),
        share=float(points.var(axis=0).sum() / positions.var(axis=0).sum()),
    )


def landscape_of_scores(space: str, scores: pd.DataFrame) -> Landscape | None:
    """Project scores onto a plane, as `landscape_of` does those of a study.

    Args:
        space: registered name of a space that is a product of decisions.
        scores: one row an architecture, one column an indicator, higher is better; rows with
            missing values are left out.

    Returns:
        None where the space is no such product, or has too few complete rows.
    """
    decisions, known = spaces[space].decisions(), scores.dropna()
    if decisions is None:
        return None
    positions = embed(decisions, space, [str(text) for text in known.index])
    if len(known) <= positions.shape[1]:
        return None
    heights = _ranks(known.to_numpy(dtype=np.float64))
    centred = positions - positions.mean(axis=0)
    points = centred @ steepest_plane(centred, heights)
    return Landscape(
        points=points,
        surfaces=tuple(
            Surface(str(name), column, _explained(points, column))
            for name, column in zip(known.columns, heights.T, strict=True)
        ),
        routes=(),
        decisions=len(decisions.choices),
        share=float(points.var(axis=0).sum() / centred.var(axis=0).sum()),
    )


def embed(decisions: Decisions, space: str, texts: Sequence[str]) -> Floats:
    """Place architectures at points whose squared distances are edit distances.

    Each choice of each decision is a coordinate, 1/sqrt(2) where it is made and 0 elsewhere. This
    is the classical scaling of the square roots of edit distances, in closed form.

    Returns:
        (architectures, choices of all decisions).
    """
    starts = np.cumsum([0, *decisions.choices[:-1]])
    points = np.zeros((len(texts), sum(decisions.choices)))
    for row, text in zip(points, texts, strict=True):
        row[starts + np.array(decisions.chosen(Architecture(space, text)))] = np.sqrt(0.5)
    return points


def steepest_plane(positions: Floats, heights: Floats) -> Floats:
    """Find the two orthonormal directions along which some heights vary most.

    Heights are standardised and fitted linearly by least squares; the directions are those of the
    two leading principal components of the fit, made orthogonal. With a single height the second
    direction is that of the largest variance of the positions, at right angles to the first. The
    first height rises along the first direction, and the second's largest entry is positive.

    Args:
        positions: (n, dimensions), of mean about zero.
        heights: (n, heights), without NaN.

    Returns:
        (dimensions, 2).
    """
    spread = heights.std(axis=0)
    standard = (heights - heights.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    # positions are dependent (each decision makes one choice): of all fits the shortest
    fit = np.linalg.lstsq(positions, standard, rcond=1e-10)[0]
    _, _, mixes = np.linalg.svd(positions @ fit, full_matrices=False)
    directions = fit @ mixes[:2].T
    if directions.shape[1] < 2:
        first = directions[:, 0] / np.linalg.norm(directions[:, 0])
        rest = positions - np.outer(positions @ first, first)
        directions = np.column_stack([first, np.linalg.svd(rest, full_matrices=False)[2][0]])
    plane, _ = np.linalg.qr(directions)
    if (plane[:, 0] @ fit[:, 0]) < 0:
        plane[:, 0] *= -1
    if plane[np.argmax(np.abs(plane[:, 1])), 1] < 0:
        plane[:, 1] *= -1
    result: Floats = plane
    return result


def _chosen(study: SearchStudy, searches: Sequence[SearchRuns]) -> list[SearchRuns]:
    if study.landscape is not None:
        by_label = {search.label: search for search in searches}
        absent = [label for label in study.landscape.searches if label not in by_label]
        if absent:
            raise UserError(
                f"the landscape is to show the search {absent[0]!r}, which the study has not; it "
                f"has {', '.join(by_label)}; correct the list searches of [landscape]"
            )
        return [by_label[label] for label in study.landscape.searches]
    moving = [s for s in searches if s.prepared.asks & _MOVES and s.prepared.estimator is not None]
    return moving[:_MOST_ROUTES]


def _indicators(study: SearchStudy, chosen: Sequence[SearchRuns]) -> Estimator | None:
    """Combine all indicators of some searches in one estimator, to read their stored scores."""
    if study.landscape is not None and study.landscape.indicators:
        return find_estimator(study.landscape.indicators)
    estimators = [search.prepared.estimator for search in chosen]
    names = dict.fromkeys(name for one in estimators if one is not None for name in one.indicators)
    return find_estimator(list(names)) if names else None


def _route(
    search: SearchRuns,
    truth: GroundTruth | None,
    main: int,
    project: Callable[[Sequence[str]], Floats],
) -> Route:
    runs = search.trajectories
    number = 0
    if truth is not None and main >= 0:
        finals = truth.values(main, [run.final for run in runs])
        order = np.argsort(np.nan_to_num(finals, nan=-np.inf), kind="stable")
        number = int(order[(len(order) - 1) // 2])
    run = runs[number]
    steps = [i for i, text in enumerate(run.incumbents) if i == 0 or text != run.incumbents[i - 1]]
    points = np.asarray(project([run.incumbents[i] for i in steps]), dtype=np.float64)
    return Route(search.label, number, points, run.evaluations[steps])


def _ranks(columns: Floats) -> Floats:
    """Rank every column from 0, the worst, to 1; NaN stays, ties share their mean."""
    ranks = scipy.stats.rankdata(columns, axis=0, nan_policy="omit") - 1
    found: Floats = ranks / np.maximum((~np.isnan(columns)).sum(axis=0) - 1, 1)
    return found


def _explained(points: Floats, height: Floats) -> float:
    """Compute R² of the height's linear fit on the coordinates."""
    there = ~np.isnan(height)
    if there.sum() < 4 or np.ptp(height[there]) == 0:
        return float("nan")
    inputs = np.column_stack([np.ones(int(there.sum())), points[there]])
    fit = inputs @ np.linalg.lstsq(inputs, height[there], rcond=None)[0]
    return float(fit.var() / height[there].var())


def logged(
    searches: Sequence[SearchRuns], truth: GroundTruth | None, main: int
) -> tuple[Logged, ...]:
    """Make curves of the series that searches by scores log, and of the incumbents' accuracy."""
    curves = []
    for search in searches:
        runs, estimator = search.trajectories, search.prepared.estimator
        names = [name for name in runs[0].series if name not in ("is_likeliest", FRONT)]
        if not names or _ROUNDS in names or estimator is None:
            continue
        # the estimator's indicators in its order, then the rest by name
        first = [name for name in estimator.indicators if name in names]
        names = first + sorted(name for name in names if name not in first)
        # infinitely bad scores have no mean
        series = {
            name: [np.where(np.isinf(run.series[name]), np.nan, run.series[name]) for run in runs]
            for name in names
        }
        if truth is not None and main >= 0:
            label = heading(truth.columns[main].column)
            series[label] = [truth.values(main, run.incumbents) for run in runs]
        numbers = [run.evaluations.astype(np.float64) for run in runs]
        grid = np.linspace(min(run[0] for run in numbers), max(run[-1] for run in numbers), _GRID)
        by_name = {name: anytime(numbers, values, grid) for name, values in series.items()}
        curves.append(Logged(search.label, by_name))
    return tuple(curves)


def prunings(searches: Sequence[SearchRuns]) -> tuple[Pruning, ...]:
    """Pair condition number and linear regions of the supernets that searches pruned."""
    x_name, y_name = _PAIR
    return tuple(
        Pruning(
            search.label,
            x_name,
            y_name,
            tuple(
                np.column_stack([run.series[x_name], run.series[y_name]])
                for run in search.trajectories
            ),
        )
        for search in searches
        if all({*_PAIR, _ROUNDS} <= set(run.series) for run in search.trajectories)
    )
