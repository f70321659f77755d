"""The policy of REINFORCE beside torch's own optimiser and numpy's own draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from untrained.harness.search.algorithms.reinforce import Policy
from untrained.spaces import Architecture
from untrained.spaces.framework.product_space import Decisions


def decisions(*choices: int) -> Decisions:
    return Decisions(choices, lambda chosen: Architecture("toy", str(chosen)), lambda arch: ())


@pytest.mark.parametrize("choices", [(5, 5, 5), (2, 4, 3)])
def test_one_tensor_of_all_decisions_learns_as_one_of_each(choices: tuple[int, ...]) -> None:
    policy = Policy(decisions(*choices), np.random.default_rng(3), learning_rate=0.1, momentum=0.9)
    rng = np.random.default_rng(3)
    logits = [torch.tensor(1e-3 * rng.standard_normal(n), requires_grad=True) for n in choices]
    optimiser = torch.optim.Adam(logits, lr=0.1)
    draws, mean = (np.random.default_rng(7), np.random.default_rng(7)), 0.0
    for step, reward in enumerate((0.5, -2.0, 1.0, 4.0), start=1):
        expected = [torch.softmax(one, 0).detach().numpy() for one in logits]
        for found, one in zip(policy.probabilities, expected, strict=True):
            np.testing.assert_allclose(found, one, rtol=1e-9)
        chosen = policy.sample(draws[0])
        assert chosen == tuple(int(draws[1].choice(len(p), p=p)) for p in expected)
        policy.update(chosen, reward)
        mean = 0.9 * mean + (1 - 0.9) * reward
        likelihood = sum(
            torch.log_softmax(one, 0)[i] for one, i in zip(logits, chosen, strict=True)
        )
        optimiser.zero_grad()
        (-likelihood * (reward - mean / (1 - 0.9**step))).backward()
        optimiser.step()
