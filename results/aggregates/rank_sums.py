"""Sums of ranks: plain, logarithmic, TE-NAS, TEG-NAS, AZ-NAS, VKDNW_agg."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from untrained.results.aggregates.aggregate import (
    MemberScores,
    Ties,
    aggregate,
    ranks,
    ties_parameter,
)


@aggregate(
    title="Rank sum",
    formula="sum over members of the rank, 1 = worst",
    reference="Borda count (Borda, 1781)",
    parameters={"ties": ties_parameter("average")},
)
def rank_sum(scores: MemberScores, *, ties: Ties) -> NDArray[np.float64]:
    """Sum the ranks: members count the same, and distances between scores do not count.

    Equal sums are exact ties.
    """
    return np.asarray(ranks(scores, ties).sum(1), dtype=np.float64)


@aggregate(
    title="Log-rank sum",
    formula="sum over members of log(rank / m), 1 = worst of m candidates",
    reference="Lee and Ham, AZ-NAS: Assembling Zero-Cost Proxies for NAS, CVPR 2024, non-linear "
    "ranking aggregation, for any members",
    parameters={"ties": ties_parameter("average")},
)
def log_rank_sum(scores: MemberScores, *, ties: Ties) -> NDArray[np.float64]:
    """Sum the logarithms of ranks, at most 0: one low rank costs more than one high rank gains.

    The ranks are multiplied as whole numbers, so that candidates with equal products are exact
    ties and the order of the members changes no bit.
    """
    doubled = np.rint(2 * ranks(scores, ties)).astype(np.int64)
    num_candidates, num_members = doubled.shape
    # of a product, not a sum of logarithms: the best under every member has exactly 0
    largest = math.log((2 * num_candidates) ** num_members)
    return np.array([math.log(math.prod(map(int, row))) - largest for row in doubled])


@aggregate(
    title="TE-NAS",
    formula="rank of -kappa + rank of R, 1 = worst",
    reference="Chen et al., Neural Architecture Search on ImageNet in Four GPU Hours (TE-NAS), "
    "ICLR 2021, section 3 and Fig. 9",
    members=("ntk_condition", "linear_regions"),
    parameters={"ties": ties_parameter("dense")},
    deviations="Ranks of whole architectures, as the paper correlates them; the search ranks "
    "operators by the changes they make. Dense ranks are those of the search. A singular kernel "
    "has no kappa and the architecture no value, where the authors' code sets kappa to 1e5, which "
    "some real ones exceed; with diverged = last it ranks behind all in kappa.",
)
def te_nas(scores: MemberScores, *, ties: Ties) -> NDArray[np.float64]:
    """Sum the ranks; the paper counts from the best and takes the smallest sum, the order reversed.

    For dense ranks that is exact too. Several seeds, averaged before ranks are taken, stand for
    the authors' repeats.
    """
    return np.asarray(ranks(scores, ties).sum(1), dtype=np.float64)


@aggregate(
    title="TEG-NAS",
    formula="rank of -kappa + rank of R + rank of -G, 1 = worst",
    reference="Chen et al., Understanding and Accelerating NAS with Training-Free and "
    "Theory-Grounded Metrics (TEG-NAS), arXiv:2108.11939, evolution",
    members=("ntk_condition", "linear_regions", "ntk_generalization"),
    parameters={"ties": ties_parameter("best")},
    deviations="Of the whole population, as the authors' evolution reports it; within a run it "
    "ranks tournaments, and their policy gradient sums changes instead. A failed member leaves no "
    "value, where their code sets kappa and G of a bad architecture to the worst seen so far; "
    "with diverged = last it ranks behind all in that member.",
)
def teg(scores: MemberScores, *, ties: Ties) -> NDArray[np.float64]:
    """Sum the ranks; the authors count from the best, where ties share the best rank.

    Counted from the worst, 1 to m, that is the same order reversed.
    """
    return np.asarray(ranks(scores, ties).sum(1), dtype=np.float64)


@aggregate(
    title="AZ-NAS",
    formula="sum over E, P, T and FLOPs of log(rank / m), 1 = worst of m candidates, ties average",
    reference="Lee and Ham, AZ-NAS: Assembling Zero-Cost Proxies for NAS, CVPR 2024, non-linear "
    "ranking aggregation",
    members=("az_expressivity", "az_progressivity", "az_trainability", "flops"),
    deviations="Equal products of ranks are exact ties.",
)
def az_nas(scores: MemberScores) -> NDArray[np.float64]:
    """Sum the logarithms of ranks; 0, the maximum, for a candidate that is best in all four.

    A trainability of -inf, for a cell that hands gradients on unchanged, ranks last.
    """
    return np.asarray(log_rank_sum.function(scores, ties="average"), dtype=np.float64)


@aggregate(
    title="VKDNW_agg",
    formula="sum over V, J, E, T and FLOPs of log(rank / m), 1 = worst of m candidates, ties "
    "average",
    reference="Týbl and Neumann, Training-free NAS through Variance of Knowledge of Deep Network "
    "Weights, CVPR 2025, eq. 15, the non-linear ranking aggregation",
    members=("vkdnw", "jacov", "az_expressivity", "az_trainability", "flops"),
    deviations="Equal products of ranks are exact ties. The equation was read as others quote it.",
)
def vkdnw_agg(scores: MemberScores) -> NDArray[np.float64]:
    """Sum the logarithms of ranks; 0, the maximum, for a candidate that is best in all five.

    V is VKDNW (single), J the Jacobian covariance, E and T are AZ-NAS's.
    """
    return np.asarray(log_rank_sum.function(scores, ties="average"), dtype=np.float64)
