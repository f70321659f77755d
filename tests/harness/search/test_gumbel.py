"""Gumbel-softmax weights and the way back through them."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from untrained.harness.search.algorithms.nasi import GumbelSoftmax

SHAPE = (4, 5)


def draw(hard: bool, alpha: np.ndarray | None = None, temperature: float = 0.7) -> GumbelSoftmax:
    rng = np.random.default_rng(0)
    return GumbelSoftmax.draw(
        np.zeros(SHAPE) if alpha is None else alpha, rng, temperature=temperature, hard=hard
    )


def test_weights_of_an_edge_are_the_softmax_of_noisy_logits() -> None:
    noise = np.random.default_rng(0).gumbel(size=SHAPE)
    np.testing.assert_allclose(draw(hard=False).weights, softmax(noise / 0.7, axis=1))


def test_hard_weights_are_one_operation_an_edge() -> None:
    hard, soft = draw(hard=True), draw(hard=False)
    assert hard.weights.sum(1).tolist() == [1] * 4
    assert set(hard.weights.flat) == {0, 1}
    assert (hard.weights.argmax(1) == soft.weights.argmax(1)).all()


def test_the_hard_choice_follows_the_distribution_of_the_logits() -> None:
    alpha = np.broadcast_to(np.array([0.0, 1.0, -1.0, 0.5, 2.0]), (20_000, 5))
    chosen = draw(hard=True, alpha=alpha).weights.mean(0)
    # five standard errors of a share of 20,000 draws
    np.testing.assert_allclose(chosen, np.exp(log_softmax(alpha[0])), atol=5 * 0.5 / 20_000**0.5)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_backward_is_the_derivative_by_alpha(temperature: float) -> None:
    rng = np.random.default_rng(1)
    alpha, direction = rng.normal(size=SHAPE), rng.normal(size=SHAPE)

    def value(at: np.ndarray) -> float:
        return float((draw(False, at, temperature).weights * direction).sum())

    step = 1e-6
    expected = np.empty(SHAPE)
    for place in np.ndindex(SHAPE):
        ahead, behind = alpha.copy(), alpha.copy()
        ahead[place] += step
        behind[place] -= step
        expected[place] = (value(ahead) - value(behind)) / (2 * step)
    found = draw(False, alpha, temperature).backward(direction)
    np.testing.assert_allclose(found, expected, atol=1e-7)
    # straight through: one-hot weights have the softmax's derivative
    np.testing.assert_array_equal(draw(True, alpha, temperature).backward(direction), found)
