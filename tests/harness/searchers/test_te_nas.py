"""TE-NAS's pruning, on scores made by hand and on tiny supernets."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from scipy.stats import rankdata

from untrained.foundation import MalformedInput, UserError
from untrained.harness.search import (
    Budget,
    Domain,
    Problem,
    Search,
    find_estimator,
    run_search,
)
from untrained.harness.search.evaluators.supernet import SupernetEvaluator, SupernetMeter
from untrained.harness.search.searcher import searchers
from untrained.harness.study.study import Conditions
from untrained.indicators import indicators
from untrained.results.searches.speed import Trajectory
from untrained.spaces import spaces
from untrained.spaces.framework.supernet_layout import OperationMask

Values = Callable[[OperationMask, int], tuple[float, ...]]


class Formula:
    """Stands for the meter: scores are a function of the mask and the draw."""

    def __init__(self, space: str, values: Values) -> None:
        self.layout = spaces[space].supernet_layout
        self.asked: list[tuple[str, int]] = []
        self._values = values

    def scores(self, mask: str, names: Sequence[str], draw: int) -> tuple[float, ...]:
        self.asked.append((mask, draw))
        return self._values(OperationMask.parse(self.layout, mask), draw)


def search(
    meter: Formula | SupernetMeter,
    space: str,
    *names: str,
    seed: int = 0,
    budget: Budget | None = None,
    **settings: Any,
) -> Trajectory:
    problem = Problem(Domain(spaces[space]), "cifar10", find_estimator(names or ("te_nas",)))
    world = SupernetEvaluator(problem, cast("SupernetMeter", meter))
    run = Search(searchers["te_nas"], problem, np.random.default_rng(seed), settings)
    return run_search(run, world, budget) if budget else run_search(run, world)


def additive(space: str, seed: int = 0) -> tuple[np.ndarray, Values]:
    """Regions that are the sum of what each operation brings; a constant condition number."""
    shape = spaces[space].supernet_layout.shape
    worth = np.random.default_rng(seed).uniform(1, 50, size=shape)
    return worth, lambda mask, draw: (10.0, 1000 + float(worth[mask.weights() > 0].sum()))


def test_with_additive_scores_the_most_valuable_operation_of_each_edge_is_left() -> None:
    worth, values = additive("nasbench201")
    found = search(Formula("nasbench201", values), "nasbench201", decimals=12, figures=12)
    worth[:, 0] = 0  # `none` has gone from the start
    expected = spaces["nasbench201"].supernet_layout.derive(worth)
    assert found.final == expected.text
    assert found.stopped == "finished"


def test_darts_keeps_the_two_most_valuable_edges_of_each_node() -> None:
    worth, values = additive("darts")
    found = search(
        Formula("darts", values), "darts", prune_number=3, decimals=12, figures=12, repeats=1
    )
    assert found.final == spaces["darts"].supernet_layout.derive(worth).text
    # 7 operations an edge, then 4, then 1; then 2 of 3, 4 and 5 edges in one round
    assert found.series["operations"].tolist() == [28 * 7, 28 * 4, 28, 16]


def test_rounds_are_those_of_a_slow_version_of_the_rule() -> None:
    """Interacting scores, some of them missing, followed round by round in plain code."""

    def values(mask: OperationMask, draw: int) -> tuple[float, ...]:
        shape = mask.layout.shape
        rng = np.random.default_rng(draw % 7)
        pairs = rng.normal(size=(*shape, *shape))
        w = mask.weights()
        kappa = 50 + 5 * float(np.einsum("ij,ijkl,kl", w, pairs, w))
        regions = 1500 + 40 * float(np.einsum("ij,ijkl,kl", w, pairs[::-1], w))
        return (np.nan if kappa < 40 else kappa, round(regions))

    meter = Formula("nasbench201", values)
    found = search(meter, "nasbench201", repeats=2)
    first = meter.asked[0][1]
    left = {e: list(meter.layout.operations[1:]) for e in range(6)}
    draw = first
    while any(len(names) > 1 for names in left.values()):
        mask = OperationMask(meter.layout, tuple(tuple(left[e]) for e in range(6)))
        options = [(e, name) for e in range(6) for name in left[e] if len(left[e]) > 1]
        losses = np.zeros((len(options), 2))
        for repeat in range(2):
            kappa, regions = values(mask, draw + repeat)
            for row, (e, name) in enumerate(options):
                k, r = values(mask.without(e, name), draw + repeat)
                if np.isnan(kappa) and np.isnan(k):
                    loss = 0.0
                elif np.isnan(k):
                    loss = np.inf
                elif np.isnan(kappa):
                    loss = -1.0
                else:
                    loss = -(kappa - k) / kappa
                losses[row] += [
                    round(loss, 3) / 2 if np.isfinite(loss) else loss / 2,
                    round((regions - r) / regions, 3) / 2,
                ]
        draw += 2
        three = np.array([[float(f"{x:.3g}") for x in row] for row in losses])
        ranks = sum(rankdata(column, method="dense") for column in three.T)
        for e in range(6):
            here = [row for row, option in enumerate(options) if option[0] == e]
            if here:
                left[e].remove(options[min(here, key=lambda row: ranks[row])][1])
    assert found.final == OperationMask(meter.layout, tuple(tuple(left[e]) for e in range(6))).text


@pytest.mark.parametrize("combine", ["sum_of_ranks", "larger_rank", "sum_of_changes"])
def test_beside_a_constant_score_the_other_decides(combine: str) -> None:
    worth, values = additive("nasbench201")
    found = search(
        Formula("nasbench201", values), "nasbench201", decimals=12, figures=12, combine=combine
    )
    worth[:, 0] = 0
    assert found.final == spaces["nasbench201"].supernet_layout.derive(worth).text


def test_beside_a_constant_score_smaller_ranks_are_all_tied_and_the_first_go() -> None:
    _, values = additive("nasbench201")
    found = search(Formula("nasbench201", values), "nasbench201", combine="smaller_rank")
    layout = spaces["nasbench201"].supernet_layout
    assert OperationMask.parse(layout, found.final).edges == ((layout.operations[-1],),) * 6


def test_the_incumbent_follows_the_changes_where_every_removal_is_a_large_gain() -> None:
    layout = spaces["nasbench201"].supernet_layout
    gain = np.random.default_rng(0).uniform(3, 9, size=layout.shape)

    def values(mask: OperationMask, draw: int) -> tuple[float, ...]:
        return (float(gain[mask.weights() == 0].prod()),)

    found = search(
        Formula("nasbench201", values), "nasbench201", "linear_regions", combine="sum_of_changes"
    )
    gain[:, 0] = 10
    best = layout.derive(-gain).text
    assert found.incumbents[1:] == (best,) * 3
    assert found.final == best


def test_every_removal_of_a_round_is_measured_in_the_same_draws() -> None:
    _, values = additive("nasbench201")
    meter = Formula("nasbench201", values)
    search(meter, "nasbench201", repeats=3)
    draws = [draw for _, draw in meter.asked]
    # supernet and removals: 1 + 24, 1 + 18, 1 + 12 and the last network, three draws each
    assert len(draws) == 3 * (25 + 19 + 13 + 1)
    assert len(set(draws)) == 3 * 4
    by_draw = {draw: [m for m, d in meter.asked if d == draw] for draw in draws}
    assert [len(masks) for masks in by_draw.values()] == [25] * 3 + [19] * 3 + [13] * 3 + [1] * 3


def test_each_round_logs_the_supernet_before_it() -> None:
    _, values = additive("nasbench201")
    found = search(Formula("nasbench201", values), "nasbench201")
    layout = spaces["nasbench201"].supernet_layout
    assert found.series["operations"].tolist() == [24, 18, 12, 6]
    whole = OperationMask.full(layout, without=("none",))
    assert found.series["linear_regions"][0] == pytest.approx(values(whole, 0)[1])
    assert found.series["ntk_condition"].tolist() == [10] * 4
    last = OperationMask.parse(layout, found.final)
    assert found.series["linear_regions"][-1] == pytest.approx(values(last, 0)[1])
    assert found.incumbents[-1] == found.final
    assert found.incumbents[0] == whole.architecture().text


def test_the_incumbent_is_one_of_the_networks_that_are_left() -> None:
    _, values = additive("nasbench201", seed=3)
    meter = Formula("nasbench201", values)
    found = search(meter, "nasbench201", repeats=1)
    rounds = [mask for mask, _ in meter.asked[::1] if "," in mask or mask == found.final]
    layout = meter.layout
    before = [rounds[0], rounds[25], rounds[25 + 19], found.final]
    for incumbent, text in zip(found.incumbents, before, strict=True):
        left = OperationMask.parse(layout, text)
        chosen = OperationMask.parse(layout, incumbent)
        assert all(c[0] in names for c, names in zip(chosen.edges, left.edges, strict=True))


def test_edges_with_fewer_operations_lose_no_more_than_they_can() -> None:
    """The number to prune is limited edge by edge: with 3, four operations become one at once."""
    _, values = additive("nasbench201")
    found = search(Formula("nasbench201", values), "nasbench201", prune_number=3)
    assert found.series["operations"].tolist() == [24, 6]
    assert search(Formula("nasbench201", values), "nasbench201", prune_number=99).final == (
        found.final
    )


def test_a_kernel_that_a_removal_makes_singular_keeps_the_operation() -> None:
    layout = spaces["nasbench201"].supernet_layout

    def values(mask: OperationMask, draw: int) -> tuple[float, ...]:
        return (5.0 if "avg_pool_3x3" in mask.edges[4] else np.nan,)

    found = search(Formula("nasbench201", values), "nasbench201", "ntk_condition")
    assert OperationMask.parse(layout, found.final).edges[4] == ("avg_pool_3x3",)


def test_scores_that_are_all_missing_still_end_in_a_network() -> None:
    found = search(Formula("nasbench201", lambda mask, draw: (np.nan, np.nan)), "nasbench201")
    assert found.final in spaces["nasbench201"]


def test_runs_differ_in_their_draws() -> None:
    _, values = additive("nasbench201")
    meters = [Formula("nasbench201", values) for _ in range(2)]
    for seed, meter in enumerate(meters):
        search(meter, "nasbench201", seed=seed)
    first, second = ({draw for _, draw in meter.asked} for meter in meters)
    assert first.isdisjoint(second)


def test_a_spent_budget_leaves_the_incumbent_of_the_last_round() -> None:
    _, values = additive("nasbench201")
    whole = search(Formula("nasbench201", values), "nasbench201", repeats=1)
    cut = search(
        Formula("nasbench201", values), "nasbench201", repeats=1, budget=Budget(evaluations=30)
    )
    assert cut.stopped == "evaluations"
    assert cut.final == cut.incumbents[-1] == whole.incumbents[1]


CPU = Conditions(
    inputs="gaussian",
    batch_size=2,
    channels=2,
    cells=1,
    resolution=8,
    initialisation="kaiming_normal_fan_out",
)


def test_a_search_on_noise_is_repeatable_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    space = spaces["nasbench201"]
    regions = indicators["linear_regions"]
    fewer = replace(regions, protocol=replace(regions.protocol, batch_size=60))
    monkeypatch.setitem(indicators._items, "linear_regions", fewer)
    # two rounds: 1 + 24 supernets, then the 6 operations that are left
    settings = {"repeats": 1, "prune_number": 3}
    found = [search(SupernetMeter(space, CPU), "nasbench201", seed=5, **settings) for _ in range(2)]
    assert found[0].final == found[1].final
    assert found[0].incumbents == found[1].incumbents
    for name, series in found[0].series.items():
        np.testing.assert_array_equal(series, found[1].series[name])
    assert space.parse(found[0].final).text == found[0].final
    assert "none" not in found[0].final


def test_wrong_settings_are_refused() -> None:
    _, values = additive("nasbench201")
    with pytest.raises(MalformedInput, match="repeats = 0: it should be at least 1"):
        search(Formula("nasbench201", values), "nasbench201", repeats=0)
    with pytest.raises(MalformedInput, match="combine = 'product': it is none of sum_of_ranks, "):
        search(Formula("nasbench201", values), "nasbench201", combine="product")
    problem = Problem(Domain(spaces["nasbench201"]), "cifar10")
    run = Search(searchers["te_nas"], problem, np.random.default_rng(0))
    with pytest.raises(UserError, match=r"no indicator is named.*te_nas"):
        run.ask()
