"""The committed scores are found, and only those of the same networks go together."""

from __future__ import annotations

from functools import cache

import pytest

from untrained.foundation import UnknownName
from untrained.harness.validation.comparison_setting import (
    DEFAULT_SPACES,
    spaces_with_baselines,
    stored_baselines,
)
from untrained.indicators import indicators

read_before = cache(stored_baselines)


def test_the_default_spaces_have_some() -> None:
    assert set(DEFAULT_SPACES) <= set(spaces_with_baselines())


@pytest.mark.parametrize("space", DEFAULT_SPACES)
def test_every_network_has_params_and_its_order_is_fixed(space: str) -> None:
    found = read_before(space)
    assert found.scores["params"].notna().all()
    assert sorted(found.order) == list(found.scores.index)
    assert found.order == stored_baselines(space).order
    assert set(found.scores) <= set(indicators)


def test_costly_indicators_share_the_first_networks() -> None:
    found = read_before("nasbench201")
    for name, n in (("grasp", 120), ("rbflex", 300)):
        first = found.scores.loc[list(found.order[:n])]
        assert first[name].notna().all()
        assert found.scores[name].notna().sum() == n
    # further batches of a part of the networks are no scores of their own
    assert found.scores["naswot"].notna().sum() == 15_625
    # failures are missing: networks of constant output have no condition number
    assert (first.notna().sum() >= 285).sum() >= 30
    # another data set, or other inputs: other networks
    assert "nasbench201-tenas" not in found.studies
    assert found.study.inputs == "cifar10"


def test_the_candidate_itself_is_left_out() -> None:
    assert "naswot" not in stored_baselines("darts", without="naswot").scores


def test_a_space_without_any_is_named() -> None:
    with pytest.raises(UnknownName, match="no space with stored baselines named 'nowhere'"):
        stored_baselines("nowhere")
