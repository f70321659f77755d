"""The contract of indicators: checks of the declaration, and the examination of one indicator."""

from __future__ import annotations

import re

from untrained.foundation import Parameter, UserError
from untrained.harness.contract.equivalent_pairs import equivalence
from untrained.harness.contract.indicator_case import IndicatorCase
from untrained.harness.contract.indicator_effects import effects, image_effects
from untrained.harness.contract.indicator_scores import (
    attention_scores,
    batch_scores,
    image_scores,
    scores,
    sequence_scores,
)
from untrained.harness.contract.promise import Finding, Suite, require
from untrained.harness.data.datasets import find_dataset
from untrained.indicators import Family, Indicator, Need, Passes, Protocol, indicators
from untrained.spaces import find_initialisation

declarations: Suite[IndicatorCase] = Suite(declarative=True)


@declarations.promise
def it_says_what_it_is(case: IndicatorCase) -> None:
    """It has a name, a title, a one-line formula, a dated reference and a docstring."""
    item = case.item
    require(isinstance(item, Indicator), f"{item!r} is no Indicator: decorate it with @indicator")
    require(
        re.fullmatch(r"[a-z][a-z0-9_]*", item.id) is not None,
        f"its id is {item.id!r}; an id is lower case, digits and underscores, letter first",
    )
    require(bool(item.title.strip()), "its title is empty; tables print it")
    require(bool(item.formula.strip()), "its formula is empty; give the definition in one line")
    require("\n" not in item.formula, "its formula has a line break; give one line of text")
    require(
        item.reference == "trivial baseline" or bool(re.search(r"(19|20)\d\d", item.reference)),
        f"its reference {item.reference!r} names no year; give authors, venue and year (for what "
        "is not published, the author, 'unpublished' and the year)",
    )
    require(bool(item.function.__doc__), "its function has no docstring; say what the score is")


@declarations.promise
def it_declares_direction_needs_cost_and_version(case: IndicatorCase) -> None:
    """It declares which direction is better, what it needs, its passes and its version."""
    item = case.item
    require(
        isinstance(item.higher_is_better, bool),
        f"higher_is_better is {item.higher_is_better!r}; it is True or False",
    )
    require(
        isinstance(item.needs, frozenset) and all(isinstance(need, Need) for need in item.needs),
        f"needs is {item.needs!r}; it is a set of Need members, as in needs={{Need.RELU}}",
    )
    require(isinstance(item.cost, Passes), "its cost is no number of passes")
    require(isinstance(item.family, Family), f"family is {item.family!r}; it is a Family member")
    require(
        isinstance(item.version, int) and item.version >= 1,
        f"its version is {item.version!r}; versions count from 1",
    )
    for name, option in item.options.items():
        require(
            isinstance(option, Parameter) and type(option.default) in (int, float),
            f"its option {name!r} is {option!r}; declare a Parameter with a number as default",
        )
    for name in ("uses_accuracy", "class_invariant", "follows_initialisation", "splits"):
        value = getattr(item, name)
        require(isinstance(value, bool), f"{name} is {value!r}; it is True or False")


@declarations.promise
def its_title_is_its_own(case: IndicatorCase) -> None:
    """No other registered indicator has its title."""
    others = [
        name
        for name, other in indicators.items()
        if name != case.item.id and other.title == case.item.title
    ]
    require(not others, f"its title {case.item.title!r} is that of {', '.join(others)} too")


@declarations.promise
def its_reference_protocol_offers_what_it_needs(case: IndicatorCase) -> None:
    """Its reference protocol has labels exactly if it needs them, and a second batch if needed."""
    protocol = case.item.protocol
    require(isinstance(protocol, Protocol), f"its protocol is {protocol!r}, which is no Protocol")
    wants, has = case.needs(Need.LABELS), protocol.labels != "none"
    require(
        wants == has,
        f"it {'needs' if wants else 'does not declare Need.LABELS, so it needs no'} labels and "
        f"its protocol says labels={protocol.labels!r}; make the two agree",
    )
    require(
        not case.needs(Need.SECOND_BATCH) or protocol.num_batches >= 2,
        f"it needs a second batch and its protocol has num_batches={protocol.num_batches}",
    )
    require(
        protocol.inputs != "none" or not case.needs(Need.LABELS, Need.SECOND_BATCH),
        "its protocol says that it looks at no batch (inputs='none'), but it needs labels or a "
        "second batch",
    )
    require(
        protocol.data_seed == 0 and protocol.sample_ids == (),
        "its protocol fixes data_seed or sample_ids, which a run fills in; leave them out",
    )


@declarations.promise
def its_reference_protocol_can_be_run(case: IndicatorCase) -> None:
    """Its reference protocol names a data set and an initialisation that exist."""
    protocol = case.item.protocol
    try:
        find_dataset(protocol.dataset)
        find_initialisation(protocol.initialisation)
    except UserError as error:
        require(False, f"its protocol cannot be run: {error}")


of_images: Suite[IndicatorCase] = Suite(
    scores, batch_scores, image_scores, effects, image_effects, equivalence
)
of_sequences: Suite[IndicatorCase] = Suite(scores, effects, sequence_scores)
of_attention: Suite[IndicatorCase] = Suite(scores, batch_scores, effects, attention_scores)


def indicator_promises(item: Indicator) -> Suite[IndicatorCase]:
    """Select what an indicator must keep, which depends on the networks that it reads."""
    kinds = {Need.SEQUENCES: of_sequences, Need.ATTENTION: of_attention}
    suites = [suite for need, suite in kinds.items() if need in item.needs]
    return Suite(declarations, *(suites or [of_images]))


def examine(item: Indicator) -> list[Finding]:
    """Check everything that an indicator promises, on small networks, without data.

    Args:
        item: need not be registered.

    Returns:
        A finding for each promise, in a fixed order. Nothing that the indicator raises comes out,
        except what must stop a run (`KeyboardInterrupt`).
    """
    return indicator_promises(item).findings(IndicatorCase(item))
