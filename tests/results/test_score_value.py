import math
import pickle

import pytest

from untrained.results import STATUSES, Score, ScoreKey


def score(**changes):
    fields = {
        "space": "nasbench201",
        "architecture": "|a~0|",
        "indicator": "naswot",
        "version": 1,
        "protocol": "0123456789abcdef",
        "seed": 3,
        "value": 1.5,
    }
    return Score(**{**fields, **changes})


def test_the_key_is_what_identifies_a_score():
    assert score().key == ScoreKey("nasbench201", "|a~0|", "naswot", 1, "0123456789abcdef", 3)
    assert score(value=2.0, alone_s=1.0, peak_bytes=9).key == score().key


@pytest.mark.parametrize("value", [0.0, -1.5, math.inf, -math.inf])
def test_an_infinite_value_is_as_legal_as_a_finite_one(value):
    assert score(value=value).status == "ok"


def test_a_score_that_is_ok_has_a_value():
    with pytest.raises(ValueError, match=r"naswot is nan with status 'ok'"):
        score(value=math.nan)


@pytest.mark.parametrize("status", [s for s in STATUSES if s != "ok"])
def test_a_failed_score_has_no_value(status):
    assert math.isnan(score(value=math.nan, status=status).value)
    with pytest.raises(ValueError, match="NaN with every other status"):
        score(value=-1e8, status=status)


def test_an_unknown_status_is_refused():
    with pytest.raises(ValueError, match=r"'broken' is none of ok, unsupported, diverged"):
        score(value=math.nan, status="broken")


def test_a_score_crosses_a_process_boundary():
    assert pickle.loads(pickle.dumps(score(alone_s=0.1))) == score(alone_s=0.1)
