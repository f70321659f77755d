import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from untrained.results.statistics.pairwise import redundancy
from untrained.results.statistics.population import Population


def population(**changes):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=80)
    size, slope = rng.integers(9, size=80).astype(float), rng.normal(size=80)
    scores = {
        "flops": size + 0.1 * rng.normal(size=80),
        "zen": slope + 0.4 * rng.normal(size=80),
        "params": size,
        "latency": -size + 0.5 * rng.normal(size=80),
        "jacov": slope,
        **changes,
    }
    scores["zen"][:6] = math.nan
    scores["jacov"][6] = -math.inf
    frame = pd.DataFrame(scores)
    return Population.of(
        frame, pd.Series(truth, frame.index), higher_is_better=dict.fromkeys(scores, True)
    )


def test_every_entry_is_spearmans_rho_over_the_networks_that_both_have():
    given = population()
    found = redundancy(given)
    assert sorted(found.indicators) == sorted(given.scores)
    for i, one in enumerate(found.indicators):
        for j, other in enumerate(found.indicators):
            both = given.having(one, other)
            expected = stats.spearmanr(
                *(stats.rankdata(given.scores[n][both]) for n in (one, other))
            )
            assert found.rho[i][j] == pytest.approx(expected.statistic, abs=1e-12)
            assert found.n[i][j] == both.sum()
    assert {n for row in found.n for n in row} == {74, 80}


def test_what_ranks_alike_or_the_other_way_round_stands_together():
    order = redundancy(population()).indicators
    groups = [{"params", "flops", "latency"}, {"zen", "jacov"}]
    assert [set(order[:3]), set(order[3:])] == groups or [set(order[:2]), set(order[2:])] == groups[
        ::-1
    ]


def test_the_linkage_is_scipys_of_the_matrix_shown():
    found = redundancy(population())
    distances = 1 - np.abs(found.rho)
    np.fill_diagonal(distances, 0)
    expected = linkage(squareform(distances, checks=False), "average", optimal_ordering=True)
    np.testing.assert_allclose(np.array(found.linkage)[:, 2:], expected[:, 2:])
    # drawn with its own numbers, the leaves stand as they are
    assert list(leaves_list(np.array(found.linkage))) == list(range(5))


def test_the_order_of_the_scores_changes_nothing():
    given = population()
    turned = replace(given, scores=dict(reversed(given.scores.items())))
    assert redundancy(turned) == redundancy(given)


def test_a_constant_indicator_and_one_without_scores_are_nan_and_far_from_all():
    found = redundancy(population(dead=np.full(80, math.nan), constant=np.ones(80)))
    for name in ("dead", "constant"):
        row = found.rho[found.indicators.index(name)]
        assert all(math.isnan(value) for value in row)
    assert found.linkage[-1][2] == pytest.approx(1)
    place = found.indicators.index("dead")
    assert found.n[place][place] == 0


@pytest.mark.parametrize("names", [[], ["params"]])
def test_one_indicator_is_not_clustered(names):
    given = population()
    found = redundancy(replace(given, scores={name: given.scores[name] for name in names}))
    assert (list(found.indicators), found.linkage) == (names, ())
    assert found.rho == tuple((pytest.approx(1.0),) for _ in names)
