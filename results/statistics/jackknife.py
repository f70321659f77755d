"""Rank correlations with each point left out once.

A worked example: four networks have the scores 1, 2, 2, 4 and the true values 20, 10, 30, 40. Of
the six pairs, score and truth order four alike and one, (1, 2), differently; (2, 3) ties. The
concordance is 4 - 1 = 3, and the share c_k of the pairs with network k is 1, 0, 2 and 3. What is
left without each network is 3 - c_k = 2, 3, 1, 0, over the root of the untied pairs of the other
three: 2 and 3 of them without network 1 or 4, 3 and 3 without network 2 or 3.

>>> tau, rho = leave_out_rank_correlations([1, 2, 2, 4], [20, 10, 30, 40])
>>> tau.round(3)  # 2 / sqrt(2 * 3), 3 / 3, 1 / 3, 0 / sqrt(2 * 3)
array([0.816, 1.   , 0.333, 0.   ])
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from untrained.results.statistics.concordance import Integers, Side, concordances
from untrained.results.statistics.rank_correlation import dense_ranks


def leave_out_rank_correlations(
    x: ArrayLike, y: ArrayLike, shares: Integers | None = None
) -> NDArray[np.float64]:
    """Compute tau-b and Spearman's rho without each point in turn, exactly.

    With s_ij = sign(x_i - x_j), t_ij = sign(y_i - y_j), u_i = sum_j s_ij and v_i = sum_j t_ij,
    every coefficient is made of sums over points and pairs. Leaving out point k takes from them

        concordance sum_{i<j} s_ij t_ij:   c_k = sum_i s_ik t_ik
        product sum_i u_i v_i:             u_k v_k + sum_i u_i t_ik + sum_i v_i s_ik - c_k

    and all c_k are counted at once by merging, so all n coefficients take O(n log n). All sums
    are whole numbers below 2^63.

    Args:
        x: n values, no NaN.
        y: n values, no NaN.
        shares: the c_k, where they are known.

    Returns:
        tau and rho, shape (2, n); NaN where what is left is constant on one side.

    Raises:
        ValueError: a value is NaN, or the lengths differ.
    """
    a, b = dense_ranks(x), dense_ranks(y)
    if a.size != b.size:
        raise ValueError(f"{a.size} values cannot be paired with {b.size}")
    if a.size == 0:
        return np.empty((2, 0))
    sides = Side(a), Side(b)
    c = concordances(a, b) if shares is None else shares
    u, v = sides[0].centred, sides[1].centred
    lost = u * v + _signed_sums(b, u) + _signed_sums(a, v) - c

    concordance = c.sum() // 2 - c
    product = (u * v).sum() - lost
    untied = [side.untied_without() for side in sides]
    cubes = [side.cubes_without() for side in sides]
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = concordance / (np.sqrt(untied[0]) * np.sqrt(untied[1]))
        rho = 3 * product / (np.sqrt(cubes[0]) * np.sqrt(cubes[1]))
    return np.asarray(np.clip([tau, rho], -1.0, 1.0), dtype=np.float64)


def _signed_sums(ranks: Integers, values: Integers) -> Integers:
    """Compute sum_i values_i sign(ranks_i - ranks_k) for each k."""
    groups = np.zeros(int(ranks.max()) + 1, dtype=np.int64)
    np.add.at(groups, ranks, values)
    upto = np.cumsum(groups)
    return np.asarray((upto[-1] - upto - (upto - groups))[ranks], dtype=np.int64)
