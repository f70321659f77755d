"""What every registered indicator must keep, whoever wrote it."""

from collections.abc import Iterable

import pytest
import torch

from untrained.harness.contract import Inapplicable, Promise
from untrained.harness.contract.equivalent_pairs import EXACT, PAIRS, equivalent_networks
from untrained.harness.contract.fixtures import images
from untrained.harness.contract.indicator_case import IndicatorCase
from untrained.harness.contract.indicators import (
    declarations,
    of_attention,
    of_images,
    of_sequences,
)
from untrained.indicators import Need, indicators

# those of one family are one function with another training task, a hundred passes each: the
# shortest training stands for the family where something is measured
FAMILY = "gennas_"
REPRESENTATIVES = {"gennas_search_nasbench101_10", "gennas_single_dot_nlp"}
RECURRENT = {"hidden_covariance_1", "hidden_covariance_3", "jacobian_cosine"}
NAMES = list(indicators)
DISTINCT = [n for n in NAMES if not n.startswith(FAMILY) or n in REPRESENTATIVES]
OF_SEQUENCES = [n for n in NAMES if Need.SEQUENCES in indicators[n].needs]
OF_ATTENTION = [n for n in NAMES if Need.ATTENTION in indicators[n].needs]
OF_IMAGES = [n for n in DISTINCT if n not in OF_SEQUENCES and n not in OF_ATTENTION]

# one measurement of each situation for all, but for trainings, which share nothing
TOGETHER = [indicators[n] for n in OF_IMAGES if not n.startswith(FAMILY)]
READINGS: dict = {}
CASES = {name: IndicatorCase(item, TOGETHER, READINGS) for name, item in indicators.items()}


def each(promises: Iterable[Promise[IndicatorCase]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("promise", list(promises), ids=lambda promise: promise.name)


def check(promise: Promise[IndicatorCase], name: str) -> None:
    try:
        promise(CASES[name])
    except Inapplicable as reason:
        pytest.skip(str(reason))


@each(declarations)
@pytest.mark.parametrize("name", NAMES)
def test_declarations(name: str, promise: Promise[IndicatorCase]) -> None:
    assert indicators[name].id == name
    check(promise, name)


# promises vary slowest, so that a worker with half of the tests measures half of the situations
@pytest.mark.parametrize("name", OF_IMAGES)
@each(of_images)
def test_of_images(name: str, promise: Promise[IndicatorCase]) -> None:
    check(promise, name)


# its signals are others, of all families the most, and its training is five times as long
@each(
    of_images[p]
    for p in ("the_same_measurement_gives_the_same_bits", "everything_is_left_as_found")
)
@pytest.mark.parametrize("name", ["gennas_combo_reduced"])
def test_the_combined_task_of_images(name: str, promise: Promise[IndicatorCase]) -> None:
    check(promise, name)


@each(of_attention)
@pytest.mark.parametrize("name", OF_ATTENTION)
def test_of_attention(name: str, promise: Promise[IndicatorCase]) -> None:
    check(promise, name)


@each(of_sequences)
@pytest.mark.parametrize("name", sorted((REPRESENTATIVES | RECURRENT) & set(OF_SEQUENCES)))
def test_of_sequences(name: str, promise: Promise[IndicatorCase]) -> None:
    check(promise, name)


# the rest of the family differs in nothing but the task, which these look at
@each([of_sequences["a_healthy_network_gets_a_finite_score"]])
@pytest.mark.parametrize("name", [n for n in OF_SEQUENCES if n not in REPRESENTATIVES | RECURRENT])
def test_other_tasks_of_sequences(name: str, promise: Promise[IndicatorCase]) -> None:
    check(promise, name)


@each([of_sequences["a_network_for_images_is_unsupported"]])
@pytest.mark.parametrize("name", [n for n in OF_SEQUENCES if n not in REPRESENTATIVES | RECURRENT])
def test_other_tasks_of_sequences_on_images(name: str, promise: Promise[IndicatorCase]) -> None:
    check(promise, name)


def test_nothing_that_is_not_about_a_device_is_left_out() -> None:
    """All promises apply to an indicator of the repository, so that none is a dead letter."""
    findings = of_images.findings(CASES["naswot"])
    left_out = {finding.promise for finding in findings if finding.kept is None}
    assert left_out <= {"cuda_agrees_with_the_cpu"}


@pytest.mark.parametrize("pair", range(len(PAIRS)))
def test_equivalent_networks_compute_the_same_function(pair: int) -> None:
    first, second = equivalent_networks(pair)
    torch.testing.assert_close(first(images(9)), second(images(9)), rtol=EXACT, atol=EXACT)
    assert len(first.state_dict()) != len(second.state_dict()) or pair == 2
