import dataclasses
import math
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from untrained.results import Resampling
from untrained.results.comparison.score_changes import (
    Verdict,
    compare_scores,
    compare_sides,
    verdict_of,
)
from untrained.results.statistics.bootstrap import bootstrap_p
from untrained.results.statistics.pairwise import holm

N = 60
NAMES = pd.Index([f"a{i:03}" for i in range(N)])
RNG = np.random.default_rng(5)
TRUTH = pd.Series(RNG.normal(size=N), NAMES)
NOISY = pd.Series(TRUTH + RNG.normal(size=N), NAMES)
QUICK = Resampling(resamples=100)


def compare(before, after, truth=TRUTH, *, higher=True, **options):
    """One indicator, `x`."""
    (change,) = compare_scores(
        pd.DataFrame({"x": before}),
        pd.DataFrame({"x": after}),
        truth,
        higher_is_better={"x": higher},
        **{"resampling": QUICK, **options},
    )
    return change


def tau(x, y):
    return stats.kendalltau(x, y).statistic


def test_equal_scores_are_the_same_whatever_else_differs():
    change = compare(NOISY, NOISY.sample(frac=1, random_state=1), None)
    assert change.verdict == "same"
    assert (change.n, change.identical, change.largest_difference) == (N, N, 0)
    assert (change.tau, change.rho) == (1, 1)
    assert math.isnan(change.p)


def test_rounding_is_the_same_and_a_monotone_map_the_same_order():
    assert compare(NOISY, NOISY * (1 + 1e-9)).verdict == "same"
    change = compare(NOISY, np.exp(NOISY))
    assert change.verdict == "same order"
    assert change.identical == 0
    assert change.tau == 1
    assert (change.delta, change.delta_low, change.delta_high) == (0, 0, 0)


def test_a_turned_sign_and_a_constant_have_moved():
    change = compare(NOISY, -NOISY)
    assert change.verdict == "moved"
    assert change.tau == pytest.approx(-1)
    assert change.tau_after == -change.tau_before
    assert change.largest_difference == 2
    constant = compare(NOISY, NOISY * 0 + 1)
    assert constant.verdict == "moved"
    assert math.isnan(constant.tau)
    assert math.isnan(constant.p)
    assert compare(NOISY * 0, NOISY * 0 + 1).verdict == "same order"


def test_a_little_noise_on_few_networks_is_within_noise():
    change = compare(NOISY, NOISY + 0.3 * RNG.normal(size=N))
    assert change.verdict == "within noise"
    assert change.delta_low < 0 < change.delta_high
    assert change.p_holm > 0.05


def test_a_change_that_is_sure_and_tiny_is_negligible():
    change = compare(NOISY, NOISY + 0.3 * RNG.normal(size=N))
    sure = dataclasses.replace(change, p_holm=0.001, delta_low=0.002, delta_high=0.006)
    assert verdict_of(sure) == "negligible"
    assert verdict_of(sure, margin=0.005) == "moved"
    assert verdict_of(sure, margin=0.005, level=0.0001) == "within noise"


def test_lost_and_gained_scores_are_counted_beside_the_verdict():
    fewer = NOISY.copy()
    fewer.iloc[:4] = math.nan
    lost = compare(NOISY, fewer)
    assert (lost.verdict, lost.lost, lost.gained, lost.n) == ("same", 4, 0, N - 4)
    assert lost.coverage_before == 1
    assert lost.coverage_after == pytest.approx(1 - 4 / N)
    gained = compare(fewer, NOISY)
    assert (gained.verdict, gained.lost, gained.gained) == ("same", 0, 4)
    assert compare(NOISY, -fewer).verdict == "moved"
    gone = compare(NOISY, NOISY * math.nan)
    assert (gone.verdict, gone.lost) == ("cannot say", N)
    assert compare(NOISY * math.nan, NOISY * math.nan).verdict == "cannot say"


def test_different_scores_without_truth_or_of_two_networks_leave_nothing_to_say():
    other = NOISY + 0.3 * RNG.normal(size=N)
    change = compare(NOISY, other, None)
    assert change.verdict == "cannot say"
    assert change.n_truth == 0
    assert math.isnan(change.tau_before)
    assert change.tau == pytest.approx(tau(NOISY, other))
    assert compare(NOISY.head(2), other.head(2)).verdict == "cannot say"


def test_infinite_scores_are_ranks_and_infinitely_far_from_finite_ones():
    worst = NOISY.copy()
    worst.iloc[:2] = -math.inf
    assert compare(worst, worst).largest_difference == 0
    assert compare(NOISY, worst).largest_difference == math.inf
    # opposite and as large as numbers are
    assert compare(NOISY * 0 + 1.7e308, NOISY * 0 - 1.7e308).largest_difference == 2


def test_lower_is_better_turns_both_sides():
    other = NOISY + 0.3 * RNG.normal(size=N)
    up, down = compare(NOISY, other), compare(NOISY, other, higher=False)
    assert (down.tau_before, down.delta) == (-up.tau_before, -up.delta)
    assert (down.tau, down.p) == (up.tau, pytest.approx(up.p))


