"""Check the numbers that docs/gate.md says about the committed baselines."""

import csv
from pathlib import Path
from statistics import NormalDist

import pytest

from untrained.harness.gate.findings import FALSE_ALARM, TESTS

ROOT = Path(__file__).parents[2]
BASELINES = ROOT / "results" / "committed" / "baselines"
PAGE = (ROOT / "docs" / "gate.md").read_text("utf-8")


def rows(name):
    with (BASELINES / name).open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def test_the_page_names_the_golden_scores_with_a_larger_tolerance():
    golden = rows("golden/golden.csv")
    loose = {row["indicator"] for row in golden if float(row["tolerance"]) > 1e-6}
    assert loose == {"epsinas_float32", "gradsign"}
    assert f"Of {len({row['indicator'] for row in golden})} indicators two need more" in PAGE


def test_the_page_says_the_tolerance_of_a_correlation_at_another_seed():
    count = len(rows("nasbench201-gate/indicators.csv"))
    z = NormalDist().inv_cdf(1 - FALSE_ALARM / (TESTS * count) / 2)
    assert z == pytest.approx(4.4, abs=0.05)
    assert f"z is about 4.4 for {count} indicators" in PAGE
