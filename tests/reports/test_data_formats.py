import csv
import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from untrained.reports import Report, Section, formats
from untrained.results import CorrelationTable, TableRow


def read_csv(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(formats["csv"].render(report))))


def read_json(report: Report) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    loaded: dict[str, Any] = json.loads(formats["json"].render(report), parse_constant=refuse)
    return loaded


def test_the_built_in_formats_are_found() -> None:
    assert {"csv", "html", "json", "markdown"} <= set(formats)
    assert {formats[name].suffix for name in formats} >= {".csv", ".html", ".json", ".md"}


def test_csv_has_a_line_for_every_indicator_of_every_table(varied_report: Report) -> None:
    lines = read_csv(varied_report)
    assert [line["indicator"] for line in lines] == [
        "params",
        "naswot",
        "grad_norm",
        "constant",
        "snip",
    ]
    assert {line["title"] for line in lines[:4]} == {varied_report.sections[0].table.title}


def test_csv_numbers_are_those_of_the_table(varied_report: Report) -> None:
    for section in varied_report.sections:
        for row in section.table.rows:
            (line,) = (
                x for x in read_csv(varied_report) if x["indicator"] == row.correlation.indicator
            )
            for name in ("tau", "rho_high", "delta_tau", "coverage", "ties_score"):
                value = getattr(row.correlation, name)
                assert line[name] == "" if math.isnan(value) else float(line[name]) == value
            assert line["higher_is_better"] == ("true" if row.higher_is_better else "false")


def test_csv_spells_out_seeds_and_failures(varied_report: Report) -> None:
    lines = {line["indicator"]: line for line in read_csv(varied_report)}
    assert lines["naswot"]["seeds"] == "0 1 2"
    assert lines["grad_norm"]["failures"] == "diverged=3 timeout=1"
    assert lines["naswot"]["failures"] == ""


def test_json_keeps_full_precision_and_writes_missing_numbers_as_null(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow]
) -> None:
    third = 1 / 3
    report = Report("T", (Section(table(row(tau=third, delta_tau=math.nan))),))
    (line,) = read_json(report)["tables"][0]["rows"]
    assert line["correlation"]["tau"] == third
    assert line["correlation"]["delta_tau"] is None
    assert line["correlation"]["coverage"] == 1.0


@pytest.mark.parametrize("name", ["csv", "json", "markdown", "html"])
def test_numbers_of_numpy_are_written_like_those_of_python(
    table: Callable[..., CorrelationTable], row: Callable[..., TableRow], name: str
) -> None:
    def render(integer: type, number: type) -> str:
        numbers = row(n=integer(900), tau=number(0.5), alone_s=number(0.25), version=integer(2))
        made = table(numbers, n_population=integer(1000), confidence=number(0.95))
        return formats[name].render(
            Report("T", (Section(made),), environments=({"n": integer(1)},))
        )

    assert render(np.int64, np.float64) == render(int, float)


def test_json_holds_everything_around_the_numbers(varied_report: Report) -> None:
    document = read_json(varied_report)
    assert document["document_version"] == 1
    assert document["untrained"] == "0.1.0"
    assert document["summary"] == varied_report.summary
    assert document["environments"][0]["git"] == {"commit": None, "dirty": False}
    table = document["tables"][0]
    assert table["command"] == "untrained run nasbench201-quick"
    assert table["rows"][2]["failures"] == {"diverged": 3, "timeout": 1}


@pytest.mark.parametrize("name", ["csv", "json", "markdown", "html"])
def test_the_same_report_gives_the_same_text(varied_report: Report, name: str) -> None:
    assert formats[name].render(varied_report) == formats[name].render(varied_report)
