"""What an indicator of images gives where there is little or nothing to measure."""

from __future__ import annotations

import math

from torch import Tensor

from untrained.harness.contract import specimens
from untrained.harness.contract.indicator_scores import same
from untrained.harness.contract.laboratory import (
    NAN_WEIGHT,
    REINITIALISED,
    IndicatorCase,
    Situation,
    described,
)
from untrained.harness.contract.promise import Suite, require

robustness: Suite[IndicatorCase] = Suite()


@robustness.promise
def a_nan_weight_gives_no_score_that_depends_on_weights(case: IndicatorCase) -> None:
    """A network with a NaN weight is diverged, unless the score does not look at weights."""
    reading = case.reading(NAN_WEIGHT)
    if reading.status == "ok":  # then it does not look at the weights
        usual, other = case.usual, case.reading(REINITIALISED)
        require(
            same(reading.value, usual) and same(other.value, usual),
            f"one weight of the first convolution is NaN and the score is {reading.value!r}, "
            f"though it depends on the weights ({usual!r} without the NaN, {described(other)} for "
            "other weights); return NaN, or raise Diverged with a reason",
        )
    else:
        require(
            reading.status == "diverged" and math.isnan(reading.value),
            f"one weight of the first convolution is NaN and the outcome is {described(reading)}; "
            "return NaN, or raise Diverged with a reason",
        )


def _one_sample() -> specimens.Batches:
    return tuple((x[:1], y[:1]) for x, y in _labelled())


def _labelled() -> list[tuple[Tensor, Tensor]]:
    return [(x, y) for x, y in specimens.batches() if y is not None]


ODD = {
    situation.name: situation
    for situation in (
        Situation("logits times zero", lambda: specimens.with_logits(lambda out: out * 0)),
        Situation("no path from input to output", specimens.disconnected),
        Situation(
            "infinite logits", lambda: specimens.with_logits(lambda out: out * 1e200 * 1e200)
        ),
        Situation("one sample", specimens.network, _one_sample),
        Situation(
            "one class of labels",
            specimens.network,
            lambda: tuple((x, y * 0) for x, y in _labelled()),
        ),
        Situation(
            "constant images",
            specimens.network,
            lambda: tuple((x * 0 + 1, y) for x, y in _labelled()),
        ),
        Situation(
            "the same batch twice",
            specimens.network,
            lambda: (specimens.batches()[0], specimens.batches()[0]),
        ),
    )
}


@robustness.promise_of_each(ODD)
def an_odd_network_or_batch_gives_a_legal_score_or_a_reason(
    case: IndicatorCase, odd: Situation
) -> None:
    """An odd network or batch ({}) gives a legal score, or is unsupported or diverged."""
    reading = case.reading(odd)
    require(
        reading.status in ("ok", "unsupported", "diverged"),
        f"with {odd.name} the outcome is {described(reading)}; return NaN or raise Diverged where "
        "numbers are not finite, raise Unsupported where the score does not exist",
    )
    if reading.status != "ok":
        require(
            math.isnan(reading.value) and bool(reading.reason),
            f"with {odd.name} the status is {reading.status!r} without a reason; give one",
        )
        return
    require(not math.isnan(reading.value), f"with {odd.name} the score is NaN and counts as ok")
    if math.isinf(reading.value):
        require(
            (reading.value < 0) == case.item.higher_is_better,
            f"with {odd.name} the score is {reading.value}, which would rank first",
        )
