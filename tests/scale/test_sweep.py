"""A sweep of NAS-Bench-101 through store and executor, killed and resumed; and large tables.

`tox run -e scale` runs them; UNTRAINED_SCALE is the number of cells, 423,624 for all. Times are
limits of one machine of two idle cores, in process time where other work may run beside.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from untrained.foundation import StorageError
from untrained.harness.execution.executors import SerialExecutor
from untrained.harness.execution.progress import Progress
from untrained.harness.execution.runner import run_plans
from untrained.harness.study.plan import plan_study
from untrained.harness.study.study import Population, Study
from untrained.results import Environment, Score, ScoreStore
from untrained.results.store.database import connect
from untrained.spaces import benchmarks

CELLS = int(os.environ.get("UNTRAINED_SCALE", "0"))
WHOLE = 423_624
SCRIPT = Path(__file__).with_name("sweep.py")

pytestmark = [
    pytest.mark.skipif(not CELLS, reason="minutes: tox run -e scale"),
    pytest.mark.timeout(7200),
]


def begin(store: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(store), "--cells", str(CELLS)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(store: Path) -> dict[str, object]:
    process = begin(store)
    out, _ = process.communicate()
    assert process.returncode == 0
    return json.loads(out)


def stored(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with closing(connect(path, create=False)) as connection:
            return int(connection.execute("SELECT count(*) FROM score").fetchone()[0])
    except StorageError:  # the tables are not made yet
        return 0


def check_rows(path: Path) -> None:
    """Every cell once, with its own value."""
    sys.path.insert(0, str(SCRIPT.parent))
    from sweep import stub_value

    with ScoreStore(path, create=False) as store:
        frame = store.frame()
    assert len(frame) == CELLS
    assert frame["architecture"].is_unique
    values = frame["architecture"].map(stub_value)
    assert (frame["value"] == values).all()


def test_a_sweep_is_fast_and_its_memory_flat(tmp_path: Path):
    found = finish(tmp_path / "s.sqlite")
    print(json.dumps(found))
    assert found["rows"] == CELLS
    # both cores busy with it alone: 2,000 rows a second are 1 ms of process time a row
    assert (found["driver_cpu_s"] + found["workers_cpu_s"]) / CELLS < 1e-3
    memory = found["memory_mb"][1:]
    assert max(memory) < 1.1 * min(memory)
    check_rows(tmp_path / "s.sqlite")
    with ScoreStore(tmp_path / "s.sqlite") as store:
        export = store.export(tmp_path / "s.parquet")
    print((tmp_path / "s.sqlite").stat().st_size / CELLS, export.stat().st_size / CELLS)
    assert (tmp_path / "s.sqlite").stat().st_size / CELLS < 250
    assert export.stat().st_size / CELLS < 60


def test_a_sweep_that_is_killed_ten_times_loses_and_doubles_nothing(tmp_path: Path):
    store, rng = tmp_path / "cut.sqlite", random.Random(0)
    points = sorted(rng.sample(range(CELLS // 50, CELLS - CELLS // 50), 10))
    for point in points:
        process = begin(store)
        before = stored(store)
        while stored(store) < point and process.poll() is None:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        now = stored(store)
        assert before <= now <= CELLS
    found = finish(store)
    assert found["stored_before"] >= points[-1]
    assert found["stored_before"] + found["rows"] == CELLS == found["wanted"]
    check_rows(store)


class Forbidden(SerialExecutor):
    def run(self, function, items):
        assert not list(items), "nothing was missing"
        yield from ()


def test_a_million_keys_are_planned_and_resumed_in_seconds(tmp_path: Path):
    """In a process of its own, whose memory is all that it ever had."""
    program = f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import test_sweep as t; "
    program += f"t.resume_million(t.Path({str(tmp_path)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(found)
    assert found["keys"] >= 10**6
    assert found["process_s"] * 10**6 / found["keys"] < 20
    assert found["peak_mb"] < 1000


def resume_million(folder: Path) -> None:
    """Plan three indicators on all cells, all of which are stored, and resume."""
    study = Study(
        spaces=("nasbench101",),
        indicators=("params", "depth", "random"),
        population=Population(kind="all"),
    )
    (plan,) = plan_study(study)
    nowhere = Environment(*[None] * 10)
    with ScoreStore(folder / "million.sqlite") as store:
        keys = plan.keys
        for start in range(0, len(keys), 9999):
            store.put([Score(*key, 1.5) for key in keys[start : start + 9999]], nowhere)
    del plan, keys
    began = time.process_time()
    (plan,) = plan_study(study)
    with ScoreStore(folder / "million.sqlite") as store:
        summary = run_plans([plan], store, executor=Forbidden(), progress=Progress())
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"keys": summary.stored_before, "process_s": seconds, "peak_mb": peak}))


def test_ten_indicators_of_all_cells_are_correlated_in_a_minute(tmp_path: Path, capsys):
    if benchmarks["nasbench101"].missing() is not None:
        pytest.skip("the table of NAS-Bench-101 is not here: untrained data fetch nasbench101")
    import pandas as pd

    from untrained.harness.cli.main import main
    from untrained.spaces import spaces

    cells = [str(cell) for cell in spaces["nasbench101"]]
    rng = np.random.default_rng(0)
    values = {f"own_{k}": rng.normal(size=len(cells)) for k in range(10)}
    pd.DataFrame({"architecture": cells, **values}).to_parquet(tmp_path / "scores.parquet")
    began = time.process_time()
    sys.argv = ["untrained", "correlate", "--space", "nasbench101"]
    sys.argv += ["--scores", str(tmp_path / "scores.parquet")]
    with pytest.raises(SystemExit, match=r"^0$|^None$|^$"):
        main()
    seconds = time.process_time() - began
    print(seconds)
    assert "423,624" in capsys.readouterr().out
    assert seconds < 60
