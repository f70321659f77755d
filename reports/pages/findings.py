"""The table and the documents of the gate's findings."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from untrained.reports.formats.json_document import fields, json_text
from untrained.reports.formats.markdown import escape, grid_table
from untrained.reports.tables.grid import Cell, Column, Grid, Value
from untrained.reports.tables.numbers import decimal
from untrained.results import TIERS

if TYPE_CHECKING:
    from untrained.results import Finding


def finding_grid(findings: Sequence[Finding]) -> Grid:
    """Make a table with one row a finding, in the given order."""
    columns = (
        Column("outcome", "Outcome", kind="text"),
        Column("tier", "Tier", kind="text"),
        Column("subject", "Indicator", kind="code"),
        Column("space", "Space", kind="code"),
        Column("n", "n", lambda one: one.n or None, "networks"),
        Column("value", "value", lambda one: _figure(one, one.value), "what the tier looks at"),
        Column("limit", "limit", lambda one: _figure(one, one.limit), "tolerance of the value"),
        Column("sure", "how sure", how_sure, kind="text"),
        Column("text", "What was found", kind="text"),
    )
    return Grid("findings", columns, findings)


def _figure(finding: Finding, value: float) -> Value:
    if math.isnan(value):
        return None
    if finding.tier == "golden":
        return Cell(f"{value:.1g}", float(value))
    return Cell(decimal(value, 4 if finding.tier == "scores" else 3), float(value))


def how_sure(finding: Finding) -> str:
    """Write the p-value of a statement, or that nothing in it is random."""
    if not math.isnan(finding.p):
        return f"p = {finding.p:.2g}"
    return "" if math.isnan(finding.value) else "nothing random"


def tier_counts(findings: Sequence[Finding]) -> list[str]:
    """Write one line a tier: the number of findings of each outcome."""
    lines = []
    for tier in TIERS:
        outcomes = Counter(one.outcome for one in findings if one.tier == tier)
        if outcomes:
            parts = [f"{n} {outcome}" for outcome, n in sorted(outcomes.items())]
            lines.append(f"{tier}: {', '.join(parts)}")
    return lines


_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def findings_junit(name: str, findings: Sequence[Finding]) -> str:
    """Write JUnit XML: a test case a finding; unchecked and new ones are skipped."""
    suite = ElementTree.Element(
        "testsuite",
        name=_legal(name),
        tests=str(len(findings)),
        failures=str(sum(one.failed for one in findings)),
        errors="0",
        skipped=str(sum(one.outcome in ("unknown", "new") for one in findings)),
    )
    for one in findings:
        where = ".".join(part for part in (one.tier, one.space) if part)
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"{_legal(name)}.{where}", name=_legal(one.subject)
        )
        if one.failed:
            message = _legal(f"{one.outcome}: {one.text}")
            failure = ElementTree.SubElement(case, "failure", type=one.outcome, message=message)
            failure.text = _legal(_details(one))
        elif one.outcome in ("unknown", "new"):
            ElementTree.SubElement(case, "skipped", message=_legal(one.text))
        else:
            ElementTree.SubElement(case, "system-out").text = _legal(_details(one))
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _details(finding: Finding) -> str:
    parts = [finding.text]
    if finding.measure:
        parts.append(f"{finding.measure}: {finding.value:.6g}, limit {finding.limit:.6g}")
    if sure := how_sure(finding):
        parts.append(sure)
    return "\n".join(parts)


def _legal(text: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def findings_markdown(
    title: str, verdict: str, facts: Sequence[str], findings: Sequence[Finding]
) -> str:
    """Write a Markdown section for a CI job page: failures first, then notes, then the rest."""
    failed = [one for one in findings if one.failed]
    noted = [one for one in findings if one.outcome in ("unknown", "new")]
    blocks = [f"## {escape(title)}", escape(verdict)]
    if failed:
        blocks.append(grid_table(finding_grid(failed)))
    if noted:
        blocks += ["Not checked:", grid_table(finding_grid(noted))]
    lines = [*tier_counts(findings), *facts]
    blocks.append("\n".join(f"- {escape(line)}" for line in lines))
    rest = [one for one in findings if one.outcome == "holds"]
    if rest:
        blocks += [
            f"<details><summary>{len(rest)} that hold</summary>",
            grid_table(finding_grid(rest)),
            "</details>",
        ]
    return "\n\n".join(blocks) + "\n"


def findings_json(document: Mapping[str, object], findings: Sequence[Finding]) -> str:
    """Write the findings as one JSON object in full precision; a missing number is null."""
    whole = {
        **document,
        "failed": sum(one.failed for one in findings),
        "findings": [fields(one, "failed") for one in findings],
    }
    return json_text(whole)
