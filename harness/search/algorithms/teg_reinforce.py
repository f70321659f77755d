"""TEG-NAS: REINFORCE rewarded for changes of three indicators."""

from __future__ import annotations

from collections import deque
from typing import Annotated

import numpy as np

from untrained.harness.search import (
    Asks,
    History,
    Incumbent,
    Parameter,
    Problem,
    Scored,
    Steps,
    register_searcher,
    score,
)
from untrained.harness.search.algorithms.teg import series_of
from untrained.harness.search.policy import Policy

_TINY = 1e-6


@register_searcher(
    name="teg_reinforce",
    title="TEG-NAS, REINFORCE",
    reference="Chen et al., Understanding and Accelerating NAS with Training-Free and "
    "Theory-Grounded Metrics (TEG-NAS), arXiv:2108.11939, policy gradient",
    asks=frozenset({Asks.scores}),
    deviations="Released, the code does not run: data loaders that it passes are never defined, "
    "and its first reward is a tuple; here the first reward is 0. A network without one of its "
    "scores leaves the policy as it is and does not enter the windows, where the code puts in the "
    "worst values seen and changes earlier ones. Scores of one protocol share their data, and each "
    "network draws its own weights.",
)
def teg_reinforce(
    problem: Problem,
    rng: np.random.Generator,
    *,
    steps: Annotated[int, Parameter("networks proposed", least=1)] = 500,
    window: Annotated[
        int, Parameter("latest values that give the range of a change", least=2)
    ] = 10,
    learning_rate: Annotated[
        float, Parameter("of Adam; 0.07 in the authors' DARTS runs", least=0)
    ] = 0.04,
    momentum: Annotated[float, Parameter("of the baseline", least=0, most=0.999999)] = 0.9,
) -> Steps:
    """The reward is the change since the previous network, in units of the latest range.

    For every indicator I, with a sign that makes larger better,

        r_I(t) = (I_t - I_{t-1}) / (max I - min I + 1e-6),  over the latest `window` values,

    and the reward is their sum; it rewards what got better, whatever the level. Infinite scores
    count as missing. The answer is the network of the history that the estimator puts first. The
    policy's entropy is logged, and whether the incumbent is its likeliest network.
    """
    decisions = problem.decisions
    policy = Policy(decisions, rng, learning_rate=learning_rate, momentum=momentum)
    history = History(problem)
    latest: deque[tuple[float, ...]] = deque(maxlen=window)
    for _ in range(steps):
        proposed = problem.admitted(lambda: decisions.architecture(policy.sample(rng)))
        [scored] = yield from score([proposed])
        history.add(scored)
        if np.isfinite(scored.oriented).all():
            latest.append(scored.oriented)
            policy.update(decisions.chosen(proposed), change_in_ranges(latest))
        best = history.best
        assert isinstance(best, Scored)
        is_likeliest = best.architecture == decisions.architecture(policy.likeliest)
        yield Incumbent(
            best.architecture,
            series_of(problem, best)
            | {"entropy": policy.entropy, "is_likeliest": float(is_likeliest)},
        )
    return None


def change_in_ranges(latest: deque[tuple[float, ...]]) -> float:
    """The sum of all indicators' last changes, each in units of its range.

    Args:
        latest: oriented finite scores, the current ones last; one row gives 0.
    """
    if len(latest) < 2:
        return 0.0
    values = np.array(latest)
    ranges = values.max(axis=0) - values.min(axis=0) + _TINY
    return float(((values[-1] - values[-2]) / ranges).sum())
