"""NASI's search: one step of the architecture weights, from exact gradients."""

from typing import Any, cast

import numpy as np
import pytest
import torch
from torch.nn import functional

from untrained.foundation import MalformedInput
from untrained.harness.search import (
    Budget,
    Domain,
    Gradient,
    Problem,
    Search,
    SupernetGradient,
    run_search,
)
from untrained.harness.search.algorithms.nasi import GumbelSoftmax
from untrained.harness.search.evaluators.supernet import (
    SupernetEvaluator,
    SupernetMeter,
    squared_gradient_norm,
)
from untrained.harness.search.searcher import searchers
from untrained.harness.study.study import Conditions
from untrained.results.searches.speed import Trajectory
from untrained.spaces import spaces

NOISE = Conditions(inputs="gaussian", batch_size=4, channels=2, cells=1, resolution=8)


class Formula(SupernetEvaluator):
    """Gradients of a function of the weights, w -> scale sum(c w) with noise by batch."""

    def __init__(self, space: str, *, scale: float = 1.0, noise: float = 0.0) -> None:
        super().__init__(Problem(Domain(spaces[space]), "cifar10"), cast("SupernetMeter", None))
        shape = spaces[space].supernet_layout.shape
        self.worth = np.random.default_rng(0).uniform(0, 1, size=shape)
        self.asked: list[SupernetGradient] = []
        self._scale = scale
        self._noise = noise

    def supernet_gradient(self, request: SupernetGradient) -> Gradient:
        self.asked.append(request)
        rng = np.random.default_rng(request.options["batch"])
        slope = self._scale * (self.worth + self._noise * rng.normal(size=self.worth.shape))
        return Gradient(float((slope * request.weights).sum()), slope, 1.0)


def search(world: SupernetEvaluator, seed: int = 0, **settings: Any) -> Trajectory:
    run = Search(searchers["nasi"], world.problem, np.random.default_rng(seed), settings)
    return run_search(run, world)


def world(space: str) -> SupernetEvaluator:
    problem = Problem(Domain(spaces[space]), "cifar10")
    return SupernetEvaluator(problem, SupernetMeter(spaces[space], NOISE, seed=1))


def test_below_nu_the_operations_with_the_largest_slope_are_found() -> None:
    formula = Formula("nasbench201")
    found = search(formula, steps=4000, nu=1e6)
    layout = spaces["nasbench201"].supernet_layout
    assert found.final == layout.derive(formula.worth).text


def test_above_nu_with_mu_two_those_with_the_smallest() -> None:
    formula = Formula("nasbench201", scale=1e3)
    found = search(formula, steps=200, nu=1e-6, mu=2)
    layout = spaces["nasbench201"].supernet_layout
    assert found.final == layout.derive(-formula.worth).text


def test_above_nu_with_mu_one_there_is_no_direction() -> None:
    found = search(Formula("nasbench201", scale=1e3), steps=5, nu=1e-6, mu=1)
    assert found.series["gradient_norm"].tolist() == [0] * 5
    assert found.series["reward"] == pytest.approx([1e-6] * 5)
    layout = spaces["nasbench201"].supernet_layout
    assert found.final == layout.derive(np.zeros(layout.shape)).text


@pytest.mark.parametrize("sampling", ["soft", "straight_through"])
def test_the_step_is_equation_18_of_slopes_by_the_chain_rule(sampling: str) -> None:
    formula = Formula("nasbench201", scale=3, noise=0.5)
    found = search(formula, steps=12, nu=9.0, temperature=0.5, sampling=sampling, seed=4)
    rng = np.random.default_rng(4)
    rng.integers(2**31)  # numbers the draw
    total, norms = np.zeros(formula.worth.shape), []
    for step, request in enumerate(formula.asked):
        noise = torch.from_numpy(rng.gumbel(size=formula.worth.shape))
        alpha = torch.zeros(formula.worth.shape, dtype=torch.float64, requires_grad=True)
        soft = torch.softmax((alpha + noise) / 0.5, 1)
        weights = soft.detach().numpy()
        if sampling == "straight_through":
            weights = np.eye(5)[weights.argmax(1)]
        np.testing.assert_allclose(request.weights, weights)
        slope = 3 * (formula.worth + 0.5 * np.random.default_rng(step).normal(size=(6, 5)))
        trace = float((slope * weights).sum())
        through = (soft * torch.from_numpy(slope if trace <= 9 else -slope)).sum()
        [gradient] = torch.autograd.grad(through, alpha)
        norms.append(float(gradient.norm()))
        total += gradient.numpy() / max(norms)
        assert found.incumbents[step] == spaces["nasbench201"].supernet_layout.derive(total).text
        assert found.series["trace"][step] == pytest.approx(trace)
        assert found.series["reward"][step] == pytest.approx(trace if trace <= 9 else 18 - trace)
    assert found.series["gradient_norm"] == pytest.approx(norms)
    assert (found.series["trace"] > 9).any()
    assert (found.series["trace"] < 9).any()


