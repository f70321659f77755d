"""Tests of the value; the contract is tested by `untrained_contract` in pyproject.toml."""

import math

import pytest

from untrained.indicators import Measurement, measure, read


def test_it_is_the_spread_over_the_batch(untrained_toy_network, untrained_toy_batch):
    """Against numpy, on a network of NAS-Bench-201."""
    images, labels = untrained_toy_batch
    score = measure(untrained_toy_network, images, labels, ["logit_spread"])["logit_spread"]
    logits = untrained_toy_network(images).detach().numpy()
    assert score == pytest.approx(math.log(logits.var(axis=0).mean()))


def test_every_golden_network_has_a_score(untrained_golden_measurement: Measurement):
    """The test runs once for each of the golden networks."""
    reading = read(untrained_golden_measurement, ["logit_spread"])["logit_spread"]
    assert reading.status == "ok"
