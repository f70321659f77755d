"""What location and spread see when one indicator takes the place of another, at another seed."""

from itertools import permutations
from pathlib import Path

import pandas as pd
import pytest

from untrained.harness.gate.findings import FALSE_ALARM, TESTS
from untrained.results.comparison.drift import other_seed_drift

BASELINES = Path(__file__).parents[3] / "results" / "committed" / "baselines"


@pytest.fixture(scope="module")
def tables():
    rows = pd.read_csv(BASELINES / "nasbench201-gate" / "scores.csv").set_index("architecture")
    found = {name: part.filter(like="seed_") for name, part in rows.groupby("indicator")}
    return {name: table.apply(pd.to_numeric, errors="coerce") for name, table in found.items()}


def test_all_swaps_but_one_are_seen(tables):
    level = FALSE_ALARM / (TESTS * len(tables))
    seeded = [name for name, table in tables.items() if table.nunique(axis=1).max() > 1]
    swaps = [*permutations(seeded, 2)]
    unseen = []
    for old, new in swaps:
        drift = other_seed_drift(tables[old], tables[new]["seed_0"], level=1.0)
        if min(drift.p_location, drift.p_spread) >= level:
            unseen.append((old, new))
    assert len(swaps) == 182
    assert unseen == [("random", "grasp")]
