import math
from itertools import combinations, pairwise, permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from untrained.results import Resampling, kendall_tau_b, spearman_rho, top_rankings, weighted_tau
from untrained.results.statistics.population import Population, Rankings
from untrained.results.statistics.top import Order, TopCut, best_of, expected_ndcg, overlap, wanted

few = st.lists(
    st.tuples(st.sampled_from([-math.inf, 0.0, 1.0, 2.0]), st.sampled_from([0.0, 0.5, 3.0])),
    min_size=1,
    max_size=6,
)


def top(scores, truth, *, fractions=(0.1,), picks=(1,), **resampling):
    frame = pd.DataFrame(scores)
    population = Population.of(
        frame, pd.Series(truth, frame.index), higher_is_better=dict.fromkeys(scores, True)
    )
    resampling = Resampling(**{"resamples": 0, **resampling})
    return top_rankings(Rankings(population, resampling), fractions=fractions, picks=picks)


def random_orders(values):
    """Every order from the largest to the smallest that equal values can stand in."""
    points = range(len(values))
    return [
        order
        for order in permutations(points)
        if all(values[a] >= values[b] for a, b in pairwise(order))
    ]


@settings(max_examples=60)
@given(points=few, k=st.integers(1, 7))
def test_a_pick_is_the_mean_over_all_orders_of_equal_scores(points, k):
    x, y = np.array(points).T
    picks = [max(y[i] for i in order[:k]) for order in random_orders(x)]
    pick = best_of(x, y, k)
    assert pick.k == min(k, len(y))
    assert pick.regret == pytest.approx(np.mean([y.max() - best for best in picks]))
    assert pick.rank == pytest.approx(np.mean([1 + (y > best).sum() for best in picks]))


@settings(max_examples=60)
@given(points=few, k=st.integers(1, 6))
def test_precision_is_the_mean_over_all_orders_on_both_sides(points, k):
    x, y = np.array(points).T
    k = min(k, len(y))
    by_score, by_truth = random_orders(x), random_orders(y)
    expected = np.mean([len({*a[:k]} & {*b[:k]}) / k for a in by_score for b in by_truth])
    once, ks = np.ones((len(y), 1), np.float32), np.array([float(k)])
    cuts = [TopCut.of(Order.of(values), once, ks) for values in (x, y)]
    assert overlap(*cuts, ks)[0] == pytest.approx(expected)


@settings(max_examples=60)
@given(points=few, k=st.integers(1, 6))
def test_ndcg_is_the_mean_over_all_orders_of_equal_scores(points, k):
    x, y = np.array(points).T
    n = len(y)
    found = expected_ndcg(Order.of(x), Order.of(y), y, k)
    if len(set(y)) == 1:
        assert math.isnan(found)
        return
    gains = 2 ** ((stats.rankdata(y) - 1) / (n - 1)) - 1

    def dcg(order):
        return sum(gains[i] / math.log2(place + 2) for place, i in enumerate(order[:k]))

    expected = np.mean([dcg(order) for order in random_orders(x)]) / dcg(np.argsort(-y))
    assert found == pytest.approx(expected)


def test_many_ties_at_the_cut_are_no_trouble():
    # of 2,000 equal scores 500 are taken: the binomial coefficients exceed a float
    y = np.arange(2000.0)
    expected = sum(  # P(the best j are all left out)
        math.comb(2000 - j, 500) / math.comb(2000, 500) for j in range(1, 1501)
    )
    assert best_of(np.zeros(2000), y, 500).regret == pytest.approx(expected)


@pytest.mark.parametrize("levels", [3, 40, 10**6])
def test_a_slice_holds_the_k_best_and_those_tied_with_the_kth(levels):
    rng = np.random.default_rng(levels)
    y = rng.integers(levels, size=95) / levels
    x = y + rng.normal(size=95).round(1)
    (one,) = top({"s": x}, y)["s"].slices
    assert one.k == 10
    inside = y >= np.sort(y)[-10]
    assert one.n == inside.sum() >= 10
    np.testing.assert_equal(one.tau, kendall_tau_b(x[inside], y[inside]))
    np.testing.assert_equal(one.rho, spearman_rho(x[inside], y[inside]))


