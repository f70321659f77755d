import math

import pytest

from untrained.results import Environment, Score, ScoreStore

ENVIRONMENT = Environment(
    untrained="0.1.0",
    python="3.11.7",
    torch="2.13.0",
    numpy="2.4.6",
    scipy="1.17.1",
    platform="Linux",
    device="cpu",
    threads=1,
    git_commit=None,
    git_dirty=None,
)


@pytest.fixture
def environment():
    return ENVIRONMENT


@pytest.fixture
def store(tmp_path):
    with ScoreStore(tmp_path / "scores.sqlite") as opened:
        yield opened


@pytest.fixture
def make_score():
    def make(architecture="a", value=1.0, *, indicator="naswot", status="ok", **changes):
        fields = {"space": "toy", "version": 1, "protocol": "p0", "seed": 0, **changes}
        return Score(
            architecture=architecture,
            indicator=indicator,
            value=value if status == "ok" else math.nan,
            status=status,
            **fields,
        )

    return make
