"""Aggregates against double loops, closed forms, and what must not change them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from untrained.foundation import MalformedInput, UnknownName
from untrained.results.aggregates import BoundAggregate, MemberScores, aggregates

NAN, INF = math.nan, math.inf
# a busy machine takes longer for an example than 200 ms
UNHURRIED = settings(suppress_health_check=[HealthCheck.too_slow])
# whole numbers: every sum below is exact, and ties are frequent
VALUES = st.sampled_from([-INF, -3.0, -1.0, 0.0, 1.0, 2.0, 5.0, INF])


def members_of(
    columns: Sequence[Sequence[float]],
    higher: Sequence[bool] | None = None,
    diverged: Sequence[Sequence[bool]] | None = None,
) -> MemberScores:
    names = [chr(ord("a") + i) for i in range(len(columns))]
    index = [f"n{i}" for i in range(len(columns[0]))]
    raw = pd.DataFrame(dict(zip(names, columns, strict=True)), index=index, dtype=float)
    failed = None
    if diverged is not None:
        failed = pd.DataFrame(dict(zip(names, diverged, strict=True)), index=index)
    directions = dict(zip(names, higher or [True] * len(names), strict=True))
    return MemberScores(raw, directions, failed)


def value(kind: str, scores: MemberScores, *, diverged: str = "missing", **parameters) -> list:
    bound = BoundAggregate.of(
        aggregates[kind],
        members=list(scores.raw.columns),
        parameters=parameters,
        diverged=diverged,  # type: ignore[arg-type]
    )
    return bound(scores).tolist()


@st.composite
def some_scores(draw, members: int | None = None, values=VALUES) -> MemberScores:
    k = draw(st.integers(1, 4)) if members is None else members
    n = draw(st.integers(1, 9))
    columns = [draw(st.lists(values, min_size=n, max_size=n)) for _ in range(k)]
    return members_of(columns, draw(st.lists(st.booleans(), min_size=k, max_size=k)))


def slow_ranks(scores: MemberScores, ties: str) -> list[list[float]]:
    """By counting, for each candidate and member, who is worse and who is equal."""
    signs = [1 if scores.higher_is_better[name] else -1 for name in scores.raw.columns]
    table = [[s * v for s, v in zip(signs, row, strict=True)] for row in scores.raw.values.tolist()]
    rows = []
    for mine in table:
        row = []
        for v, all_ in zip(mine, zip(*table, strict=True), strict=True):
            worse, equal = sum(w < v for w in all_), sum(w == v for w in all_)
            row.append(
                {
                    "average": worse + (equal + 1) / 2,
                    "dense": 1 + len({w for w in all_ if w < v}),
                    "best": worse + equal,
                }[ties]
            )
        rows.append(row)
    return rows


@pytest.mark.parametrize("ties", ["average", "dense", "best"])
@UNHURRIED
@given(scores=some_scores())
def test_a_rank_sum_counts_who_is_worse(ties: str, scores: MemberScores) -> None:
    expected = [sum(row) for row in slow_ranks(scores, ties)]
    assert value("rank_sum", scores, ties=ties) == expected


@pytest.mark.parametrize("ties", ["average", "dense", "best"])
@UNHURRIED
@given(scores=some_scores())
def test_a_log_rank_sum_adds_logarithms(ties: str, scores: MemberScores) -> None:
    m = len(scores.raw)
    expected = [sum(math.log(r / m) for r in row) for row in slow_ranks(scores, ties)]
    found = value("log_rank_sum", scores, ties=ties)
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)
    # equal products are ties to the bit, whatever the order of the factors
    products = [math.prod(int(2 * r) for r in row) for row in slow_ranks(scores, ties)]
    for p, a in zip(products, found, strict=True):
        for q, b in zip(products, found, strict=True):
            assert (a < b, a == b) == (p < q, p == q)


@pytest.mark.parametrize("n", [1, 4, 7, 25, 1000])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_best_under_every_member_has_a_log_rank_sum_of_exactly_0(n: int, k: int) -> None:
    found = value("log_rank_sum", members_of([list(range(n))] * k))
    assert found[-1] == 0
    assert max(found) == 0


def slow_votes(scores: MemberScores, weights: Sequence[float]) -> list[int]:
    higher = [scores.higher_is_better[name] for name in scores.raw.columns]
    table = scores.raw.values.tolist()
    counts = []
    for mine in table:
        count = 0
        for other in table:
            side = 0.0
            for up, weight, *pair in zip(higher, weights, mine, other, strict=True):
                a, b = pair if up else pair[::-1]
                side += weight if a > b else -weight if a < b else 0
            count += (side > 1e-9) - (side < -1e-9)
        counts.append(count)
    return counts


@UNHURRIED
@given(some_scores())
def test_a_majority_vote_asks_every_member_about_every_pair(scores: MemberScores) -> None:
    assert value("majority_vote", scores) == slow_votes(scores, [1] * scores.raw.shape[1])


@UNHURRIED
@given(some_scores(members=3), st.lists(st.sampled_from([0.1, 0.2, 0.3, 1, 7]), min_size=3))
def test_a_weighted_vote_weighs_them(scores: MemberScores, weights: list[float]) -> None:
    """0.1 + 0.2 against 0.3 is even, though their difference is not zero in binary."""
    weights = weights[:3]
    assert value("weighted_vote", scores, weights=weights) == slow_votes(scores, weights)


def test_votes_on_more_candidates_than_one_block_holds_are_the_same(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    scores = members_of([rng.integers(0, 20, 50).tolist() for _ in range(3)])
    expected = slow_votes(scores, [1, 1, 1])
    for cells in (1, 49, 50, 120):
        monkeypatch.setattr("untrained.results.aggregates.votes._CELLS", cells)
        assert value("majority_vote", scores) == expected


def test_a_cycle_of_majorities_is_a_tie() -> None:
    """Condorcet's: a over b, b over c, c over a."""
    assert value("majority_vote", members_of([[3, 2, 1], [2, 1, 3], [1, 3, 2]])) == [0, 0, 0]


