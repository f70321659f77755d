"""Findings of a gate in JUnit XML, Markdown and JSON."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from untrained.reports.pages.findings import (
    finding_grid,
    findings_json,
    findings_junit,
    findings_markdown,
    how_sure,
    tier_counts,
)
from untrained.results import FAILING, Finding

FINDINGS = (
    Finding("golden", "naswot", "moved", "1 of 3 differs", measure="d", value=0.2, limit=1e-6, n=3),
    Finding("scores", "jacov", "holds", "rho 0.9", "nasbench201", "rho", 0.9, 0.8, 40, 0.31),
    Finding("coverage", "zen", "worse", "3 error: <a> & \x00 | b", "nasbench201"),
    Finding("truth", "truth", "unknown", "the file is not there", "nasbench201"),
    Finding("definition", "mine", "new", "is not in the baseline"),
)


def test_what_fails_is_what_moved_worsened_changed_or_went():
    assert {one.outcome for one in FINDINGS if one.failed} == {"moved", "worse"}
    assert set(FAILING) == {"moved", "worse", "changed", "missing"}


def test_junit_has_a_case_for_each_and_survives_what_xml_forbids():
    suite = ElementTree.fromstring(findings_junit("gate", FINDINGS))[0]
    counts = [suite.get(key) for key in ("tests", "failures", "skipped", "errors")]
    assert counts == ["5", "2", "2", "0"]
    cases = {case.get("name"): case for case in suite}
    assert cases["naswot"].get("classname") == "gate.golden"
    assert cases["jacov"].get("classname") == "gate.scores.nasbench201"
    assert cases["naswot"].find("failure").get("type") == "moved"
    assert "d: 0.2, limit 1e-06" in cases["naswot"].find("failure").text
    assert cases["zen"].find("failure").get("message") == "worse: 3 error: <a> & \ufffd | b"
    assert cases["jacov"].find("failure") is None
    assert "p = 0.31" in cases["jacov"].find("system-out").text
    assert cases["truth"].find("skipped").get("message") == "the file is not there"


def test_markdown_shows_failures_first_and_its_tables_are_tables():
    text = findings_markdown("check x", "2 of 5 fail.", ["seed 0"], FINDINGS)
    order = [text.index(part) for part in ("2 of 5", "1 of 3 differs", "Not checked", "<details>")]
    assert order == sorted(order)
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert html.count("<table>") == 3
    assert "3 error: &lt;a&gt; &amp; \ufffd | b</td>" in html
    assert "seed 0" in html


def test_json_holds_everything_and_null_for_what_does_not_exist():
    document = json.loads(findings_json({"baseline": "x"}, FINDINGS))
    assert document["failed"] == 2
    assert document["findings"][0]["p"] is None
    assert document["findings"][1]["value"] == 0.9
    assert [one["failed"] for one in document["findings"]] == [True, False, True, False, False]


@pytest.mark.parametrize(("place", "sure"), [(0, "nothing random"), (1, "p = 0.31"), (2, "")])
def test_how_sure(place: int, sure: str):
    assert how_sure(FINDINGS[place]) == sure


def test_the_table_and_the_counts():
    grid = finding_grid(FINDINGS)
    assert list(grid.texts()[0].values())[4:8] == ["3", "0.2", "1e-06", "nothing random"]
    assert tier_counts(FINDINGS)[0] == "definition: 1 new"
    assert "scores: 1 holds" in tier_counts(FINDINGS)