def test_the_adaptive_nu_follows_the_traces_and_the_fixed_one_stays() -> None:
    fixed = search(Formula("nasbench201", noise=1), steps=6, nu=3)
    assert fixed.series["nu"].tolist() == [3] * 6
    ours = search(Formula("nasbench201", noise=1), steps=6, nu=3, adaptive="ours", quantile=0.5)
    traces = ours.series["trace"]
    assert ours.series["nu"] == pytest.approx([3, *(np.median(traces[:t]) for t in range(1, 6))])


def test_weights_are_drawn_once_and_every_step_has_its_batch_and_labels() -> None:
    formula = Formula("darts")
    search(formula, steps=4, labels="random")
    assert len({request.draw for request in formula.asked}) == 1
    assert [request.options["batch"] for request in formula.asked] == [0, 1, 2, 3]
    assert {request.options["labels"] for request in formula.asked} == {"random"}
    other = Formula("darts")
    search(other, steps=1, seed=1)
    assert other.asked[0].draw != formula.asked[0].draw


def test_dr_by_dalpha_is_that_of_finite_differences_on_a_real_supernet() -> None:
    """From alpha through softmax, supernet, loss gradient, its norm, to the penalty."""
    space = spaces["nasbench201"]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        supernet = space.supernet(num_classes=3, channels=2, cells=1).double().train()
    inputs = torch.randn(
        3, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    labels = torch.tensor([0, 1, 2])
    alpha = np.random.default_rng(1).normal(size=(6, 5))

    def draw(at: np.ndarray) -> GumbelSoftmax:
        return GumbelSoftmax.draw(at, np.random.default_rng(2), temperature=0.8, hard=False)

    def reward(at: np.ndarray) -> float:
        weights = torch.from_numpy(draw(at).weights)
        loss = functional.cross_entropy(supernet(inputs, weights), labels)
        gradients = torch.autograd.grad(loss, list(supernet.parameters()), allow_unused=True)
        trace = sum(float(g.square().sum()) for g in gradients if g is not None)
        return trace - 2 * max(0.0, trace - 1e-3)  # far above nu: the reflected branch

    sample = draw(alpha)
    trace, slope = squared_gradient_norm(supernet, inputs, labels, torch.from_numpy(sample.weights))
    assert trace > 1e-2
    found = -sample.backward(slope.numpy())
    step = 1e-6
    for place in ((0, 0), (0, 3), (2, 1), (3, 2), (5, 4), (4, 3)):
        ahead, behind = alpha.copy(), alpha.copy()
        ahead[place] += step
        behind[place] -= step
        expected = (reward(ahead) - reward(behind)) / (2 * step)
        assert found[place] == pytest.approx(expected, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("space", ["nasbench201", "darts"])
def test_a_search_on_noise_is_repeatable_bit_by_bit(space: str) -> None:
    found = [search(world(space), steps=2, seed=2) for _ in range(2)]
    assert found[0].incumbents == found[1].incumbents
    np.testing.assert_array_equal(found[0].series["trace"], found[1].series["trace"])
    assert len(set(found[0].series["trace"])) == 2
    assert spaces[space].parse(found[0].final).text == found[0].final
    assert (found[0].cost_s > 0).all()


def test_a_spent_budget_leaves_the_incumbent() -> None:
    formula = Formula("nasbench201")
    run = Search(searchers["nasi"], formula.problem, np.random.default_rng(0))
    found = run_search(run, formula, Budget(seconds=7))
    assert found.stopped == "seconds"
    assert len(found.incumbents) == 7
    assert found.final == found.incumbents[-1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": "none"}, "labels = 'none': it is none of true, random"),
        ({"temperature": 0.0}, "temperature = 0.0: it should be at least 1e-06"),
        ({"adaptive": "yes"}, "adaptive = 'yes': it is none of no, ours"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedInput, match=message):
        search(Formula("nasbench201"), **settings)
