"""Measuring supernets as a search goes."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from untrained.foundation import MalformedInput, UnknownName, UserError
from untrained.harness.search import (
    Domain,
    Limit,
    Problem,
    Score,
    ScoreSupernet,
    SupernetGradient,
    find_estimator,
)
from untrained.harness.search.evaluators.supernet import (
    SupernetEvaluator,
    SupernetMeter,
    squared_gradient_norm,
)
from untrained.harness.study.study import Conditions
from untrained.indicators import indicators
from untrained.spaces import SearchSpace, spaces
from untrained.spaces.framework.supernet_layout import OperationMask

SIZES = {
    "nasbench201": {"num_classes": 3, "channels": 2, "cells": 1},
    "darts": {"num_classes": 3, "channels": 2, "cells": 3},
}
NOISE = Conditions(inputs="gaussian", batch_size=4, channels=2, cells=1, resolution=8)
SLOW = ("sep_conv_3x3", "sep_conv_5x5", "dil_conv_5x5", "max_pool_3x3")
"""Operations of DARTS that a mask can do without where any mask does."""


@pytest.fixture(params=sorted(SIZES))
def space(request: pytest.FixtureRequest) -> SearchSpace:
    return spaces[request.param]


def evaluator(space: SearchSpace, *names: str, conditions: Conditions = NOISE) -> SupernetEvaluator:
    estimator = find_estimator(names) if names else None
    problem = Problem(Domain(space), "cifar10", estimator)
    return SupernetEvaluator(problem, SupernetMeter(space, conditions, seed=1))


def without_none(space: SearchSpace, *further: str) -> OperationMask:
    return OperationMask.full(space.supernet_layout, without=("none", *further))


def quick_mask(space: SearchSpace) -> OperationMask:
    return without_none(space, *(SLOW if space.name == "darts" else ()))


@pytest.mark.parametrize("hard", [False, True])
def test_the_gradient_of_the_trace_is_that_of_finite_differences(
    space: SearchSpace, hard: bool
) -> None:
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        supernet = space.supernet(**SIZES[space.name]).double().train()
    inputs = torch.randn(3, 3, 8, 8, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2])
    edges, operations = space.supernet_layout.shape
    weights = torch.rand(edges, operations, generator=generator, dtype=torch.float64).softmax(1)
    if hard:
        # behind a node of zeros, ReLU has no derivative
        weights[:, space.supernet_layout.operations.index("none")] = 0
        weights = functional.one_hot(weights.argmax(1), operations).double()
    trace, slope = squared_gradient_norm(supernet, inputs, labels, weights)

    def slowly(at: torch.Tensor) -> float:
        loss = functional.cross_entropy(supernet(inputs, at), labels)
        gradients = torch.autograd.grad(loss, list(supernet.parameters()), allow_unused=True)
        return sum(float(g.square().sum()) for g in gradients if g is not None)

    assert trace == pytest.approx(slowly(weights), rel=1e-12)
    step = 1e-6
    for _ in range(2):  # a direction moves the weights of all operations at once
        direction = torch.rand(edges, operations, generator=generator, dtype=torch.float64) - 0.5
        ends = [slowly(weights + sign * step * direction) for sign in (1, -1)]
        expected = (ends[0] - ends[1]) / (2 * step)
        assert float((slope * direction).sum()) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_the_trace_of_one_hot_weights_is_the_indicator_nasi_of_that_network(
    space: SearchSpace,
) -> None:
    from untrained.indicators import measure

    with torch.random.fork_rng():
        torch.manual_seed(0)
        supernet = space.supernet(**SIZES[space.name]).double().train()
    arch = space.sample(np.random.default_rng(3))
    inputs = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 0])
    mask = OperationMask.parse(space.supernet_layout, arch)
    trace, _ = squared_gradient_norm(supernet, inputs, labels, torch.from_numpy(mask.weights()))
    assert trace == pytest.approx(
        measure(supernet.masked(mask), inputs, labels, ["nasi"])["nasi"], rel=1e-9
    )


def test_scores_of_a_draw_are_the_same_whenever_they_are_asked_for(
    space: SearchSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    regions = indicators["linear_regions"]
    fewer = replace(regions, protocol=replace(regions.protocol, batch_size=60))
    monkeypatch.setitem(indicators._items, "linear_regions", fewer)
    mask = quick_mask(space)
    less = mask.without(0, "skip_connect")
    first, second = evaluator(space, "te_nas"), evaluator(space, "te_nas")
    ahead = [first.score_supernet(m.text, draw).values for draw in (0, 1) for m in (mask, less)]
    back = [second.score_supernet(m.text, draw).values for draw in (1, 0) for m in (less, mask)][
        ::-1
    ]
    assert ahead == back
    assert len(set(ahead)) == 4
    assert all(kappa > 1 and 1 <= regions <= 180 for kappa, regions in ahead)


def test_oriented_scores_turn_the_condition_number_round() -> None:
    space = spaces["nasbench201"]
    scored = evaluator(space, "te_nas").score_supernet(without_none(space).text, 0)
    kappa, regions = scored.values
    assert scored.oriented == (-kappa, regions)
    assert scored.cost_s > 0


def test_regions_are_counted_among_thousands_of_inputs_whatever_the_batch_size() -> None:
    meter = SupernetMeter(spaces["nasbench201"], NOISE)
    assert meter.protocol("linear_regions", 0).batch_size == 1000
    assert meter.protocol("ntk_condition", 0).batch_size == 4


def test_a_supernet_has_at_least_as_many_cells_as_show_every_kind() -> None:
    for name, cells in (("nasbench201", 1), ("darts", 2)):
        meter = SupernetMeter(spaces[name], NOISE)
        assert meter.protocol("ntk_condition", 0).cells == cells


def test_the_initialisation_is_that_of_the_conditions() -> None:
    space = spaces["nasbench201"]
    mask = without_none(space).text
    kaiming = Conditions(
        inputs="gaussian",
        batch_size=4,
        channels=2,
        cells=1,
        resolution=8,
        initialisation="kaiming_normal_fan_out",
    )
    found = [
        evaluator(space, "ntk_condition", conditions=c).score_supernet(mask, 0).values
        for c in (NOISE, kaiming)
    ]
    assert found[0] != found[1]


def test_batches_of_one_draw_share_the_weights_and_differ(space: SearchSpace) -> None:
    at = np.full(space.supernet_layout.shape, 0.2)
    asked = [
        SupernetGradient(at, 0, {"batch": 0}),
        SupernetGradient(at, 0, {"batch": 1}),
        SupernetGradient(at, 1, {"batch": 0}),
        SupernetGradient(at, 0, {"batch": 0}),
    ]
    answers = [evaluator(space).supernet_gradient(request) for request in asked]
    assert answers[0].value == answers[3].value
    np.testing.assert_array_equal(answers[0].gradient, answers[3].gradient)
    assert len({a.value for a in answers}) == 3
    assert all(np.isfinite(a.gradient).all() and a.gradient.any() for a in answers)


def test_labels_can_be_random_on_images(image_file: object) -> None:
    space = spaces["nasbench201"]
    at = np.full((6, 5), 0.2)
    images = Conditions(inputs="cifar10", batch_size=4, channels=2, cells=1)
    true, noisy = (
        evaluator(space, conditions=images).supernet_gradient(
            SupernetGradient(at, 0, {"labels": labels})
        )
        for labels in ("true", "random")
    )
    assert true.value != noisy.value


def test_the_problem_with_a_budget_is_that_prices_are_known_afterwards() -> None:
    space = spaces["nasbench201"]
    here = evaluator(space)
    mask = without_none(space).text
    assert here.price_s(ScoreSupernet((mask,)), mask) is None
    assert here.price_s(SupernetGradient(np.zeros((6, 5))), None) is None


def test_what_cannot_be_answered_says_so() -> None:
    space = spaces["nasbench201"]
    here = evaluator(space)
    arch = space.sample(np.random.default_rng(0))
    with pytest.raises(UserError, match=r"asks for scores of single networks.*te_nas or nasi"):
        here.answer(Score((arch,)), arch)
    with pytest.raises(UserError, match=r"no indicator is named.*te_nas"):
        here.score_supernet(without_none(space).text, 0)
    with pytest.raises(MalformedInput, match="is no part of the supernet"):
        evaluator(space, "te_nas").score_supernet("|all~0|", 0)
    with pytest.raises(UserError, match="'nasbenchmacro': it has none"):
        SupernetMeter(spaces["nasbenchmacro"], NOISE)
    with pytest.raises(UnknownName, match="gausian"):
        SupernetMeter(space, Conditions(inputs="gausian"))


def test_an_indicator_that_does_not_exist_for_supernets_is_named() -> None:
    space = spaces["nasbench201"]
    with pytest.raises(UserError, match=r"measures gennas_search_nlp on restricted supernets"):
        evaluator(space, "gennas_search_nlp").score_supernet(without_none(space).text, 0)


def test_a_search_of_the_supernet_needs_the_whole_space() -> None:
    space = spaces["nasbench201"]
    assert Problem(Domain(space), "cifar10").supernet_layout == space.supernet_layout
    limited = Domain(space, limits=[Limit("params", 1e9, lambda _: math.pi)])
    with pytest.raises(UserError, match="only a part of 'nasbench201' is open"):
        _ = Problem(limited, "cifar10").supernet_layout
    with pytest.raises(UserError, match=r"it has none. Take one of darts, nasbench201"):
        _ = Problem(Domain(spaces["nasbenchmacro"]), "cifar10").supernet_layout


@pytest.mark.parametrize(("name", "normalised"), [("darts", True), ("nasbench201", False)])
def test_gradients_are_those_of_the_papers_one_shot_network(
    name: str, normalised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, asked, make = spaces[name], [], spaces[name].supernet

    def spy(**arguments):
        asked.append(arguments.get("pooling_norm", False))
        return make(**arguments)

    monkeypatch.setattr(space, "supernet", spy)
    meter, mask = SupernetMeter(space, NOISE), quick_mask(space)
    meter.scores(mask.text, ["ntk_condition"], 0)
    meter.gradient(mask.weights(), 0)
    assert asked == [False, normalised]
