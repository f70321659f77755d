"""The bootstrap of rank correlations against a loop over scipy, on the same resamples."""

import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from untrained.results import correlate, resample_counts, weighted_rank_correlations

NUM_NETWORKS = 15_625
RESAMPLES = 1000
LOOPED = 10
"""Resamples that the loop is timed on; its time grows with their number and is extrapolated."""


def test_all_resamples_at_once_against_a_loop(benchmark):
    rng = np.random.default_rng(0)
    # rounded like accuracies in a table, so that there are ties beside those of resampling
    truth = rng.normal(size=NUM_NETWORKS).round(3)
    scores = truth + rng.normal(size=(2, NUM_NETWORKS))
    counts = np.concatenate(list(resample_counts(NUM_NETWORKS, RESAMPLES, rng)), axis=1)

    taus, rhos = benchmark.pedantic(
        weighted_rank_correlations, args=(scores, truth, counts), rounds=3, warmup_rounds=1
    )

    begin = time.perf_counter()
    looped = []
    for column in counts.T[:LOOPED]:
        drawn = np.repeat(np.arange(NUM_NETWORKS), column.astype(int))
        for x in scores:
            tau = stats.kendalltau(x[drawn], truth[drawn]).statistic
            looped.append((tau, stats.spearmanr(x[drawn], truth[drawn]).statistic))
    loop_s = (time.perf_counter() - begin) * RESAMPLES / LOOPED

    expected = np.reshape(looped, (LOOPED, 2, 2))
    np.testing.assert_allclose(taus[:, :LOOPED].T, expected[..., 0], rtol=1e-12)
    np.testing.assert_allclose(rhos[:, :LOOPED].T, expected[..., 1], rtol=1e-12)
    if benchmark.stats is None:
        pytest.skip("run with --benchmark-only to compare times")
    ratio = loop_s / benchmark.stats.stats.min
    benchmark.extra_info.update(
        seconds_per_score=benchmark.stats.stats.min / len(scores),
        loop_seconds_per_score_extrapolated=loop_s / len(scores),
        ratio=ratio,
    )
    # 16 were measured on two shared cores
    assert ratio > 5


def test_a_table_with_bca_intervals_against_a_loop(benchmark):
    """What a table of 25 indicators takes: resamples, and a jackknife of all networks."""
    rng = np.random.default_rng(0)
    truth = pd.Series(rng.normal(size=NUM_NETWORKS).round(3))
    scores = pd.DataFrame({name: truth + rng.normal(size=NUM_NETWORKS) for name in ("a", "b")})

    def table():
        begin = time.process_time()
        correlate(
            scores,
            truth,
            higher_is_better=dict.fromkeys(scores, True),
            resamples=RESAMPLES,
            interval="bca",
        )
        return time.process_time() - begin

    table_s = benchmark.pedantic(table, rounds=1, warmup_rounds=1)

    begin = time.process_time()
    for _ in range(LOOPED):
        drawn = rng.integers(NUM_NETWORKS, size=NUM_NETWORKS)
        for name in scores:
            x, y = scores[name].to_numpy()[drawn], truth.to_numpy()[drawn]
            stats.kendalltau(x, y)
            stats.spearmanr(x, y)
    # a plain jackknife repeats both for every network
    repetitions = RESAMPLES + NUM_NETWORKS
    loop_s = (time.process_time() - begin) * repetitions / LOOPED
    if benchmark.stats is None:
        pytest.skip("run with --benchmark-only to compare times")
    ratio = loop_s / table_s
    benchmark.extra_info.update(
        cpu_seconds_per_score=table_s / scores.shape[1],
        loop_cpu_seconds_per_score_extrapolated=loop_s / scores.shape[1],
        ratio=ratio,
    )
    assert ratio > 100