def test_two_members_of_three_outvote_the_third_unless_it_weighs_more() -> None:
    scores = members_of([[1, 2, 3], [1, 2, 3], [3, 2, 1]])
    assert value("majority_vote", scores) == [-2, 0, 2]
    assert value("weighted_vote", scores, weights=[1, 1, 2.5]) == [2, 0, -2]
    assert value("weighted_vote", scores, weights=[1, 1, 2]) == [0, 0, 0]


def rising(v: float) -> float:
    return v if math.isinf(v) else math.exp(v) + v


RANK_KINDS = [n for n, item in aggregates.items() if item.relative and not item.members]


def given_weights(kind: str, k: int) -> dict[str, list[float]]:
    return {"weights": [1.0 + i for i in range(k)]} if kind == "weighted_vote" else {}


@pytest.mark.parametrize("kind", RANK_KINDS)
@UNHURRIED
@given(scores=some_scores())
def test_a_rank_aggregate_depends_on_the_order_under_each_member_alone(
    kind: str, scores: MemberScores
) -> None:
    parameters = given_weights(kind, scores.raw.shape[1])
    expected = value(kind, scores, **parameters)
    risen = MemberScores(scores.raw.map(rising), scores.higher_is_better)
    assert value(kind, risen, **parameters) == expected
    turned = {name: not higher for name, higher in scores.higher_is_better.items()}
    assert value(kind, MemberScores(-scores.raw, turned), **parameters) == expected


