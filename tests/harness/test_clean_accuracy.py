"""An accuracy under attack is judged with the clean accuracy held fixed as well."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from untrained.harness.analysis.correlation_tables import CLEAN, _given_clean
from untrained.results import Resampling


def test_what_is_left_with_the_clean_accuracy_held_fixed() -> None:
    rng = np.random.default_rng(0)
    clean, own = rng.normal(size=(2, 200))
    names = [f"a{i}" for i in range(200)]
    attacked = pd.Series(clean + own, names)
    scores = pd.DataFrame(
        {"of_clean": clean + 0.1 * rng.normal(size=200), "of_own": own, CLEAN: clean}, names
    )
    found = _given_clean(
        {},
        scores,
        attacked,
        higher_is_better={"of_clean": True, "of_own": True},
        resampling=Resampling(20),
    )
    assert set(found) == {"of_clean", "of_own"}
    for name, bias in found.items():
        (partial,) = bias.partial
        xy, xz, yz = (
            stats.kendalltau(a, b)[0]
            for a, b in (
                (scores[name], attacked),
                (scores[name], clean),
                (attacked, clean),
            )
        )
        wanted = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
        assert partial.given == (CLEAN,)
        assert partial.tau == pytest.approx(wanted)
    assert found["of_own"].partial[0].tau > 0.5
    assert abs(found["of_clean"].partial[0].tau) < 0.15
