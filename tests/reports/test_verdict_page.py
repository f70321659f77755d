"""The verdict page holds every number, in both formats, and the same bytes each time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from untrained.reports.formats.formats import formats
from untrained.reports.pages.verdict_page import (
    Cost,
    Promise,
    Scope,
    Seen,
    VerdictPage,
    verdict_report,
)
from untrained.results import Resampling, Stability
from untrained.results.searches.comparison import FoundBy, PairedDifference, SearchComparison
from untrained.results.searches.runs import summarise
from untrained.results.statistics.indicator_comparison import Evidence, Steadiness, standing

N = 60


@pytest.fixture(scope="module")
def page() -> VerdictPage:
    rng = np.random.default_rng(0)
    truth = pd.Series(rng.normal(size=N), index=[f"a{i}" for i in range(N)])
    scores = pd.DataFrame(
        {name: truth + s * rng.normal(size=N) for name, s in (("mine", 1), ("naswot", 0.5))}
    ).assign(params=rng.normal(size=N), flops=rng.normal(size=N))
    one = standing(
        scores,
        truth,
        "mine",
        higher_is_better=dict.fromkeys(scores, True),
        space="nasbench201",
        target="cifar10 test accuracy, 200 epochs",
        resampling=Resampling(50),
    )
    search = SearchComparison(
        "nasbench201",
        "cifar10 test accuracy, 200 epochs",
        N,
        10,
        (
            FoundBy("mine", summarise([92.0, 93.0]), None),
            FoundBy("naswot", summarise([91.0, 93.0]), PairedDifference(2, 0.5, -0.5, 1.5)),
        ),
        (87.0, 12.0),
        (93.5, 0.5),
        higher_is_better=True,
    )
    evidence = Evidence(
        "mine",
        (one,),
        steadiness=(
            Steadiness(
                "nasbench201", "batch", Stability((0, 1), 20, 0.9, 0.9, (0.5, 0.52), 0.51, 0.01)
            ),
        ),
        searches=(search,),
        needs_labels=True,
        changes_with_labels=True,
    )
    return VerdictPage(
        file="mine.py",
        sha256="ab" * 32,
        evidence=evidence,
        scopes=(Scope("nasbench201", N, 1000, 0.25, 20, "64 images", ("a-study",), "a table", ""),),
        absent={"darts": "no table; put one there"},
        notes=("a note <with> signs",),
        promises=(
            Promise("It is kept.", True, ""),
            Promise("It is broken.", False, "because"),
            Promise("It does not apply.", None, "no GPU"),
        ),
        seen=(Seen("scoring", "file", "opens x.txt"),),
        source_notes=("numbers written into the file: 2",),
        costs=(
            Cost("nasbench201", "params", 0.001, 0.0),
            Cost("nasbench201", "mine", 0.5, 2.5e6),
            Cost("nasbench201", "jacov", math.nan, math.nan),
        ),
        command="untrained validate mine.py",
        environment={"torch": "2"},
        version="1",
    )


@pytest.mark.parametrize("name", ["html", "markdown"])
def test_every_part_is_there(page: VerdictPage, name: str) -> None:
    text = formats[name].render(verdict_report(page))
    for needed in (
        "Verdict on mine",
        "Better than the parameter count?",
        "Where it stands",
        "Beyond the size of the network",
        "What it adds to others",
        "The top of the ranking",
        "In NASWOT's place" if name == "markdown" else "In NASWOT&#39;s place",
        "Another seed, another batch",
        "Cost and memory",
        "BROKEN",
        "Does it read accuracies?",
        "opens x.txt",
        "Against every stored baseline",
        "darts is left out: no table; put one there",
        "untrained validate mine.py",
        "abababababab",
        "2.5",
    ):
        assert needed in text, needed
    assert "<with>" not in text
    assert text == formats[name].render(verdict_report(page))


def test_broken_promises_come_first(page: VerdictPage) -> None:
    text = formats["markdown"].render(verdict_report(page))
    places = [text.index(word) for word in ("It is broken.", "It does not apply.", "It is kept.")]
    assert places == sorted(places)


def test_a_page_of_almost_nothing_is_a_page(page: VerdictPage) -> None:
    bare = replace(
        page,
        evidence=Evidence("mine", (), not_examined="worker died"),
        costs=(),
        promises=(),
        scopes=(),
    )
    text = formats["markdown"].render(verdict_report(bare))
    assert "mine could be ranked nowhere" in text
    assert "worker died" in text
    assert "labels: not tried" in text


def test_a_constant_indicator_is_drawn_too(page: VerdictPage) -> None:
    one = page.evidence.standings[0]
    scores = pd.DataFrame(
        {"mine": 1.0, "params": np.arange(5.0)}, index=[f"a{i}" for i in range(5)]
    )
    nothing = standing(
        scores,
        pd.Series(np.arange(5.0), index=scores.index),
        "mine",
        higher_is_better={"mine": True, "params": True},
        space=one.space,
        target=one.target,
        resampling=Resampling(20),
    )
    made = replace(page, evidence=Evidence("mine", (nothing,)))
    for name in ("html", "markdown"):
        assert "ranks nothing" in formats[name].render(verdict_report(made))