@pytest.mark.parametrize("kind", RANK_KINDS)
@UNHURRIED
@given(scores=some_scores(), data=st.data())
def test_the_order_of_architectures_and_members_changes_no_bit(kind: str, scores, data) -> None:
    parameters = given_weights(kind, scores.raw.shape[1])
    bound = BoundAggregate.of(
        aggregates[kind], members=list(scores.raw.columns), parameters=parameters
    )
    rows = data.draw(st.permutations(list(scores.raw.index)))
    columns = data.draw(st.permutations(list(scores.raw.columns)))
    moved = MemberScores(scores.raw.loc[rows, columns], scores.higher_is_better)
    expected = bound(scores)
    pd.testing.assert_series_equal(bound(moved), expected.loc[rows], check_exact=True)
    if not parameters:
        again = BoundAggregate.of(aggregates[kind], members=columns)(moved)
        pd.testing.assert_series_equal(again, expected.loc[rows], check_exact=True)


@pytest.mark.parametrize("kind", RANK_KINDS)
@UNHURRIED
@given(some_scores())
def test_better_under_every_member_is_better(kind: str, scores: MemberScores) -> None:
    parameters = given_weights(kind, scores.raw.shape[1])
    found, table = value(kind, scores, **parameters), scores.oriented
    for i in range(len(table)):
        for j in range(len(table)):
            if (table[i] > table[j]).all():
                assert found[i] > found[j]
            elif (table[i] == table[j]).all():
                assert found[i] == found[j]


MISSING = members_of(
    [[1, NAN, 3, 4], [4, 3, NAN, 1]],
    [True, False],
    [[False, True, False, False], [False, False, False, False]],
)


@pytest.mark.parametrize("kind", [k for k in RANK_KINDS if k != "weighted_vote"])
def test_without_a_member_there_is_no_value_and_no_candidate(kind: str) -> None:
    """Ranks are those among the two architectures that have both members."""
    found = value(kind, MISSING)
    complete = members_of([[1, 4], [4, 1]], [True, False])
    assert [found[0], found[3]] == value(kind, complete)
    assert math.isnan(found[1])
    assert math.isnan(found[2])


def test_a_diverged_member_can_rank_last_and_another_failure_cannot() -> None:
    found = value("rank_sum", MISSING, diverged="last")
    assert found[:2] + found[3:] == value(
        "rank_sum", members_of([[1, -INF, 4], [4, 3, 1]], [True, False])
    )
    assert math.isnan(found[2]), "it failed otherwise, which says nothing about the network"
    low = members_of([[1, NAN, 3]], [False], [[False, True, False]])
    assert value("rank_sum", low, diverged="last") == [3, 1, 2]


def test_no_candidate_at_all_is_no_error() -> None:
    assert all(map(math.isnan, value("rank_sum", members_of([[NAN, NAN], [1, 2]]))))


def test_a_member_that_was_never_scored_is_missing_everywhere() -> None:
    scores = MemberScores(pd.DataFrame({"a": [1.0, 2.0]}), {"a": True, "b": True})
    found = BoundAggregate.of(aggregates["rank_sum"], members=["a", "b"])(scores)
    assert found.isna().all()


def named(kind: str, **columns: list[float]) -> list[float]:
    """A named aggregate on its own members, whose directions are those of the indicators."""
    low = {"ntk_condition", "ntk_generalization", "ntk_condition_label"}
    bound = BoundAggregate.of(aggregates[kind])
    frame = pd.DataFrame(columns)[list(reversed(bound.members))]
    return bound(MemberScores(frame, {n: n not in low for n in columns})).tolist()


def test_te_nas_is_the_papers_order_reversed() -> None:
    """Dense ranks from the best: kappa 1 3 2 2, R 2 1 3 1; the smallest sum wins."""
    found = named(
        "te_nas", ntk_condition=[2.0, 90.0, 7.0, 7.0], linear_regions=[90.0, 95.0, 3.0, 95.0]
    )
    paper = [1 + 2, 3 + 1, 2 + 3, 2 + 1]
    assert found == [8 - p for p in paper]


