"""Each promise of indicators is broken by an indicator that is made for it, and says how."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from untrained.foundation import Unsupported
from untrained.harness.contract import Broken, examine, indicator_promises
from untrained.harness.contract.indicator_case import IndicatorCase
from untrained.indicators import Family, Indicator, Need, Passes, Protocol, indicators
from untrained.indicators.quantities.loss_gradients import loss_gradients


def logits(m):
    with torch.no_grad():
        return m.network(m.inputs).double()


def spread_of(values):
    return float(values.var(dim=0, unbiased=False).mean().log())


def spread(m):
    """The spread of the logits over the batch."""
    return spread_of(logits(m))


GOOD = Indicator(
    id="spread",
    title="Spread",
    formula="ln mean_k var_b f_k(x_b)",
    reference="for these tests, 2026",
    higher_is_better=True,
    needs=frozenset(),
    protocol=Protocol(labels="none"),
    cost=Passes.parse("1 forward"),
    family=Family.LATER,
    uses_accuracy=False,
    class_invariant=True,
    version=1,
    follows_initialisation=True,
    deviations="",
    function=spread,
)


def needing(*needs, **changes):
    return replace(GOOD, needs=frozenset(needs), **changes)


def doing(function, **changes):
    function.__doc__ = "Faulty."
    return replace(GOOD, function=function, **changes)


def refusing_without(kind):
    def function(m):
        if not any(isinstance(module, kind) for module in m.network.modules()):
            raise Unsupported(f"there is no {kind.__name__}")
        return spread(m)

    return function


def keeps_a_hook_if_a_layer_fails(m):
    hook = m.network.register_forward_hook(lambda module, args, out: None)
    found = spread(m)
    hook.remove()
    return found


def keeps_a_hook_if_backward_fails(m):
    hook = m.network.register_forward_hook(lambda module, args, out: None)
    loss_gradients(m)
    hook.remove()
    return spread(m)


def fails_the_second_time(m):
    hook = m.network.register_forward_hook(lambda module, args, out: None)
    spread(m)
    found = spread(m)
    hook.remove()
    return found


def scales_the_network(m):
    found = spread(m)
    with torch.no_grad():
        for parameter in m.network.parameters():
            parameter.mul_(1.5)
    return found


def spread_or_error(kind):
    """The spread, or an error where something is odd."""

    def function(m):
        found = logits(m)
        if kind(m, found):
            raise ArithmeticError("how odd")
        return spread_of(found)

    return function


ODD_KINDS = {
    "logits times zero": lambda m, found: not found.any(),
    "no path from input to output": lambda m, found: not (found - found[0]).any(),
    "infinite logits": lambda m, found: not found.isfinite().all(),
    "one sample": lambda m, found: len(found) == 1,
    "one class of labels": lambda m, found: len(m.labels.unique()) == 1,
    "constant images": lambda m, found: not (m.inputs - 1).any(),
    "the same batch twice": lambda m, found: m.batches[0][0].equal(m.batches[-1][0]),
}


def stages(m):
    if not hasattr(m.network, "stages"):
        raise Unsupported("there are no stages")
    return spread(m)


def cells(m):
    if not any("cell" in name for name, _ in m.network.named_parameters()):
        raise Unsupported("there are no cells")
    return spread(m)


def jitter(m):
    return spread(m) + float(torch.rand((), generator=m.generator("jitter")))


def in_parts(m):
    """The spread of the logits, of which each part normalises its own."""
    return spread_of(torch.cat([m.network(part).detach() for part in m.input_parts]))


LACKS = "what_a_network_lacks_is_unsupported_exactly_if_it_is_needed"
ODD = "an_odd_network_or_batch_gives_a_legal_score_or_a_reason"
AFTER = "everything_is_left_as_found_after_a_failure_inside"

FAULTY = {
    "it_says_what_it_is": [
        (replace(GOOD, reference="somebody"), "names no year"),
        (replace(GOOD, id="Spread"), "lower case, digits and underscores"),
        (replace(GOOD, formula="a\nb"), "line break"),
        (replace(GOOD, function=lambda m: 1.0), "no docstring"),
    ],
    "it_declares_direction_needs_cost_and_version": [
        (replace(GOOD, higher_is_better=None), "higher_is_better is None"),
        (replace(GOOD, version=0), "versions count from 1"),
        (replace(GOOD, needs={"labels"}), "a set of Need members"),
    ],
    "its_title_is_its_own": [(replace(GOOD, title="NASWOT"), "that of naswot too")],
    "its_reference_protocol_offers_what_it_needs": [
        (needing(Need.LABELS), "it needs labels and its protocol says labels='none'"),
        (replace(GOOD, protocol=Protocol()), "make the two agree"),
        (needing(Need.SECOND_BATCH), "num_batches=1"),
    ],
    "its_reference_protocol_can_be_run": [
        (replace(GOOD, protocol=GOOD.protocol.replace(dataset="mnist")), "no dataset named"),
        (replace(GOOD, protocol=GOOD.protocol.replace(initialisation="he")), "no initialisation"),
    ],
    "a_healthy_network_gets_a_finite_score": [
        (doing(lambda m: math.inf), "status 'diverged' (the score is inf)"),
        (doing(lambda m: -math.inf), "gets -inf"),
        (doing(lambda m: {}["x"]), "KeyError"),
    ],
    "parts_of_the_batch_give_the_same_score_if_declared": [
        (replace(GOOD, splits=True), "gets 10 samples at once where the largest part has 4"),
        (replace(doing(in_parts), splits=True), "let no sample depend on the others"),
    ],
    "the_same_measurement_gives_the_same_bits": [
        (doing(lambda m: spread(m) + float(torch.rand(()))), "m.generator(purpose)"),
        (doing(lambda m: spread(m) + id(m)), "measured again"),
    ],
    "other_indicators_are_not_disturbed": [(doing(scales_the_network), "a measurement is shared")],
    "float32_is_close_to_float64": [
        (doing(lambda m: float(torch.finfo(m.dtype).bits)), "in float32 32.0"),
    ],
    "labels_matter_exactly_if_they_are_needed": [
        (needing(Need.LABELS), "needs labels, but a batch without any gets"),
        (doing(lambda m: (m.labels, spread(m))[1], needs={Need.LABELS}), "the same score"),
        (doing(lambda m: spread(m) + float(m.labels[1] == 1)), "declare Need.LABELS"),
    ],
    "a_second_batch_matters_exactly_if_it_is_needed": [
        (needing(Need.SECOND_BATCH), "needs a second batch, but a single one gets"),
        (doing(lambda m: (m.batches[1], spread(m))[1]), "does not declare Need.SECOND_BATCH"),
        (doing(lambda m: spread(m) + len(m.batches)), "a second one changes the score"),
    ],
    "the_seed_matters_exactly_if_random_numbers_are_drawn": [
        (needing(Need.RANDOMNESS), "another seed gives the same score"),
        (doing(jitter), "does not declare Need.RANDOMNESS"),
    ],
    f"{LACKS}[stages]": [
        (needing(Need.STAGES), "needs stages, but a network without gets"),
        (doing(stages), "does not declare Need.STAGES"),
    ],
    f"{LACKS}[relu]": [
        (needing(Need.RELU), "needs relu"),
        (doing(refusing_without(nn.ReLU)), "does not declare Need.RELU"),
    ],
    f"{LACKS}[batch_norm]": [
        (needing(Need.BATCH_NORM), "needs batch_norm"),
        (doing(refusing_without(nn.BatchNorm2d)), "does not declare Need.BATCH_NORM"),
    ],
    f"{LACKS}[cells]": [
        (needing(Need.CELLS), "needs cells"),
        (doing(cells), "does not declare Need.CELLS"),
    ],
    "gradients_are_taken_exactly_if_they_are_needed": [
        (needing(Need.GRADIENTS), "leave the need out"),
        (doing(lambda m: (loss_gradients(m), spread(m))[1]), "declare it"),
    ],
    "it_follows_the_initialisation_exactly_if_declared": [
        (replace(GOOD, follows_initialisation=False), "declare follows_initialisation=True"),
        (doing(lambda m: 1.0), "declare follows_initialisation=False"),
    ],
    "it_costs_the_passes_it_declares": [
        (replace(GOOD, cost=Passes.parse("none")), "it takes 1 forward and 0 backward"),
        (doing(lambda m: (spread(m), spread(m))[0]), "it takes 2 forward and 0 backward"),
        (
            doing(
                lambda m: spread_of(copy.deepcopy(m.network)(m.inputs).detach()),
                cost=Passes.parse("2 forward"),
            ),
            "it takes 1 forward",
        ),
    ],
    "a_nan_weight_gives_no_score_that_depends_on_weights": [
        (doing(lambda m: spread_of(torch.nan_to_num(logits(m), nan=0.5))), "is NaN and the score"),
        (
            doing(spread_or_error(lambda m, found: found.isnan().any())),
            "the outcome is status 'err",
        ),
    ],
    **{
        f"{ODD}[{name}]": [(doing(spread_or_error(kind)), "how odd")]
        for name, kind in ODD_KINDS.items()
    },
    "everything_is_left_as_found": [
        (doing(scales_the_network), "it changes parameters"),
        (doing(lambda m: (m.inputs.add_(1), spread(m))[1]), "the batches"),
        (doing(lambda m: (m.network.register_forward_hook(print), 1.0)[1]), "hooks"),
        (doing(lambda m: (torch.set_num_threads(2), spread(m))[1]), "threads"),
        (doing(lambda m: (__import__("random").random(), spread(m))[1]), "Python's global random"),
        (doing(lambda m: (__import__("numpy").random.rand(), spread(m))[1]), "numpy's global"),
    ],
    f"{AFTER}[forward]": [
        (doing(keeps_a_hook_if_a_layer_fails), "has changed hooks"),
        (doing(refusing_without(nn.LSTM)), "the outcome is status 'unsupported'"),
    ],
    f"{AFTER}[second forward]": [(doing(fails_the_second_time), "has changed hooks")],
    f"{AFTER}[backward]": [(doing(keeps_a_hook_if_backward_fails), "has changed hooks")],
    "functional_twins_score_alike_exactly_if_declared": [
        (replace(GOOD, class_invariant=False), "declare class_invariant=True"),
        (replace(indicators["params"], class_invariant=True), "declare class_invariant=False"),
    ],
}
CASES = [(name, item, text) for name, cases in FAULTY.items() for item, text in cases]


def test_the_indicator_that_the_faulty_ones_are_made_of_keeps_everything() -> None:
    findings = examine(GOOD)
    assert [(f.promise, f.detail) for f in findings if f.kept is False] == []
    left_out = {f.promise for f in findings if f.kept is None}
    assert left_out <= {"cuda_agrees_with_the_cpu"}
    assert all(f.detail == "" for f in findings if f.kept)
    assert all(f.statement.endswith(".") and "{}" not in f.statement for f in findings)


def test_there_is_a_faulty_indicator_for_each_promise() -> None:
    promises = {one.name for one in indicator_promises(GOOD)}
    assert promises - set(FAULTY) == {"cuda_agrees_with_the_cpu"}


@pytest.mark.parametrize(
    ("name", "item", "text"), CASES, ids=[f"{name}-{text[:20]}" for name, _, text in CASES]
)
def test_a_faulty_indicator_breaks_its_promise(name: str, item: Indicator, text: str) -> None:
    with pytest.raises(Broken) as caught:
        indicator_promises(item)[name](IndicatorCase(item))
    assert text in str(caught.value)


def test_an_exception_outside_a_reading_is_a_finding_too() -> None:
    item = replace(GOOD, protocol="cifar10")
    broken = {f.promise: f.detail for f in examine(item) if f.kept is False}
    assert "which is no Protocol" in broken["its_reference_protocol_offers_what_it_needs"]
    assert "AttributeError" in broken["its_reference_protocol_can_be_run"]
