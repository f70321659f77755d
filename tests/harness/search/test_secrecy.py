"""What a searcher of a real table holds leads to no test accuracy."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from untrained.harness.contract.searchers import reachable
from untrained.harness.search import Evaluator, Search
from untrained.harness.search.experiment.setup import prepare_search
from untrained.harness.study.search_study import SearchStudy
from untrained.harness.study.study_file import checked
from untrained.spaces import Benchmark, Target, find_benchmark

pytestmark = pytest.mark.skipif(
    not Path(os.environ.get("UNTRAINED_DATA", "/nowhere"), "tables").is_dir(),
    reason="needs UNTRAINED_DATA",
)


@pytest.mark.parametrize(
    ("searcher", "more"),
    [
        ("rea", {"limits": {"edgegpu_latency_ms": 6.0, "params": 1e6}}),
        ("area", {"indicator": ["naswot"]}),
        ("pareto", {"settings": {"by": "accuracy", "against": "pixel3_latency_ms"}}),
        ("random", {"settings": {"by": "accuracy"}, "limits": {"fpga_latency_ms": 5.0}}),
    ],
)
def test_neither_a_benchmark_nor_a_test_accuracy_is_in_reach(searcher, more):
    study = checked(
        SearchStudy,
        {
            "space": "nasbench201",
            "scores": "results/committed/nasbench201-cifar10/scores.parquet",
            "search": [{"searcher": searcher, "evaluations": 30, **more}],
        },
    )
    one = study.search[0]
    benchmark = find_benchmark("nasbench201")
    prepared = prepare_search(one, study, benchmark)
    rng = np.random.default_rng(0)
    search = Search(prepared.searcher, prepared.evaluator.problem, rng, one.settings)
    for _ in range(12):
        request = search.ask()
        search.tell([prepared.evaluator.answer(request, item) for item in request.architectures])
    held = reachable(search)
    forbidden = (Benchmark, Target, Evaluator, pd.DataFrame, pd.Series)
    assert not [type(thing) for thing in held if isinstance(thing, forbidden)]
    # no table of numbers by network is the test accuracies of any dataset
    tests = {
        t.dataset: benchmark.table(t).set_index("architecture")["value"]
        for t in benchmark.targets()
        if t.metric == "test_accuracy" and t.seed == -1
    }
    tables = [
        thing
        for thing in held
        if isinstance(thing, Mapping) and len(thing) > 100 and isinstance(next(iter(thing)), str)
    ]
    for table in tables:
        text = next(iter(table))
        values = {float(column[text]) for column in tests.values() if text in column}
        assert table[text] not in values
    gone = sum(isinstance(thing, Mapping) for thing in held)
    assert gone, "the walk has seen something"