def test_teg_lets_equal_scores_share_the_best_rank() -> None:
    """From the best: kappa 1 4 2 2, R 3 1 4 1, G 1 2 3 3; from the worst that is 5 minus it."""
    found = named(
        "teg",
        ntk_condition=[2.0, 90.0, 7.0, 7.0],
        linear_regions=[90.0, 95.0, 3.0, 95.0],
        ntk_generalization=[0.8, 0.9, 1.1, 1.1],
    )
    assert found == [15 - p for p in (1 + 3 + 1, 4 + 1 + 2, 2 + 4 + 3, 2 + 1 + 3)]


def test_az_nas_adds_log_ranks_of_its_four() -> None:
    found = named(
        "az_nas",
        az_expressivity=[1.0, 2.0, 3.0],
        az_progressivity=[0.0, 0.0, -1.0],
        az_trainability=[-INF, -2.0, -INF],
        flops=[7.0, 7.0, 7.0],
    )
    ranks = [[1, 2.5, 1.5, 2], [2, 2.5, 3, 2], [3, 1, 1.5, 2]]
    assert found == pytest.approx([sum(math.log(r / 3) for r in row) for row in ranks], rel=1e-12)


def test_vkdnw_agg_adds_log_ranks_of_its_five() -> None:
    found = named(
        "vkdnw_agg",
        vkdnw=[70.1, 70.2, 60.0],
        jacov=[-300.0, -70.0, -70.0],
        az_expressivity=[1.0, 2.0, 3.0],
        az_trainability=[-INF, -2.0, -INF],
        flops=[7.0, 7.0, 7.0],
    )
    ranks = [[2, 1, 1, 1.5, 2], [3, 2.5, 2, 3, 2], [1, 2.5, 3, 1.5, 2]]
    assert found == pytest.approx([sum(math.log(r / 3) for r in row) for row in ranks], rel=1e-12)


@pytest.mark.parametrize(("kind", "second"), [("sjw", "jacov"), ("spw", "l2_norm")])
def test_the_votes_of_wrcor_ask_synflow_wrcor_and_a_third(kind: str, second: str) -> None:
    found = named(
        kind,
        synflow=[1.0, 2.0, 3.0, 4.0],
        wrcor=[-INF, 7.0, 6.0, 5.0],
        **{second: [9.0, 1.0, 2.0, 2.0]},
    )
    # pairs: the first loses 1 : 2 to all; the second loses to the third and to the fourth; the
    # third and the fourth are even, with one abstention
    assert found == [-3, -1, 2, 2]


def nasi(T: list[float], **parameters: float) -> list[float]:
    bound = BoundAggregate.of(aggregates["nasi_constrained"], parameters=parameters)
    return bound(MemberScores(pd.DataFrame({"nasi": T}), {"nasi": True})).tolist()


@UNHURRIED
@given(st.lists(st.floats(0, 1e12) | st.just(INF), min_size=1), st.floats(0, 1e6))
def test_with_mu_one_the_objective_is_flat_above_the_limit(T: list[float], nu: float) -> None:
    assert nasi(T, mu=1, nu=nu) == [min(t, nu) for t in T]


@UNHURRIED
@given(st.lists(st.integers(0, 200), min_size=1))
def test_with_mu_two_it_is_symmetric_about_the_limit(distances: list[int]) -> None:
    below, above = [500.0 - d for d in distances], [500.0 + d for d in distances]
    assert nasi(below, mu=2, nu=500) == nasi(above, mu=2, nu=500) == below


@UNHURRIED
@given(st.lists(st.integers(0, 10_000)), st.integers(0, 5), st.integers(0, 2000))
def test_the_constrained_objective_is_its_formula(T: list[int], mu: int, nu: int) -> None:
    found = nasi([float(t) for t in T], mu=mu, nu=nu)
    assert found == [t - mu * max(0, t - nu) for t in T]


def test_its_defaults_are_those_of_nasi_fix() -> None:
    assert nasi([50.0, 100.0, 130.0, 300.0]) == [50, 100, 70, -100]


