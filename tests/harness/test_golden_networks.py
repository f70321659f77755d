"""Golden networks are the same bits every time, whatever torch's generator says."""

import hashlib

import pytest
import torch

from untrained.harness.gate.golden import GOLDEN_NETWORKS, golden_measurement, uniform
from untrained.indicators import read

every_network = pytest.mark.parametrize("golden", GOLDEN_NETWORKS, ids=lambda golden: golden.name)


@every_network
@pytest.mark.parametrize("thin", [False, True])
def test_scores_do_not_depend_on_torchs_generator(golden, thin):
    values = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        with golden_measurement(golden, thin=thin) as measurement:
            readings = read(measurement, ["synflow", "naswot", "near"])
        assert {reading.status for reading in readings.values()} <= {"ok", "unsupported"}
        values.append({name: (r.status, repr(r.value)) for name, r in readings.items()})
    assert values[0] == values[1]


def test_draws_are_pinned():
    draws = uniform("inputs/0", (1000,))
    assert abs(float(draws.mean())) < 0.15
    assert abs(float(draws.var()) - 1) < 0.1
    assert not torch.equal(draws, uniform("inputs/1", (1000,)))
    digest = hashlib.sha256(draws.numpy().tobytes()).hexdigest()
    assert digest[:16] == "1f1ef163a8742172"
