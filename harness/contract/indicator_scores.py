"""Checks of an indicator's score: it exists, and it depends on what the indicator declares."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from untrained.harness.contract import fixtures
from untrained.harness.contract.indicator_case import (
    IndicatorCase,
    Setup,
    another_seed,
    close,
    described,
    float32,
    healthy,
    other_weights,
    read,
    same,
)
from untrained.harness.contract.promise import Inapplicable, Suite, require
from untrained.indicators import Measurement, Need, Reading, indicators, read_items

SINGLE_PRECISION = 1e-2
"""Of a float32 run: 1e-7 an operation, amplified by eigenvalues, logarithms and training."""
COMPANIONS = ("naswot", "jacov", "snip", "params")
"""Read off the same measurement, to see whether one indicator disturbs another."""

scores: Suite[IndicatorCase] = Suite()
"""Of indicators of every kind."""
image_scores: Suite[IndicatorCase] = Suite()
sequence_scores: Suite[IndicatorCase] = Suite()
attention_scores: Suite[IndicatorCase] = Suite()
batch_scores: Suite[IndicatorCase] = Suite()
"""Of indicators that are given batches of images, whatever the network."""


@scores.promise
def a_healthy_network_gets_a_finite_score(case: IndicatorCase) -> None:
    """A small network and batch that have everything get a finite score, and its time."""
    reading = case.reading(healthy)
    what = (
        "an LSTM with three sequences of words"
        if case.reads_sequences
        else "a network of convolutions, batch norms and ReLUs with two labelled batches of ten "
        "images"
    )
    require(
        (reading.status, reading.reason) == ("ok", ""),
        f"{what} in float64 gets {described(reading)}",
    )
    require(math.isfinite(reading.value), f"a healthy network gets {reading.value}")
    require(reading.alone_s > 0, f"its measured time is {reading.alone_s} s")


@scores.promise
def the_same_measurement_gives_the_same_bits(case: IndicatorCase) -> None:
    """Equal network, batches and seed give equal bits, whatever else was measured or drawn."""
    usual = case.usual
    first, _, again = _in_company(case)
    for reading, when in ((first, "measured again"), (again, "read after other indicators")):
        require(
            reading.status == "ok" and same(reading.value, usual),
            f"the same network, batch and seed got {usual!r}, then {described(reading)} when "
            f"{when}; draw random numbers from m.generator(purpose) alone, keep nothing between "
            "calls and leave tensors of the measurement as they are",
        )


@scores.promise
def float32_is_close_to_float64(case: IndicatorCase) -> None:
    """A network in float32 scores within one percent of the same network in float64."""
    usual, reading = case.usual, case.reading(float32)
    require(
        reading.status == "ok" and close(reading.value, usual, SINGLE_PRECISION),
        f"in float64 the score is {usual!r}, in float32 {described(reading)}",
    )


@scores.promise
def the_seed_matters_exactly_if_random_numbers_are_drawn(case: IndicatorCase) -> None:
    """Another seed of the measurement changes the score exactly if it declares randomness."""
    usual, other = case.usual, case.reading(another_seed)
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


EXACT_IN_PARTS = 1e-9
"""Of sums in another order, in double precision."""


@image_scores.promise
def parts_of_the_batch_give_the_same_score_if_declared(case: IndicatorCase) -> None:
    """If it declares `splits`, the network sees parts of the batch and the score is the same."""
    if not case.item.splits:
        return
    usual, net, seen = case.usual, case.network(), []
    with Measurement(net, case.batches()) as measurement:
        measurement.parts = 3
        largest = max(map(len, measurement.input_parts))
        handle = net.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
        reading = read_items(measurement, [case.item])[case.item.id]
        handle.remove()
    require(
        reading.status == "ok" and close(reading.value, usual, EXACT_IN_PARTS),
        f"it declares splits=True, but the batch in one piece gets {usual!r} and in 3 parts "
        f"{described(reading)}; leave splits out, or let no sample depend on the others",
    )
    require(
        max(seen, default=0) <= largest,
        f"it declares splits=True, but the network gets {max(seen, default=0)} samples at once "
        f"where the largest part has {largest}; read m.input_parts, or leave splits out",
    )


@cache
def _in_company(case: IndicatorCase) -> tuple[Reading, dict[str, Reading], Reading]:
    """Read an indicator, some others and the indicator again off one measurement.

    The network is a copy of one that has been measured before, on another batch.
    """
    item, net = case.item, case.network()
    others = []
    if not case.reads_sequences:
        others = [indicators[name] for name in COMPANIONS if name != item.id]
        read(Measurement(net, case.batches()[1:]), *others[:2])
    measurement = Measurement(copy.deepcopy(net), case.batches())
    with torch.random.fork_rng(), fixtures.seeded(20261125), measurement:
        return (
            read_items(measurement, [item])[item.id],
            read_items(measurement, others),
            read_items(measurement, [item])[item.id],
        )


@cache
def _undisturbed() -> dict[str, Reading]:
    batches = fixtures.batches()
    return read(Measurement(fixtures.network(), batches), *(indicators[n] for n in COMPANIONS))


def _on_batches(net: nn.Module) -> Measurement:
    return Measurement(net, fixtures.batches())


def _thin(seed: int) -> Measurement:
    pieces = fixtures.images(0, 2000)[:, :1, :3, :3]
    return Measurement(fixtures.thin_network(seed), [(pieces, None)])


SITUATIONS: dict[str, Setup] = {
    "on CUDA": lambda case: Measurement(case.network().cuda(), case.batches()),
    "without labels": lambda case: Measurement(
        case.network(), [(x, None) for x, _ in fixtures.batches()]
    ),
    "other labels": lambda case: Measurement(case.network(), fixtures.with_other_labels()),
    "one batch": lambda case: Measurement(case.network(), case.batches()[:1]),
    "without gradients": lambda case: _on_batches(fixtures.without_gradients()),
    "NaN weight": lambda case: _on_batches(fixtures.with_nan_weight()),
    "thin": lambda case: _thin(0),
    "other thin": lambda case: _thin(1),
    "other attentive weights": lambda case: _on_batches(fixtures.attentive_network(seed=1)),
}
"""Kept here, because readings are shared by the identity of their setup."""


@image_scores.promise
def other_indicators_are_not_disturbed(case: IndicatorCase) -> None:
    """Other indicators read off the same measurement afterwards get their own scores."""
    for name, got in _in_company(case)[1].items():
        expected = _undisturbed()[name]
        require(
            got.status == "ok" and same(got.value, expected.value),
            f"{name} gives {expected.value!r}, but {described(got)} when it is read after this "
            "indicator; a measurement is shared, so leave its network and tensors as they are",
        )


@image_scores.promise
def cuda_agrees_with_the_cpu(case: IndicatorCase) -> None:
    """A network on a CUDA device scores as on the CPU, and its memory is metered."""
    if not torch.cuda.is_available():
        raise Inapplicable("there is no CUDA device")
    usual = case.usual
    reading = case.reading(SITUATIONS["on CUDA"])
    require(
        reading.status == "ok" and close(reading.value, usual, 1e-6),
        f"on the CPU the score is {usual!r}, on a CUDA device {described(reading)}; make new "
        "tensors on m.device",
    )
    require(reading.peak_bytes is not None, "the peak of its memory is not known")


@batch_scores.promise
def labels_matter_exactly_if_they_are_needed(case: IndicatorCase) -> None:
    """Labels change the score, and it is unsupported without them, exactly if it needs labels."""
    usual = case.usual
    without, other = (case.reading(SITUATIONS[name]) for name in ("without labels", "other labels"))
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


@batch_scores.promise
def a_second_batch_matters_exactly_if_it_is_needed(case: IndicatorCase) -> None:
    """It is unsupported with a single batch exactly if it needs a second one."""
    reading = case.reading(SITUATIONS["one batch"])
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


ALSO_LACKING = {Need.CELLS: {Need.STAGES}}
"""The network without cells is made of the one without stages."""

LACKING: dict[str, tuple[Need, Setup]] = {
    need.value: (need, setup)
    for need, setup in (
        (Need.STAGES, lambda case: _on_batches(fixtures.plain_network())),
        (Need.RELU, lambda case: _on_batches(fixtures.replaced(nn.ReLU, nn.GELU))),
        (Need.BATCH_NORM, lambda case: _on_batches(fixtures.replaced(_BatchNorm, nn.Identity))),
        (Need.CELLS, lambda case: _on_batches(fixtures.plain_network(cell="body"))),
    )
}


@image_scores.promise_of_each(LACKING)
def what_a_network_lacks_is_unsupported_exactly_if_it_is_needed(
    case: IndicatorCase, lacking: tuple[Need, Setup]
) -> None:
    """A network without {} is unsupported exactly if the indicator needs that."""
    need, setup = lacking
    reading = case.reading(setup)
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


@image_scores.promise
def gradients_are_taken_exactly_if_they_are_needed(case: IndicatorCase) -> None:
    """A network whose layers have no gradient has no score exactly if it needs gradients."""
    reading = case.reading(SITUATIONS["without gradients"])
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


@image_scores.promise
def it_follows_the_initialisation_exactly_if_declared(case: IndicatorCase) -> None:
    """Weights drawn anew change the score exactly if it declares that it follows them."""
    if case.item.protocol.skeleton == "thin":  # saturated on a whole network
        one, other = (case.reading(SITUATIONS[name], apart=True) for name in ("thin", "other thin"))
    else:
        one, other = case.reading(healthy), case.reading(other_weights)
    differs, declared = one.value != other.value, case.item.follows_initialisation
    require(
        differs == declared,
        f"it declares follows_initialisation={declared}, but two draws of the weights give "
        f"{described(one)} and {described(other)}; declare follows_initialisation={differs}",
    )


@image_scores.promise
def a_nan_weight_gives_no_score_that_depends_on_weights(case: IndicatorCase) -> None:
    """A network with a NaN weight is diverged, unless the score does not look at weights."""
    reading = case.reading(SITUATIONS["NaN weight"])
    if reading.status == "ok":  # then it does not look at the weights
        usual, other = case.usual, case.reading(other_weights)
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


def _changed_logits(change: Callable[[Tensor], Tensor]) -> Setup:
    return lambda case: _on_batches(fixtures.with_logits(change))


def _changed_batches(change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Setup:
    def measurement(case: IndicatorCase) -> Measurement:
        batches = [change(x, y) for x, y in fixtures.batches() if y is not None]
        return Measurement(case.network(), batches)

    return measurement


_DISCONNECTED = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"

ODD: dict[str, tuple[str, Setup]] = {
    name: (name, setup)
    for name, setup in (
        ("logits times zero", _changed_logits(lambda out: out * 0)),
        ("no path from input to output", lambda case: _on_batches(fixtures.network(_DISCONNECTED))),
        ("infinite logits", _changed_logits(lambda out: out * 1e200 * 1e200)),
        ("one sample", _changed_batches(lambda x, y: (x[:1], y[:1]))),
        ("one class of labels", _changed_batches(lambda x, y: (x, y * 0))),
        ("constant images", _changed_batches(lambda x, y: (x * 0 + 1, y))),
        ("the same batch twice", lambda case: Measurement(case.network(), [case.batches()[0]] * 2)),
    )
}


@image_scores.promise_of_each(ODD)
def an_odd_network_or_batch_gives_a_legal_score_or_a_reason(
    case: IndicatorCase, odd: tuple[str, Setup]
) -> None:
    """An odd network or batch ({}) gives a legal score, or is unsupported or diverged."""
    name, setup = odd
    reading = case.reading(setup)
    require(
        reading.status in ("ok", "unsupported", "diverged"),
        f"with {name} the outcome is {described(reading)}; return NaN or raise Diverged where "
        "numbers are not finite, raise Unsupported where the score does not exist",
    )
    if reading.status != "ok":
        require(
            math.isnan(reading.value) and bool(reading.reason),
            f"with {name} the status is {reading.status!r} without a reason; give one",
        )
        return
    require(not math.isnan(reading.value), f"with {name} the score is NaN and counts as ok")
    if math.isinf(reading.value):
        require(
            (reading.value < 0) == case.item.higher_is_better,
            f"with {name} the score is {reading.value}, which would rank first",
        )


@attention_scores.promise
def a_network_without_attention_is_unsupported(case: IndicatorCase) -> None:
    """A network of convolutions has no such score, and the reason names attention."""
    reading = read(_on_batches(fixtures.network()), case.item)[case.item.id]
    require(
        reading.status == "unsupported" and "attention" in reading.reason,
        f"a network without attention gets {described(reading)}; raise Unsupported with a reason "
        "that says so",
    )


def _without_ways_back(case: IndicatorCase) -> Measurement:
    net = case.network()
    net.get_submodule("classifier").register_forward_hook(fixtures.no_way_back)
    return _on_batches(net)


def _nan_in_attention(case: IndicatorCase) -> Measurement:
    net = fixtures.attentive_network()
    net.patches.weight.data[0, 0, 0, 0] = torch.nan
    return _on_batches(net)


@attention_scores.promise
def of_attention_gradients_and_weights_are_looked_at_as_declared(case: IndicatorCase) -> None:
    """It needs gradients, and follows the weights, exactly as it declares; NaN is no score."""
    reading = case.reading(_without_ways_back)
    require(
        (reading.status != "ok") == case.needs(Need.GRADIENTS),
        f"Need.GRADIENTS is {'' if case.needs(Need.GRADIENTS) else 'not '}declared, but a network "
        f"whose classifier has no gradient gets {described(reading)}",
    )
    other = case.reading(SITUATIONS["other attentive weights"])
    require(
        (other.value != case.usual) == case.item.follows_initialisation,
        f"it declares follows_initialisation={case.item.follows_initialisation}, but other weights "
        f"change {case.usual!r} to {described(other)}",
    )
    lost = case.reading(_nan_in_attention)
    require(
        lost.status == "diverged" or not case.item.follows_initialisation,
        f"one weight of the patches is NaN and the outcome is {described(lost)}; return NaN, or "
        "raise Diverged with a reason",
    )


@sequence_scores.promise
def a_network_for_images_is_unsupported(case: IndicatorCase) -> None:
    """A network for images has no such score, and the reason says so."""
    net = fixtures.network("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    reading = read(Measurement(net, [(torch.ones(2, 3, 8, 8), None)]), case.item)[case.item.id]
    require(
        reading.status == "unsupported" and bool(reading.reason) and math.isnan(reading.value),
        f"a network for images gets {described(reading)}; raise Unsupported where the network has "
        "no embedding_size and recurrent(x)",
    )
