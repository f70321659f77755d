"""What the score of an indicator of images depends on, and that it is there."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import cache

import torch

from untrained.harness.contract import specimens
from untrained.harness.contract.laboratory import (
    ANOTHER_SEED,
    FLOAT32,
    HEALTHY,
    ONE_BATCH,
    OTHER_LABELS,
    REINITIALISED,
    WITHOUT_GRADIENTS,
    WITHOUT_LABELS,
    IndicatorCase,
    Situation,
    described,
    measured,
    other_global_randomness,
)
from untrained.harness.contract.promise import Inapplicable, Suite, require
from untrained.indicators import Measurement, Need, Reading, indicators, read_items

SINGLE_PRECISION = 1e-2
"""Of a float32 run: 1e-7 an operation, amplified by eigenvalues, logarithms and training."""
COMPANIONS = ("naswot", "jacov", "snip", "params")
"""Read off the same measurement, to see whether one indicator disturbs another."""

scores: Suite[IndicatorCase] = Suite()


def same(a: float, b: float) -> bool:
    """Whether two scores are the same bits, NaN included."""
    return a == b or (math.isnan(a) and math.isnan(b))


def close(a: float, b: float, tolerance: float) -> bool:
    """Whether two scores agree within a tolerance relative to the second."""
    return a == b or abs(a - b) <= max(tolerance * abs(b), 1e-12)


@scores.promise
def a_healthy_network_gets_a_finite_score(case: IndicatorCase) -> None:
    """A small network and batch that have everything get a finite score, and its time."""
    reading = case.reading(HEALTHY)
    require(
        (reading.status, reading.reason) == ("ok", ""),
        "a network of convolutions, batch norms and ReLUs with two labelled batches of ten images "
        f"in float64 gets {described(reading)}",
    )
    require(math.isfinite(reading.value), f"a healthy network gets {reading.value}")
    require(reading.alone_s > 0, f"its measured time is {reading.alone_s} s")


@scores.promise
def the_same_measurement_gives_the_same_bits(case: IndicatorCase) -> None:
    """Equal network, batches and seed give equal bits, whatever else was measured or drawn."""
    usual = case.usual
    company = _company(case)
    for reading, when in (
        (company.first, "measured again"),
        (company.again, "read after other indicators"),
    ):
        require(
            reading.status == "ok" and same(reading.value, usual),
            f"the same network, batch and seed got {usual!r}, then {described(reading)} when "
            f"{when}; draw random numbers from m.generator(purpose) alone, keep nothing between "
            "calls and leave tensors of the measurement as they are",
        )


@scores.promise
def other_indicators_are_not_disturbed(case: IndicatorCase) -> None:
    """Other indicators read off the same measurement afterwards get their own scores."""
    for name, got in _company(case).others.items():
        expected = _undisturbed()[name]
        require(
            got.status == "ok" and same(got.value, expected.value),
            f"{name} gives {expected.value!r}, but {described(got)} when it is read after this "
            "indicator; a measurement is shared, so leave its network and tensors as they are",
        )


@dataclass(frozen=True, slots=True)
class _Company:
    """What an indicator and some others give, read off one measurement in this order."""

    first: Reading
    others: dict[str, Reading]
    again: Reading


def _company(case: IndicatorCase) -> _Company:
    def measure() -> _Company:
        item, net = case.item, specimens.network()
        others = [indicators[name] for name in COMPANIONS if name != item.id]
        # the network has been measured before, on another batch, and copied
        measured(others[:2], Situation("", lambda: net, lambda: specimens.batches()[1:]))
        with (
            other_global_randomness(),
            Measurement(copy.deepcopy(net), specimens.batches()) as measurement,
        ):
            return _Company(
                read_items(measurement, [item])[item.id],
                read_items(measurement, others),
                read_items(measurement, [item])[item.id],
            )

    return case.laboratory.remembered(case.item, measure)


@cache
def _undisturbed() -> dict[str, Reading]:
    return measured([indicators[name] for name in COMPANIONS], HEALTHY)


@scores.promise
def float32_is_close_to_float64(case: IndicatorCase) -> None:
    """A network in float32 scores within one percent of the same network in float64."""
    usual, reading = case.usual, case.reading(FLOAT32)
    require(
        reading.status == "ok" and close(reading.value, usual, SINGLE_PRECISION),
        f"in float64 the score is {usual!r}, in float32 {described(reading)}",
    )


@scores.promise
def cuda_agrees_with_the_cpu(case: IndicatorCase) -> None:
    """A network on a CUDA device scores as on the CPU, and its memory is metered."""
    if not torch.cuda.is_available():
        raise Inapplicable("there is no CUDA device")
    usual = case.usual
    reading = case.reading(Situation("cuda", lambda: specimens.network().cuda()))
    require(
        reading.status == "ok" and close(reading.value, usual, 1e-6),
        f"on the CPU the score is {usual!r}, on a CUDA device {described(reading)}; make new "
        "tensors on m.device",
    )
    require(reading.peak_bytes is not None, "the peak of its memory is not known")


@scores.promise
def labels_matter_exactly_if_they_are_needed(case: IndicatorCase) -> None:
    """Labels change the score, and it is unsupported without them, exactly if it needs labels."""
    usual = case.usual
    without, other = case.reading(WITHOUT_LABELS), case.reading(OTHER_LABELS)
    if case.needs(Need.LABELS):
        require(
            without.status == "unsupported" and "label" in without.reason,
            f"it needs labels, but a batch without any gets {described(without)}; take them from "
            "m.labels, which says that they are missing",
        )
        require(
            not same(other.value, usual),
            f"it needs labels, but other labels give the same score {usual!r}; leave out "
            "Need.LABELS and say labels='none' in the protocol",
        )
        return
    remedy = "declare Need.LABELS, or do not look at labels"
    require(
        same(without.value, usual),
        f"it does not declare Need.LABELS, but the score is {usual!r} with labels and "
        f"{described(without)} without; {remedy}",
    )
    require(
        same(other.value, usual),
        f"it does not declare Need.LABELS, but other labels change the score from {usual!r} to "
        f"{described(other)}; {remedy}",
    )


@scores.promise
def a_second_batch_matters_exactly_if_it_is_needed(case: IndicatorCase) -> None:
    """It is unsupported with a single batch exactly if it needs a second one."""
    reading = case.reading(ONE_BATCH)
    if case.needs(Need.SECOND_BATCH):
        require(
            reading.status == "unsupported" and "batch" in reading.reason,
            f"it needs a second batch, but a single one gets {described(reading)}; raise "
            "Unsupported('... a second batch ...') where len(m.batches) < 2",
        )
        return
    require(
        reading.status == "ok",
        f"it does not declare Need.SECOND_BATCH, but a single batch gets {described(reading)}",
    )
    if case.item.protocol.num_batches == 1:  # more can be of use without being needed
        require(
            same(reading.value, case.usual),
            f"its protocol has one batch, but a second one changes the score from "
            f"{reading.value!r} to {case.usual!r}; look at m.inputs and m.labels, or say how many "
            "batches it takes in the protocol",
        )


@scores.promise
def the_seed_matters_exactly_if_random_numbers_are_drawn(case: IndicatorCase) -> None:
    """Another seed of the measurement changes the score exactly if it declares randomness."""
    usual, other = case.usual, case.reading(ANOTHER_SEED)
    differs = not same(other.value, usual)
    if case.needs(Need.RANDOMNESS):
        require(
            differs,
            f"it declares Need.RANDOMNESS, but another seed gives the same score {usual!r}; leave "
            "it out, or draw from m.generator(purpose)",
        )
    else:
        require(
            not differs,
            f"it does not declare Need.RANDOMNESS, but another seed changes the score from "
            f"{usual!r} to {described(other)}; declare it",
        )


ALSO_LACKING = {Need.CELLS: {Need.STAGES}}
"""The network without cells is made of the one without stages."""

LACKING = {
    need.value: (need, situation)
    for need, situation in (
        (Need.STAGES, Situation("no stages", specimens.plain_network)),
        (Need.RELU, Situation("no ReLU", specimens.without_relu)),
        (Need.BATCH_NORM, Situation("no batch norm", specimens.without_batch_norm)),
        (Need.CELLS, Situation("no cells", lambda: specimens.plain_network(cell="body"))),
    )
}


@scores.promise_of_each(LACKING)
def what_a_network_lacks_is_unsupported_exactly_if_it_is_needed(
    case: IndicatorCase, lacking: tuple[Need, Situation]
) -> None:
    """A network without {} is unsupported exactly if the indicator needs that."""
    need, situation = lacking
    reading = case.reading(situation)
    if case.needs(need, *ALSO_LACKING.get(need, ())):
        require(
            reading.status == "unsupported" and bool(reading.reason) and math.isnan(reading.value),
            f"it needs {need.value}, but a network without gets {described(reading)}; raise "
            "Unsupported with a reason there, or do not declare the need",
        )
    else:
        require(
            (reading.status, reading.reason) == ("ok", ""),
            f"it does not declare Need.{need.name}, but a network without {need.value} gets "
            f"{described(reading)}",
        )


@scores.promise
def gradients_are_taken_exactly_if_they_are_needed(case: IndicatorCase) -> None:
    """A network whose layers have no gradient has no score exactly if it needs gradients."""
    reading = case.reading(WITHOUT_GRADIENTS)
    if case.needs(Need.GRADIENTS):
        require(
            reading.status != "ok",
            "it declares Need.GRADIENTS, but a network whose layers have none gets "
            f"{described(reading)}; leave the need out",
        )
    else:
        require(
            reading.status == "ok",
            "it does not declare Need.GRADIENTS, but a network whose layers have none gets "
            f"{described(reading)}; declare it",
        )


@scores.promise
def it_follows_the_initialisation_exactly_if_declared(case: IndicatorCase) -> None:
    """Weights drawn anew change the score exactly if it declares that it follows them."""
    if case.item.protocol.skeleton == "thin":  # saturated on a whole network
        one, other = (case.reading(situation) for situation in _THIN)
    else:
        one, other = case.reading(HEALTHY), case.reading(REINITIALISED)
    differs, declared = one.value != other.value, case.item.follows_initialisation
    require(
        differs == declared,
        f"it declares follows_initialisation={declared}, but two draws of the weights give "
        f"{described(one)} and {described(other)}; declare follows_initialisation={differs}",
    )


def _thin_batches() -> specimens.Batches:
    return ((specimens.images(0, 2000)[:, :1, :3, :3], None),)


_THIN = (
    Situation("thin network", lambda: specimens.thin_network(0), _thin_batches, apart=True),
    Situation("another thin network", lambda: specimens.thin_network(1), _thin_batches, apart=True),
)
