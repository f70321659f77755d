import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from untrained.results import compare_over_tasks
from untrained.results.statistics.task_comparison import critical_difference

# Demsar 2006, Table 5(a): critical values of the two-tailed Nemenyi test
NEMENYI_05 = {
    2: 1.960,
    3: 2.343,
    4: 2.569,
    5: 2.728,
    6: 2.850,
    7: 2.949,
    8: 3.031,
    9: 3.102,
    10: 3.164,
}
NEMENYI_10 = {
    2: 1.645,
    3: 2.052,
    4: 2.291,
    5: 2.459,
    6: 2.589,
    7: 2.693,
    8: 2.780,
    9: 2.855,
    10: 2.920,
}


@pytest.mark.parametrize(("confidence", "printed"), [(0.95, NEMENYI_05), (0.9, NEMENYI_10)])
def test_critical_values_are_the_printed_ones(confidence, printed):
    for k, q in printed.items():
        found = critical_difference(k, 14, confidence=confidence)
        assert found == pytest.approx(q * math.sqrt(k * (k + 1) / (6 * 14)), rel=5e-4)


@given(data=st.data(), n=st.integers(2, 8), k=st.integers(3, 6))
def test_the_statistic_is_scipys_with_ties(data, n, k):
    levels = data.draw(st.sampled_from([2, 4, 1000]))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    values = rng.integers(levels, size=(n, k)).astype(float)
    found = compare_over_tasks(pd.DataFrame(values, columns=list("abcdef")[:k]))
    if all(len(set(row)) == 1 for row in values):
        assert math.isnan(found.statistic)
        assert math.isnan(found.p)
        return
    expected = stats.friedmanchisquare(*values.T)
    assert (found.statistic, found.p) == pytest.approx(
        (expected.statistic, expected.pvalue), abs=1e-9
    )


def test_two_indicators_are_compared_as_by_the_sign_test():
    # with k = 2 and no ties the statistic is (wins - losses)^2 / N
    frame = pd.DataFrame({"a": [1.0] * 9 + [0.0], "b": [0.5] * 10})
    found = compare_over_tasks(frame)
    assert found.statistic == pytest.approx((9 - 1) ** 2 / 10)
    assert found.average_ranks == pytest.approx((1.1, 1.9))


def test_average_ranks_and_tasks_left_out():
    frame = pd.DataFrame(
        {"low": [0.1, 0.2, 0.3], "tie": [0.5, 0.9, 0.9], "top": [0.5, 0.95, math.nan]},
        index=["cifar10", "cifar100", "imagenet16"],
    )
    found = compare_over_tasks(frame)
    assert found.indicators == ("top", "tie", "low")
    assert found.average_ranks == (1.25, 1.75, 3.0)
    assert found.tasks == ("cifar10", "cifar100")
    assert found.tasks_left_out == ("imagenet16",)


def test_neither_the_order_of_tasks_nor_of_indicators_changes_the_comparison():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(4, size=(6, 5)) / 4, columns=list("abcde"))
    turned = compare_over_tasks(frame[list("dbeca")])
    found = compare_over_tasks(frame)
    assert turned == found


def test_cliques_are_the_maximal_runs_within_the_critical_difference():
    # 40 tasks whose rankings differ in neighbours only
    rng = np.random.default_rng(0)
    strength = np.array([4.0, 3.7, 3.4, 0.0, -0.3])
    frame = pd.DataFrame(strength + rng.normal(size=(40, 5)), columns=list("abcde"))
    found = compare_over_tasks(frame)
    ranks = dict(zip(found.indicators, found.average_ranks, strict=True))
    apart = found.critical_difference
    groups = {
        tuple(n for n in found.indicators if 0 <= ranks[n] - ranks[first] < apart)
        for first in found.indicators
    }
    expected = {g for g in groups if len(g) > 1 and not any(set(g) < set(h) for h in groups)}
    assert set(found.cliques) == expected
    assert ("d", "e") in found.cliques or ("e", "d") in found.cliques
    assert len(found.cliques) >= 2


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (pd.DataFrame({"a": [1.0]}), "there are 1 indicators and 1 tasks that all have, of 1"),
        (
            pd.DataFrame({"a": [1.0, math.nan], "b": [math.nan, 1.0]}),
            "there are 2 indicators and 0 tasks that all have, of 2",
        ),
    ],
)
def test_too_little_to_compare_is_said(frame, text):
    with pytest.raises(ValueError, match=text):
        compare_over_tasks(frame)
    with pytest.raises(ValueError, match="confidence is 95"):
        compare_over_tasks(frame, confidence=95)
