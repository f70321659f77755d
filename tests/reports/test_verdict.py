"""The verdict's words at the edges of its numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from untrained.reports.pages.verdict import judge, same_as
from untrained.results import Ceiling, CorrelationRow, PairComparison, PartialCorrelation, Stability
from untrained.results.searches.comparison import FoundBy, PairedDifference, SearchComparison
from untrained.results.searches.runs import summarise
from untrained.results.statistics.indicator_comparison import (
    Contribution,
    Evidence,
    Standing,
    Steadiness,
    relation,
)

NAN = math.nan


def row(tau: float = 0.6, low: float = 0.5, high: float = 0.7, n: int = 200) -> CorrelationRow:
    return CorrelationRow("mine", n, n, tau, low, high, 0.8, 0.7, 0.9, tau, 0.0, 0.0, NAN, NAN, NAN)


def compared(
    other: str, delta: float, p: float, half: float = 0.02, n: int = 200
) -> PairComparison:
    return PairComparison("mine", other, n, delta, delta - half, delta + half, p, p)


def partial(rho: float, half: float = 0.1) -> PartialCorrelation:
    return PartialCorrelation(("params",), 200, rho, rho - half, rho + half, NAN, NAN, NAN)


def near(other: str, rho: float, delta: float = 0.0) -> Contribution:
    return Contribution(other, rho, 200, 0.5, 0.5 + delta, delta, delta - 0.01, delta + 0.01, 0.5)


def stands(**changes: Any) -> Standing:
    fields: dict[str, Any] = {
        "space": "nasbench201",
        "target": "cifar10 test accuracy, 200 epochs",
        "row": row(),
        "others": (),
        "comparisons": (compared("params", 0.1, 0.001), compared("naswot", 0.05, 0.2)),
        "best": "naswot",
        "rho_with": (("params", 0.7),),
        "partial": (partial(0.4),),
        "top": None,
        "best_top": None,
        "nearest": near("naswot", 0.8),
        "with_best": None,
    }
    return Standing(**(fields | changes))


def headline(*standings: Standing, **changes: Any) -> str:
    return judge(Evidence("mine", standings, **changes)).headline


def text(*standings: Standing, **changes: Any) -> str:
    return "\n".join(judge(Evidence("mine", standings, **changes)).paragraphs)


@pytest.mark.parametrize(
    ("delta", "p", "half", "said"),
    [
        (0.1, 0.05, 0.02, "better"),
        (-0.1, 0.05, 0.02, "worse"),
        (0.1, 0.050001, 0.02, "not told apart"),
        (0.0, 1.0, 0.0, "the same ranking"),
        (0.0, 1.0, 0.02, "not told apart"),
        (0.1, NAN, 0.02, "unknown"),
        (NAN, 0.01, 0.02, "unknown"),
    ],
)
def test_a_comparison_is_judged_by_its_adjusted_p(
    delta: float, p: float, half: float, said: str
) -> None:
    assert relation(compared("x", delta, p, half)) == said
    assert relation(None) == "unknown"


def test_few_networks_are_better_than_nothing_at_nothing() -> None:
    assert relation(compared("x", 0.5, 0.0, n=9)) == "unknown"
    assert relation(compared("x", 0.5, 0.0, n=10)) == "better"
    assert relation(compared("x", 0.0, 1.0, 0.0, n=3)) == "the same ranking"


def test_better_than_params_and_not_told_apart_from_the_best() -> None:
    said = headline(stands())
    assert "Better than the parameter count? Yes: mine is, on the 1 target." in said
    assert "Better than the best baseline? Cannot be told, on the 1 target." in said


def test_targets_are_counted() -> None:
    worse = stands(comparisons=(compared("params", -0.1, 0.001),))
    unclear = stands(comparisons=(compared("params", 0.1, 0.5),))
    assert "Partly: better on 1 of 3 targets, worse on 1, not told apart on 1." in headline(
        stands(), worse, unclear
    )
    assert "No: better on 0 of 2 targets, worse on 1, not told apart on 1." in headline(
        worse, unclear
    )
    assert "No: mine is worse on all 2 targets." in headline(worse, worse)
    assert "Yes: mine is, on all 2 targets." in headline(stands(), stands())


def test_a_renamed_parameter_count_is_unmasked() -> None:
    same = stands(
        rho_with=(("params", 1.0), ("flops", 0.99)),
        partial=(partial(NAN),),
        comparisons=(compared("params", 0.0, 1.0, 0.0),),
        nearest=near("params", 1.0),
    )
    assert headline(same, same) == "This is a parameter count: mine ranks networks as params does."
    assert "given params nothing of it is left" in text(same)
    assert "against params, no difference in any resample" in text(same)


@pytest.mark.parametrize(
    ("rho", "left", "twin"),
    [
        (0.999, 0.5, True),
        (0.9989, 0.5, False),  # almost params, but something is left
        (0.98, 0.05, True),  # nothing is left: the interval holds zero
        (0.9799, 0.05, False),
        (0.98, 0.2, False),
        (-0.999, 0.0, True),
    ],
)
def test_a_size_is_recognised_at_its_thresholds(rho: float, left: float, twin: bool) -> None:
    one = stands(rho_with=(("params", rho),), partial=(partial(left),))
    assert (same_as([one]) is not None) == twin


def test_one_target_where_it_differs_is_enough() -> None:
    same = stands(rho_with=(("params", 1.0),), partial=(partial(NAN),))
    assert same_as([same, stands()]) is None
    opposite = stands(rho_with=(("params", -1.0),), partial=(partial(NAN),))
    assert same_as([same, opposite]) is None
    assert same_as([opposite, opposite]) == ("params", -1)
    assert "turned round" in headline(opposite)
    assert same_as([]) is None


def test_few_networks_are_no_proof_of_a_name() -> None:
    def one(n: int) -> Standing:
        return stands(row=row(n=n), rho_with=(("params", 1.0),), partial=(partial(NAN),))

    assert same_as([one(9)]) is None
    assert same_as([one(10)]) == ("params", 1)
    assert same_as([one(10), one(9)]) is None


def test_any_indicator_under_another_name_is_recognised() -> None:
    twin = stands(nearest=near("synflow", 0.9995))
    assert (
        headline(twin) == "This is synflow under another name: mine ranks networks as synflow does."
    )
    other = stands(nearest=near("naswot", 0.9995))
    assert same_as([twin, other]) is None
    # for what is no size, alike is not the same
    assert same_as([stands(nearest=near("synflow", 0.99))]) is None


def test_accuracies_that_were_read_come_before_everything() -> None:
    said = headline(stands(), accuracies=("opens nasbench201.parquet while scoring",))
    assert said.startswith("mine reaches for accuracies")
    assert "no number below counts" in said


def test_what_ranks_nothing_is_said() -> None:
    nothing = stands(row=row(NAN, NAN, NAN, n=0))
    assert "ranks nothing" in headline(nothing)
    assert "mine ranks nothing (0 networks with a score)" in text(nothing)
    assert "no accuracies are at hand" in headline()
    some = headline(stands(), nothing)
    assert "Yes: mine is, on the 1 target." in some
    assert some.endswith("On 1 further target it ranks nothing.")


def test_a_reversed_ranking_is_noticed_only_for_certain() -> None:
    reversed_ = stands(row=row(-0.3, -0.4, -0.001))
    assert "ranks the wrong way round" in text(reversed_)
    assert headline(reversed_).startswith("mine ranks backwards")
    assert "wrong way" not in text(stands(row=row(-0.3, -0.6, 0.0)))


def test_above_the_noise_of_training_is_suspicious() -> None:
    other = Ceiling("a", "b", 200, 0.9, 0.88, 0.92, 0.9, 0.9, 0.9, ())
    ceiling = replace(other, perfect=True)
    assert "was it fitted" in text(stands(row=row(0.95, 0.921, 0.97), ceilings=(ceiling,)))
    assert "was it fitted" not in text(stands(row=row(0.95, 0.92, 0.97), ceilings=(ceiling,)))
    found = text(stands(row=row(0.95, 0.93, 0.97), ceilings=(ceiling,)))
    assert "above what a reaches under the noise of training (0.900): was it fitted" in found
    # validation in place of an indicator is no limit
    assert "was it fitted" not in text(stands(row=row(0.95, 0.93, 0.97), ceilings=(other,)))


def test_networks_without_a_score_are_counted() -> None:
    part = replace(row(n=120), n_population=200)
    assert "on the 120 of 200 networks that have a score" in text(stands(row=part))
    assert "on 200 networks" in text(stands())


def test_where_scores_may_come_from_is_said_beside_the_verdict() -> None:
    assert "may come from" not in text(stands())
    files = tuple(f"opens {n}.csv while scoring" for n in range(7))
    said = text(stands(), reached=files, suspicions=("the file imports nas_201_api",))
    assert "opens 4.csv while scoring; and 2 more. Whether accuracies are in there" in said
    assert "5.csv" not in said
    assert "The file imports nas_201_api." in said


def test_a_contract_that_was_not_examined_is_said() -> None:
    said = text(stands(), not_examined="the worker was killed")
    assert "Contract. It could not be examined: the worker was killed" in said


def test_few_networks_are_a_hint() -> None:
    assert "a hint, not a verdict" in text(stands(row=row(n=49)))
    assert "a hint" not in text(stands(row=row(n=50)))


@pytest.mark.parametrize(
    ("delta", "said"),
    [(0.02, "it helps (+0.020"), (-0.02, "it does harm"), (0.005, "changes nothing for certain")],
)
def test_what_is_added_is_judged_by_its_interval(delta: float, said: str) -> None:
    assert said in text(stands(nearest=near("naswot", 0.8, delta)))


def test_a_ranking_that_the_seed_decides_is_said() -> None:
    def steady(rho: float) -> tuple[Steadiness, ...]:
        return (
            Steadiness(
                "nasbench201",
                "initialisation",
                Stability((0, 1), 40, rho, rho, (0.5, 0.6), 0.55, 0.07),
            ),
        )

    assert "decided by the initialisation" in text(stands(), steadiness=steady(0.899))
    assert "decided" not in text(stands(), steadiness=steady(0.9))
    assert "Stability" not in text(stands(), steadiness=steady(NAN))


def test_the_search_with_the_most_draws_on_the_first_target_is_told() -> None:
    def search(n: int, target: str, mean: float) -> SearchComparison:
        own = FoundBy("mine", summarise([mean]), None)
        naswot = FoundBy("naswot", summarise([92.0]), PairedDifference(500, 0.1, 0.05, 0.15))
        both, nobody = (own, naswot), (87.0, 1.0)
        oracle = (94.0, 1.0)
        return SearchComparison(
            "nasbench201", target, 200, n, both, nobody, oracle, higher_is_better=True
        )

    said = text(
        stands(), searches=(search(10, "a", 92.5), search(100, "a", 93.0), search(100, "b", 1.0))
    )
    assert "nasbench201, a, best of 100 draws: 93.00" in said
    assert "NASWOT 92.00 (difference +0.10 [+0.05, +0.15] over the draws)" in said
    assert "1.00" not in said.partition("Search")[2]
    alone = replace(search(10, "a", 92.5), found=search(10, "a", 92.5).found[:1])
    assert "NASWOT" not in text(stands(), searches=(alone,))


def test_labels_promises_and_failures_are_told() -> None:
    said = text(
        stands(),
        needs_labels=True,
        changes_with_labels=False,
        broken=("It leaves the network as it is.",),
        failures=3,
        wanted=200,
    )
    assert "They are needed; the score does not change when they are permuted." in said
    assert "It breaks 1 promise: It leaves the network as it is." in said
    assert "3 of 200 scores failed" in said
    assert "Labels" not in text(stands())