def test_hnas_is_its_formula() -> None:
    found = BoundAggregate.of(aggregates["hnas"], parameters={"mu": 0.5, "nu": 3})(
        MemberScores(
            pd.DataFrame({"ntk_trace_label": [3.0, 5.0, 0.0], "ntk_condition_label": [9, 10, INF]}),
            {"ntk_trace_label": True, "ntk_condition_label": False},
        )
    )
    assert found[0] == pytest.approx(9 / 3.000001)
    assert found[1] == pytest.approx(0.5 * 16 + 10 / 5.000001)
    assert found[2] == INF
    assert not aggregates["hnas"].higher_is_better


def test_the_value_of_one_that_is_not_relative_does_not_depend_on_the_others() -> None:
    assert [nasi([t])[0] for t in (5.0, 150.0)] == nasi([5.0, 150.0])
    assert {n for n, item in aggregates.items() if not item.relative} == {
        "hnas",
        "nasi_constrained",
    }


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (
            lambda: BoundAggregate.of(aggregates["rank_sum"]),
            "rank_sum combines any indicators and none is named; name its members in a table "
            "[[aggregate]] of a study",
        ),
        (
            lambda: BoundAggregate.of(aggregates["rank_sum"], members=["a", "b", "a"]),
            "the members a, b, a name one twice; name each once",
        ),
        (
            lambda: BoundAggregate.of(aggregates["te_nas"], members=["naswot"]),
            "te_nas combines 2 indicators (ntk_condition, linear_regions) and 1 are named; name as "
            "many, each in the place of the one it replaces",
        ),
        (
            lambda: BoundAggregate.of(aggregates["weighted_vote"], members=["a", "b"]),
            "weighted_vote needs the parameter weights: weight of each member's vote, in their "
            "order; add it",
        ),
        (
            lambda: BoundAggregate.of(
                aggregates["weighted_vote"], members=["a", "b"], parameters={"weights": [1]}
            ),
            "weights = [1]: it should be a list of 2 numbers, one for each member in their order",
        ),
        (
            lambda: BoundAggregate.of(
                aggregates["weighted_vote"], members=["a", "b"], parameters={"weights": [1, 0]}
            ),
            "weights = 0: it should be greater than 0 (weight of each member's vote, in "
            "their order)",
        ),
        (
            lambda: BoundAggregate.of(aggregates["nasi_constrained"], parameters={"nu": "100"}),
            "nu = '100': it should be a number (the limit, in the unit of T)",
        ),
        (
            lambda: BoundAggregate.of(aggregates["nasi_constrained"], parameters={"nu": True}),
            "nu = True: it should be a number (the limit, in the unit of T)",
        ),
        (
            lambda: BoundAggregate.of(aggregates["nasi_constrained"], parameters={"mu": -1}),
            "mu = -1: it should be at least 0 (penalty for exceeding nu)",
        ),
        (
            lambda: BoundAggregate.of(aggregates["nasi_constrained"], parameters={"nu": 10**400}),
            f"nu = {10**400}: it should be a number (the limit, in the unit of T)",
        ),
        (
            lambda: BoundAggregate.of(aggregates["te_nas"], parameters={"ties": "averge"}),
            "ties = 'averge': it is none of average, dense, best; did you mean average?",
        ),
        (
            lambda: BoundAggregate.of(aggregates["te_nas"], parameters={"ties": 2}),
            "ties = 2: it is none of average, dense, best",
        ),
        (
            lambda: BoundAggregate.of(aggregates["hnas"], diverged="last"),
            "hnas is no ranking of its members, so that a diverged score cannot rank last in it; "
            'leave diverged = "missing"',
        ),
    ],
)
def test_a_wrong_choice_is_answered_in_words(choose: Callable[[], object], message: str) -> None:
    with pytest.raises(MalformedInput) as caught:
        choose()
    assert str(caught.value) == message


