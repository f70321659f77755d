"""A report without accuracies says so in every format, and no column looks as if it had any."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from untrained.reports import Report, formats
from untrained.reports.blocks.agreement import agreement_parts, sorted_rows
from untrained.reports.tables.columns import RHO, TAU
from untrained.results import AgreementRow, AgreementTable, Resampling, agree

INDEX = pd.Index([f"a{i:02}" for i in range(40)])
RNG = np.random.default_rng(0)
SIZE = RNG.normal(size=40)
SCORES = pd.DataFrame(
    {
        "params": SIZE,
        "flops": SIZE + 0.3 * RNG.normal(size=40),
        "naswot": SIZE + RNG.normal(size=40),
        "<b>": RNG.normal(size=40),
        "constant": 1.0,
    },
    INDEX,
)
SCORES.loc[INDEX[:4], "naswot"] = math.nan


def make(title: str = "Space: agreement") -> AgreementTable:
    higher = dict.fromkeys(SCORES.columns, True) | {"<b>": False}
    found = agree(SCORES, higher_is_better=higher, resampling=Resampling(50))
    return AgreementTable(
        title=title,
        space="toy",
        population="sample of 40, seed 0",
        n_population=40,
        reason="the data of toy was not at hand",
        resamples=50,
        confidence=0.95,
        bootstrap_seed=0,
        interval="percentile",
        command="untrained run toy-quick",
        notes=("a note",),
        rows=tuple(
            AgreementRow(
                indicator=name,
                title=name,
                version=1,
                protocol="3fa9c1d2e4b50617",
                protocol_text="gaussian",
                higher_is_better=higher[name],
                seeds=(0,),
                n=int(SCORES[name].notna().sum()),
                n_population=40,
                ties=1.0 if name == "constant" else 0.0,
                failures=(("diverged", 4),) if name == "naswot" else (),
                alone_s=0.01,
                members=(),
                with_sizes=found.with_sizes[name],
            )
            for name in SCORES.columns
        ),
        redundancy=found.redundancy,
    )


@pytest.fixture(scope="module")
def report() -> Report:
    return Report("Quick", (), agreements=(make(), make("Another: agreement")))


@pytest.mark.parametrize("name", ["html", "markdown", "latex"])
def test_documents_say_that_no_accuracies_were_used(report: Report, name: str) -> None:
    text = formats[name].render(report)
    assert text.count("No accuracies were used: the data of toy was not at hand") == 2
    assert text.count("Target: none") == 2
    assert "untrained run toy-quick" in text
    assert "naswot: 4 of 40 without a score, 4 diverged" in text
    assert "sample of 40, seed 0; 40 architectures" in text
    assert "<b> v1" not in text
    assert text == formats[name].render(report)


def test_no_heading_can_be_taken_for_a_correlation_with_accuracy(report: Report) -> None:
    part, matrix = agreement_parts(report.agreements[0], 1)
    assert part.grid
    headings = [column.heading for column in part.grid.columns]
    assert [h.split(" ", 1)[1] for h in headings if h.startswith((TAU, RHO))] == [
        *("with params", "with flops") * 2,
        "with it",
    ]
    assert matrix.figures


def test_rows_stand_by_their_agreement_with_the_first_size(report: Report) -> None:
    names = [row.indicator for row in sorted_rows(report.agreements[0])]
    assert names[:2] == ["flops", "naswot"]
    # params beside itself, and a constant, have no number
    assert set(names[2:]) == {"<b>", "constant", "params"}
    turned = replace(report.agreements[0], rows=report.agreements[0].rows[::-1])
    assert [row.indicator for row in sorted_rows(turned)] == names


def test_csv_has_a_line_for_each_row_of_each_table_under_names_of_their_own(report: Report) -> None:
    lines = list(csv.DictReader(io.StringIO(formats["csv"].render(report))))
    assert len(lines) == 10
    assert {line["accuracies"] for line in lines} == {"none used"}
    assert not {"tau", "rho", "target"} & set(lines[0])
    (line,) = (x for x in lines[:5] if x["indicator"] == "naswot")
    one = report.agreements[0].rows[2].with_sizes[0]
    assert float(line["tau_with_params"]) == pytest.approx(one.tau, abs=1e-6)
    assert float(line["rho_with_params_high"]) == pytest.approx(one.rho_high, abs=1e-6)
    assert line["failures"] == "diverged=4"
    constant = next(x for x in lines if x["indicator"] == "constant")
    assert constant["tau_with_params"] == constant["nearest"] == ""


def test_json_and_files_hold_every_table(report: Report) -> None:
    document = json.loads(formats["json"].render(report))
    assert document["tables"] == []
    assert [one["space"] for one in document["agreements"]] == ["toy", "toy"]
    assert set(formats["tables"].make(report)) == {
        f"all-agreement-{i}{end}.csv" for i in (1, 2) for end in ("", "-redundancy")
    }
    assert set(formats["figures"].make(report)) == {
        f"all-agreement-{i}-redundancy.{kind}" for i in (1, 2) for kind in ("svg", "pdf")
    }
