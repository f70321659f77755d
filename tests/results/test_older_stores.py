"""Stores that earlier versions wrote are read, completed and merged as if written today.

Each file of `stores` was written by the code of a commit, `v<schema version>-<what was new>`:

- v1-first: b9f56f0, the first store; protocols have no skeleton, environments ten fields.
- v1-numerics: 1f7d4e5; environments have the settings of arithmetic, protocols a skeleton.
- v1-kernels: 5135ab7; environments name the compiled passes.

Whoever raises SCHEMA_VERSION adds a store that the commit before wrote, and the migration.
"""

import math
import shutil
from pathlib import Path

import pytest

from untrained.results import ScoreStore
from untrained.results.store.database import SCHEMA_VERSION
from untrained.results.store.merge import merge_stores

STORES = sorted(Path(__file__).with_name("stores").glob("v*.sqlite"))
A = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|"
B = "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|"
C = "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_3x3~1|none~2|"
BATCH, NO_BATCH = "1faa97508c7fa656", "5810bfdd16bccab4"


@pytest.fixture(params=STORES, ids=lambda path: path.stem)
def old(request, tmp_path):
    """A copy: opening a store may write beside it."""
    return Path(shutil.copy(request.param, tmp_path))


def test_there_is_a_store_of_every_schema_version_that_has_ever_been():
    assert {int(path.stem[1:].split("-")[0]) for path in STORES} == set(
        range(1, SCHEMA_VERSION + 1)
    )


def test_every_score_is_read_to_the_last_bit(old):
    with ScoreStore.read(old) as store:
        frame = store.frame()
        devices = {number: one.device for number, one in store.environments().items()}
        protocols = store.protocols()
    assert set(frame["space"]) == {"nasbench201"}
    assert set(frame["version"]) == {1}
    rows = frame[frame["indicator"] != "linear_regions"].set_index(["indicator", "architecture"])
    value, status = rows["value"].to_dict(), rows["status"].to_dict()
    assert len(rows) == 12
    assert value["params", A] == 0.123
    assert math.copysign(1, value["params", B]) == -1
    assert value["params", B] == 0
    assert value["naswot", A] == 1523.4000000000001
    assert value["naswot", B] == -math.inf
    found = [status[k] for k in [("naswot", C), *(("grasp", a) for a in (A, B, C)), ("snip", A)]]
    assert found == ["timeout", "diverged", "error", "unsupported", "out_of_memory"]
    assert rows.loc[("grasp", B), "reason"] == "ValueError: é"
    assert rows.loc[("naswot", A), ["alone_s", "peak_bytes"]].tolist() == [0.25, 1024]
    assert rows.loc[("grad_norm", C), "representative"] == B
    assert rows["representative"].notna().sum() == 1
    assert rows.loc["grad_norm", "seed"].tolist() == [7, 7, 7]
    assert rows.loc[("params", A), "protocol"] == NO_BATCH
    assert rows.loc[("naswot", A), "protocol"] == BATCH
    assert {BATCH, NO_BATCH} <= set(protocols)
    assert all(protocols.values())
    assert {devices[n] for n in rows.loc["params", "environment"]} == {"cpu"}
    assert {devices[n] for n in rows.loc["grasp", "environment"]} == {"NVIDIA H200"}


def test_an_old_store_is_completed_and_a_failed_score_replaced(old, make_score, environment):
    fields = {"space": "nasbench201", "protocol": BATCH, "indicator": "snip"}
    with ScoreStore(old) as store:
        failed, new = make_score(A, 3.0, **fields), make_score(B, 4.0, **fields)
        assert store.missing([failed.key, new.key]) == [new.key]
        assert store.missing([failed.key, new.key], retry_failed=True) == [failed.key, new.key]
        assert store.put([failed, new], environment) == 2
        again = store.frame(indicators=["snip"])
        assert again["value"].tolist() == [3.0, 4.0]
        before = len(store.frame())
    with ScoreStore(old) as store:
        assert len(store.frame()) == before
        assert len(store.environments()) == 3


def test_stores_of_all_versions_are_merged(tmp_path):
    output = tmp_path / "all.sqlite"
    copies = [Path(shutil.copy(path, tmp_path)) for path in STORES]
    assert merge_stores(copies, output, canonical_of=lambda space: None) == 13
    with ScoreStore.read(output) as store:
        assert store.count_by_status()["ok"] == 8
        assert len(store.protocols()) == 3