def test_tau_before_and_after_are_resampled_in_pairs_with_holm_over_the_indicators():
    before = pd.DataFrame({f"i{k}": TRUTH + RNG.normal(size=N) for k in range(4)})
    after = before + 0.8 * RNG.normal(size=before.shape)
    after["i3"] = before["i3"] * 2
    after = after.drop(index=NAMES[:5])
    before.loc[NAMES[7], "i1"] = math.nan
    truth = TRUTH.drop(NAMES[9])
    higher = dict.fromkeys(before.columns, True)
    found = compare_scores(before, after, truth, higher_is_better=higher, resampling=QUICK)
    assert [one.indicator for one in found] == list(before.columns)

    listed = [name for name in NAMES[5:] if name in truth.index]
    generator = np.random.default_rng(0)
    draws = [generator.integers(len(listed), size=len(listed)) for _ in range(100)]
    for one in found:
        x, y = before[one.indicator].reindex(listed), after[one.indicator].reindex(listed)
        t = truth[listed]
        have = (x.notna() & y.notna()).to_numpy()
        assert one.n_listed == N - 5
        assert one.n_truth == have.sum()
        assert one.tau_before == tau(x[have], t[have])
        assert one.delta == tau(y[have], t[have]) - tau(x[have], t[have])
        replicates = []
        for draw in draws:
            kept = draw[have[draw]]
            replicates.append(tau(y.iloc[kept], t.iloc[kept]) - tau(x.iloc[kept], t.iloc[kept]))
        ends = np.quantile(replicates, [0.025, 0.975])
        np.testing.assert_allclose((one.delta_low, one.delta_high), ends, rtol=0, atol=1e-12)
        if one.indicator != "i3":
            assert one.p == pytest.approx(bootstrap_p(one.delta, np.array(replicates)))
    # what has not changed its order is not tested, and counts for nothing in the adjustment
    assert found[3].verdict == "same order"
    assert math.isnan(found[3].p_holm)
    np.testing.assert_allclose([one.p_holm for one in found], holm([one.p for one in found]))


def test_one_side_alone_and_lists_with_repeats():
    higher = {"x": True}
    frame = pd.DataFrame({"x": NOISY})
    assert compare_scores(frame, pd.DataFrame({"y": NOISY}), higher_is_better=higher) == ()
    (change,) = compare_scores(frame.head(10), frame.tail(10), higher_is_better=higher)
    assert (change.n_listed, change.n, change.verdict) == (0, 0, "cannot say")
    assert math.isnan(change.coverage_before)
    twice = pd.concat([frame, frame.head(1)])
    with pytest.raises(ValueError, match="the scores after list 'a000' twice"):
        compare_scores(frame, twice, higher_is_better=higher)
    with pytest.raises(ValueError, match="higher_is_better says nothing about x"):
        compare_scores(frame, frame, higher_is_better={})


finite = st.floats(-5, 5).map(lambda x: round(x, 1))
scores = st.one_of(finite, st.just(math.nan), st.just(-math.inf))


@settings(max_examples=40)
@given(st.lists(st.tuples(scores, scores, finite), min_size=1, max_size=12))
def test_any_two_sides_have_one_of_the_verdicts_and_turn_round(rows):
    index = [f"a{i}" for i in range(len(rows))]
    x, y, t = (pd.Series(side, index, dtype=float) for side in zip(*rows, strict=True))
    one, other = (compare(a, b, t, resampling=Resampling(20)) for a, b in ((x, y), (y, x)))
    assert one.verdict in get_args(Verdict)
    assert (one.lost, one.gained, one.n) == (other.gained, other.lost, other.n)
    assert one.n + one.lost <= one.n_listed
    np.testing.assert_allclose(one.delta, -other.delta, atol=1e-12)
    assert (one.verdict == "same") <= (one.tau == 1 or one.n < 3)


def rows(*lines):
    columns = ["architecture", "seed", "status", "alone_s", "representative"]
    return pd.DataFrame(lines, columns=columns)


def test_statuses_and_costs_of_the_architectures_on_both_sides():
    before = rows(
        ("a", 0, "ok", 1.0, None),
        ("b", 0, "ok", 3.0, None),
        ("c", 0, "error", math.nan, None),
        ("d", 0, "ok", 9.0, "a"),
        ("e", 0, "ok", 100.0, None),
    )
    after = rows(
        ("a", 0, "ok", 2.0, None),
        ("a", 1, "timeout", 4.0, None),
        ("b", 0, "ok", 5.0, None),
        ("c", 0, "ok", 1.0, None),
        ("d", 0, "ok", 1.0, None),
        ("f", 0, "ok", 1.0, None),
    )
    change = compare_sides(before, after, pd.Index(["a", "b", "c", "d", "g"]))
    assert change.statuses == (("error", "ok", 1), ("ok", "timeout", 1))
    # a and b: means over seeds, then medians
    assert (change.alone_s_before, change.alone_s_after) == (2.0, 4.0)
    assert change.cost_ratio == 2
    shorter = compare_sides(before, after[after["architecture"] != "b"], pd.Index(["a", "b"]))
    assert ("ok", "absent", 1) in shorter.statuses
    nothing = compare_sides(before, after, pd.Index([]))
    assert nothing.statuses == ()
    assert math.isnan(nothing.cost_ratio)
