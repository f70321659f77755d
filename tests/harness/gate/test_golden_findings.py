"""What a change of a golden score is called, status by status."""

from __future__ import annotations

import math

import pytest

from untrained.harness.gate.baseline_files import GoldenScore
from untrained.harness.gate.golden import golden_findings
from untrained.indicators import Reading, indicators


def golden(**values: float) -> list[GoldenScore]:
    version = indicators["naswot"].version
    return [GoldenScore("naswot", name, version, v, 1e-6) for name, v in values.items()]


def readings(**values: Reading) -> dict[tuple[str, str], Reading]:
    return {("naswot", name): one for name, one in values.items()}


DIVERGED = Reading(math.nan, "diverged", "the score is nan")


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ({"a": 1.0}, {"a": Reading(1.0, "ok")}, ""),
        ({"a": 1.0}, {"a": Reading(1.00001, "ok")}, "1 of 1 networks differ, a most: 1, now"),
        ({"a": 1.0}, {"a": DIVERGED}, "a: was 1, now diverged (the score is nan)"),
        ({"a": 1.0}, {}, "a: had a score, is unsupported now"),
        ({"a": math.nan}, {"a": DIVERGED}, ""),
        ({"a": math.nan}, {"a": Reading(2.0, "ok")}, "a: had no score, now 2"),
        ({"a": math.nan}, {}, "a: diverged, is unsupported now"),
    ],
)
def test_every_change_of_a_golden_score_is_named(was, now, said):
    (finding,) = golden_findings(golden(**was), readings(**now))
    assert finding.outcome == ("moved" if said else "holds")
    assert finding.text.startswith(said)


def test_a_score_of_a_network_that_was_unsupported_is_a_change():
    other = GoldenScore("params", "b", indicators["params"].version, 3.0, 1e-6)
    held = [*golden(a=1.0), other]
    now = readings(a=Reading(1.0, "ok"), b=Reading(4.0, "ok"))
    first, second = golden_findings(held, now | {("params", "b"): Reading(3.0, "ok")})
    assert (first.outcome, first.text) == ("moved", "b: was unsupported, now 4")
    assert second.outcome == "holds"


def test_a_network_that_no_baseline_knows_is_no_change():
    now = readings(a=Reading(1.0, "ok"), later=Reading(4.0, "ok"))
    (finding,) = golden_findings(golden(a=1.0), now)
    assert finding.outcome == "holds"
