"""What networks cost, and searches that keep below it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from untrained.foundation import UnknownName
from untrained.harness.search.driver import run_many
from untrained.harness.search.experiment.setup import (
    benchmark_of,
    find_cost,
    prepare_search,
)
from untrained.harness.study.search_study import SearchStudy
from untrained.harness.study.study_file import checked
from untrained.results import ScoreStore
from untrained.spaces import Architecture, spaces

SPACE = spaces["nasbench201"]
HEAVY = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)
LIGHT = "|skip_connect~0|+|none~0|none~1|+|none~0|none~1|none~2|"
TINY = ["--channels", 4, "--cells", 1]

needs_data = pytest.mark.skipif(
    not Path(os.environ.get("UNTRAINED_DATA", "/nowhere"), "tables").is_dir(),
    reason="needs UNTRAINED_DATA",
)


def study(**values) -> SearchStudy:
    return checked(
        SearchStudy, {"space": "nasbench201", "search": [{"searcher": "random"}], **values}
    )


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.delenv("UNTRAINED_DATA", raising=False)


def test_parameters_and_multiplications_are_counted_where_no_scores_have_them():
    params = find_cost("params", study(), None)
    assert params(Architecture("nasbench201", HEAVY)) == 1_531_546  # published
    flops = find_cost("flops", study(), None)
    assert flops(Architecture("nasbench201", HEAVY)) == pytest.approx(220.12e6, rel=0.02)
    assert flops(Architecture("nasbench201", LIGHT)) < 0.1 * 220e6
    halved = find_cost("flops", study(measuring={"resolution": 16}), None)
    assert halved(Architecture("nasbench201", HEAVY)) == pytest.approx(220.12e6 / 4, rel=0.02)
    images = study(measuring={"resolution": 16, "inputs": "cifar10"})
    assert find_cost("flops", images, None)(Architecture("nasbench201", LIGHT)) == flops(
        Architecture("nasbench201", LIGHT)
    )
    small = find_cost("params", study(measuring={"channels": 2, "cells": 1}), None)
    assert small(Architecture("nasbench201", HEAVY)) < 10_000


def test_other_costs_are_named(no_data):
    with pytest.raises(UnknownName, match=r"no cost of a network named 'energy'.*flops, params"):
        find_cost("energy", study(), None)


def test_stored_sizes_are_looked_up_and_the_rest_is_counted(scored):
    store = scored(12, "params")
    with ScoreStore.read(store) as scores:
        held = scores.frame(space="nasbench201").set_index("architecture")["value"]
    cost = find_cost("params", study(scores=str(store)), None)
    for text, value in held.items():
        assert cost(Architecture("nasbench201", str(text))) == value
    other = next(text for text in (HEAVY, LIGHT) if text not in held)
    assert cost(Architecture("nasbench201", other)) > 0


@pytest.mark.parametrize(
    ("searcher", "limit"),
    [("evolution", "params=10000"), ("evolution", "flops=1.2e6"), ("rea", "params=10000")],
)
def test_every_network_that_is_scored_keeps_the_limit(
    untrained, tmp_path, no_data, searcher, limit
):
    name, _, bound = limit.partition("=")
    store = tmp_path / "s.sqlite"
    settings = {"rea": ["--set", "by=scores"], "local": ["--set", "by=scores"]}.get(searcher, [])
    code, out, err = untrained(
        *("search", "--searcher", searcher, "--space", "nasbench201", "--store", store),
        *("--indicator", "params", "--evaluations", 8, "--runs", 1, "--limit", limit),
        *("--benchmark", "nasbench201-analog", "--workers", 1, *TINY),
        *settings,
    )
    assert code == 0, err
    assert f"every network keeps {name} <= {float(bound):,g}" in out
    with ScoreStore.read(store) as scores:
        texts = scores.frame(space="nasbench201")["architecture"]
    cost = find_cost(name, study(measuring={"channels": 4, "cells": 1}), None)
    values = [cost(Architecture("nasbench201", text)) for text in texts]
    assert 1 <= len(values) <= 8, "nothing past the budget is measured"
    assert max(values) <= float(bound)
    assert cost(Architecture("nasbench201", HEAVY)) > float(bound)


def test_a_limit_that_nothing_keeps_is_said(untrained, no_data, tmp_path):
    code, _, err = untrained(
        *("search", "--searcher", "rea", "--space", "nasbench201", "--evaluations", 5),
        *("--benchmark", "nasbench201-analog", "--set", "by=scores", "--indicator", "params"),
        *("--store", tmp_path / "s.sqlite", "--runs", 1, "--limit", "params=1", *TINY),
    )
    assert code == 2
    assert "keeps the limits params <= 1; raise them" in err


@needs_data
@pytest.mark.parametrize("name", ["edgegpu_latency_ms", "pixel3_latency_ms", "fpga_latency_ms"])
def test_constrained_evolution_under_measured_latencies(name, tmp_path):
    whole = study(
        scores="results/committed/nasbench201-cifar10/scores.parquet",
        search=[
            {
                "searcher": "evolution",
                "indicator": ["naswot"],
                "settings": {"population": 10, "steps": 40},
                "limits": {name: 4.0},
                "confined": True,
            }
        ],
    )
    benchmark = benchmark_of(whole)
    prepared = prepare_search(whole.search[0], whole, benchmark)
    [found] = run_many(
        prepared.searcher, prepared.evaluator, runs=1, settings=whole.search[0].settings
    )
    table = benchmark.table(dataset="cifar10", metric=name).set_index("architecture")["value"]
    assert table[list(found.incumbents)].max() <= 4.0
    assert table.max() > 4.0
    # the best of what is open to it is at least approached
    scored = prepared.evaluator._scored
    scores = pd.Series({text: one.values[0] for text, one in scored.items()})
    allowed = scores[table[scores.index] <= 4.0]
    assert scores[found.final] >= np.quantile(allowed.dropna(), 0.9)