def test_an_unknown_parameter_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="no parameter of te_nas named 'tie'; did you mean ties"):
        BoundAggregate.of(aggregates["te_nas"], parameters={"tie": "dense"})
    with pytest.raises(UnknownName, match="no parameter of az_nas named 'nu'; there are none"):
        BoundAggregate.of(aggregates["az_nas"], parameters={"nu": 1})


def test_only_what_an_id_stands_for_is_standard() -> None:
    te_nas = aggregates["te_nas"]
    assert BoundAggregate.of(te_nas).is_standard
    assert BoundAggregate.of(te_nas, parameters={"ties": "dense"}).is_standard
    for changes in (
        {"name": "mine"},
        {"parameters": {"ties": "average"}},
        {"members": ["ntk_condition_frozen", "linear_regions"]},
        {"diverged": "last"},
    ):
        assert not BoundAggregate.of(te_nas, **changes).is_standard  # type: ignore[arg-type]
    assert not BoundAggregate.of(aggregates["rank_sum"], members=["a"]).is_standard


def test_a_description_holds_everything_that_changes_the_value() -> None:
    assert BoundAggregate.of(aggregates["te_nas"]).describe() == (
        "rank of -kappa + rank of R, 1 = worst; ties = dense; members ntk_condition, "
        "linear_regions; relative to this population"
    )
    mine = BoundAggregate.of(
        aggregates["weighted_vote"],
        name="mine",
        members=["a", "b"],
        parameters={"weights": [2, 0.5]},
        diverged="last",
    )
    assert mine.describe() == (
        "weighted_vote; pairs won minus pairs lost, a pair decided by the larger weight of "
        "members; weights = [2, 0.5]; diverged scores last; members a, b; relative to this "
        "population"
    )
    assert BoundAggregate.of(aggregates["nasi_constrained"]).describe() == (
        "R = T - mu max(0, T - nu), T: nasi; mu = 2; nu = 100; member nasi"
    )


def test_a_description_has_every_digit_of_a_number() -> None:
    mine = BoundAggregate.of(
        aggregates["nasi_constrained"], parameters={"mu": 1 / 3, "nu": 1_234_567}
    )
    assert "mu = 0.3333333333333333; nu = 1234567;" in mine.describe()


def test_one_that_needs_a_choice_is_never_what_its_id_stands_for() -> None:
    needy = replace(
        aggregates["weighted_vote"], members=("a", "b"), id="needy", title="Needs weights"
    )
    assert not BoundAggregate.of(needy, parameters={"weights": [1, 2]}).is_standard


def test_a_function_must_take_the_parameters_it_declares() -> None:
    from untrained.results.aggregates import Parameter, aggregate

    def mine(scores: MemberScores, *, nu: float) -> None: ...

    declare = aggregate(
        title="T", formula="f", reference="you, 2026", parameters={"mu": Parameter(meaning="m")}
    )
    with pytest.raises(ValueError, match=r"mine takes \['nu'\], but declares \['mu'\]"):
        declare(mine)
    assert "mine" not in aggregates


def test_ranks_of_a_larger_population_keep_the_order_of_two_but_not_their_values() -> None:
    few = value("rank_sum", members_of([[1, 5], [1, 5]]))
    many = value("rank_sum", members_of([[1, 5, 3, 4], [1, 5, 3, 4]]))
    assert few == [2, 4]
    assert many[:2] == [2, 8]
    assert all(a < b for a, b in pairwise(sorted(many)))


@pytest.mark.parametrize("higher", [True, False])
def test_an_infinite_value_that_would_rank_first_is_missing(higher: bool):
    kind = replace(
        aggregates["rank_sum"],
        higher_is_better=higher,
        function=lambda scores, ties: np.array([INF, 1.0, -INF]),
    )
    found = BoundAggregate.of(kind, members=["a"])(members_of([[1, 2, 3]]))
    last = -INF if higher else INF
    assert sorted(found.dropna()) == sorted([1.0, last])
