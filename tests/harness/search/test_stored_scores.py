"""Stored scores are read once a file, and anew where it has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from untrained.harness.search import find_estimator
from untrained.harness.search.evaluators.stored_scores import read_scores
from untrained.harness.search.requests import Scored
from untrained.indicators import indicators
from untrained.results import Score, ScoreStore, current_environment
from untrained.results.aggregates import BoundAggregate, aggregates
from untrained.spaces import spaces

PROTOCOL = indicators["params"].protocol
TEXTS = [arch.text for arch, _ in zip(spaces["nasbench201"], range(3), strict=False)]


def scored(path: Path, texts: list[str]) -> Path:
    """Write a store of one score for each architecture, and export it."""
    with ScoreStore(path.with_suffix(".sqlite")) as store:
        store.put_protocol(PROTOCOL.digest, PROTOCOL.canonical)
        scores = [
            Score(
                space="nasbench201",
                architecture=text,
                indicator="params",
                version=1,
                protocol=PROTOCOL.digest,
                seed=0,
                value=float(place),
                status="ok",
                reason="",
                alone_s=1.0,
                peak_bytes=None,
            )
            for place, text in enumerate(texts)
        ]
        store.put(scores, current_environment(device="cpu", threads=1))
        return store.export(path)


def test_an_export_is_read_once_until_it_changes(tmp_path: Path) -> None:
    params = find_estimator(["params"])
    path = scored(tmp_path / "scores.parquet", TEXTS[:2])
    first = read_scores(path, "nasbench201", params)
    assert dict(first.values) == {TEXTS[0]: (0.0,), TEXTS[1]: (1.0,)}
    assert read_scores(path, "nasbench201", params) is first
    again = read_scores(scored(path, TEXTS), "nasbench201", params)
    assert len(again.values) == 3


def test_a_store_is_read_anew_each_time(tmp_path: Path) -> None:
    params, path = find_estimator(["params"]), tmp_path / "scores.sqlite"
    scored(path.with_suffix(".parquet"), TEXTS[:2])
    assert len(read_scores(path, "nasbench201", params).values) == 2
    scored(path.with_suffix(".parquet"), TEXTS)
    assert len(read_scores(path, "nasbench201", params).values) == 3


def test_an_aggregate_that_is_infinite_and_would_rank_first_is_missing():
    kind = replace(
        aggregates["rank_sum"],
        higher_is_better=False,
        function=lambda scores, ties: np.array([-np.inf, 1.0, np.inf]),
    )
    chosen = find_estimator(["naswot", "snip"])
    chosen = replace(chosen, aggregate=BoundAggregate.of(kind, members=["naswot", "snip"]))
    networks = [Scored(spaces["nasbench201"].parse(t), (1, 1), (1, 1), 0.0) for t in TEXTS]
    np.testing.assert_array_equal(chosen.fitness(networks), [np.nan, -1, -np.inf])