def test_what_is_cut_is_never_one_more_for_a_fraction_without_a_binary_form():
    for fraction in (0.01, 0.05, 0.1):
        for n in range(1, 3000):
            percent = round(100 * fraction)
            assert wanted(fraction, np.array([float(n)]))[0] == -(-percent * n // 100)


def shared(drawn, a, b, chances):
    """The chance of each drawn copy to be in both cuts; copies of one network stay in order."""
    both = chances[0] * chances[1]
    for i, network in enumerate(drawn):
        copies = drawn == network
        if ((a == a[i]) == copies).all() and ((b == b[i]) == copies).all():
            both[i] = min(chances[0][i], chances[1][i])
    return both


@pytest.mark.parametrize("missing", [0, 5])
@pytest.mark.parametrize("levels", [8, 10**6])
def test_intervals_take_the_slice_anew_in_each_resample(levels, missing):
    rng = np.random.default_rng(levels)
    n = 60
    y = (rng.normal(size=n) * levels).round() / levels
    x = ((y + rng.normal(size=n)) * levels).round()
    x[:missing] = math.nan
    other = rng.normal(size=n)
    options = {"fractions": (0.2, 0.5), "resamples": 70, "confidence": 0.8, "seed": 3}
    found = top({"s": x, "other": other}, y, **options)["s"]

    generator = np.random.default_rng(3)
    replicates = {0.2: [], 0.5: []}
    for _ in range(70):
        drawn = generator.integers(n, size=n)
        drawn = drawn[~np.isnan(x[drawn])]
        a, b = x[drawn], y[drawn]
        for fraction, values in replicates.items():
            k = math.ceil(round(fraction * drawn.size, 9))
            inside = b >= np.sort(b)[-k]
            chances = [
                np.clip((k - (v[:, None] < v).sum(1)) / (v[:, None] == v).sum(1), 0, 1)
                for v in (a, b)
            ]
            values.append(
                (
                    kendall_tau_b(a[inside], b[inside]),
                    spearman_rho(a[inside], b[inside]),
                    shared(drawn, a, b, chances).sum() / k,
                )
            )
    for one in found.slices:
        expected = np.nanquantile(replicates[one.fraction], [0.1, 0.9], axis=0).T.ravel()
        intervals = (one.tau_low, one.tau_high, one.rho_low, one.rho_high)
        precision = (one.precision_low, one.precision_high)
        np.testing.assert_allclose((*intervals, *precision), expected, rtol=1e-10)


def test_a_perfect_indicator_is_perfect_at_the_top():
    y = np.random.default_rng(0).normal(size=300)
    found = top({"s": np.exp(y)}, y, fractions=(0.1, 0.01), picks=(10, 1), resamples=20)["s"]
    assert [one.fraction for one in found.slices] == [0.01, 0.1]
    for one in found.slices:
        assert (one.tau, one.precision, one.ndcg) == pytest.approx((1, 1, 1))
        assert one.precision_low == one.precision_high == pytest.approx(1)
    assert [(pick.k, pick.regret, pick.rank) for pick in found.picks] == [(1, 0, 1), (10, 0, 1)]
    assert found.tau_weighted == pytest.approx(1)
    assert found.slice_of(0.1).k == 30
    assert found.slice_of(0.2) is None


def test_a_constant_indicator_picks_as_chance_does():
    y = np.arange(100.0)
    found = top({"s": np.zeros(100)}, y, picks=(1, 100))["s"]
    (one,) = found.slices
    assert math.isnan(one.tau)
    assert one.precision == pytest.approx(0.1)
    assert [pick.regret for pick in found.picks] == pytest.approx([49.5, 0])
    assert found.picks[0].rank == pytest.approx(50.5)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_precision_and_regret_only_improve_with_more_picks(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(6, size=(2, 30))
    picks = [best_of(x.astype(float), y.astype(float), k) for k in range(1, 31)]
    regrets = [pick.regret for pick in picks]
    assert all(a >= b - 1e-12 for a, b in pairwise(regrets))
    assert regrets[-1] == 0


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_networks_give_nan_and_no_error(n):
    found = top({"s": np.arange(float(n))}, np.arange(float(n)), resamples=5)["s"]
    assert (found.n, len(found.picks)) == (n, min(n, 1))
    assert math.isnan(found.tau_weighted)
    assert math.isnan(found.slices[0].tau)
    assert math.isnan(found.slices[0].tau_low)


def test_a_slice_of_two_networks_has_no_tau_and_no_interval():
    y = np.arange(20.0)
    (one,) = top({"s": y}, y, resamples=30)["s"].slices
    assert (one.k, one.n, one.precision) == (2, 2, 1.0)
    assert all(math.isnan(v) for v in (one.tau, one.tau_low, one.rho, one.rho_high))
    assert one.precision_low == 1.0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"fractions": (10,)}, r"fraction is 10; it must lie in \(0, 1\], as in 0.1 for 10 %"),
        ({"picks": (0,)}, "picks has 0; at least one network must be trained"),
    ],
)
def test_arguments_out_of_range_are_named(options, text):
    with pytest.raises(ValueError, match=text):
        top({"s": [1.0]}, [1.0], **options)


class TestWeightedTau:
    @given(few)
    def test_is_scipys(self, points):
        x, y = np.array(points).T
        finite = np.maximum(x, -9)
        expected = stats.weightedtau(finite, y).statistic if len(points) > 1 else math.nan
        np.testing.assert_equal(weighted_tau(x, y), expected)

    def test_is_the_definition(self):
        rng = np.random.default_rng(0)
        x, y = rng.permutation(12), rng.permutation(12)

        def by(ranks):
            total = agreement = 0.0
            for i, j in combinations(range(12), 2):
                weight = 1 / (1 + ranks[i]) + 1 / (1 + ranks[j])
                total += weight
                agreement += weight * np.sign(x[i] - x[j]) * np.sign(y[i] - y[j])
            return agreement / total

        assert weighted_tau(x, y) == pytest.approx((by(11 - x) + by(11 - y)) / 2)

    def test_weighs_the_top_more_than_the_bottom(self):
        y = np.arange(10)
        wrong_at_top, wrong_at_bottom = y.copy(), y.copy()
        wrong_at_top[[8, 9]] = 9, 8
        wrong_at_bottom[[0, 1]] = 1, 0
        assert weighted_tau(wrong_at_top, y) < weighted_tau(wrong_at_bottom, y)
