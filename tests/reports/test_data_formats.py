import csv
import io
import json
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from untrained.reports import Part, Report, Section, formats
from untrained.reports.formats.file_formats import grid_csv
from untrained.reports.formats.formats import write_files
from untrained.reports.formats.json_document import json_text
from untrained.reports.tables.grid import Column, Grid
from untrained.results import CorrelationTable, Pick, TableRow


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
    assert document["document_version"] == 2
    assert document["untrained"] == "0.1.0"
    assert document["summary"] == varied_report.summary
    assert document["environments"][0]["git"] == {"commit": None, "dirty": False}
    table = document["tables"][0]
    assert table["command"] == "untrained run nasbench201-quick"
    assert table["rows"][2]["failures"] == {"diverged": 3, "timeout": 1}


@pytest.mark.parametrize("name", ["csv", "json", "markdown", "html"])
def test_the_same_report_gives_the_same_text(varied_report: Report, name: str) -> None:
    assert formats[name].render(varied_report) == formats[name].render(varied_report)


def test_numbers_that_strict_json_lacks_are_the_same_in_every_document() -> None:
    text = json_text({"nan": math.nan, "one": Pick(1, math.inf, -math.inf), "n": (np.int64(3),)})
    assert json.loads(text) == {
        "nan": None,
        "one": {"k": 1, "regret": "inf", "rank": "-inf"},
        "n": [3],
    }


def test_a_page_of_parts_has_its_tables_in_json_and_the_first_in_csv() -> None:
    columns = (
        Column("name", "Name", kind="code"),
        Column("n", "n"),
        Column("tau", "tau", interval=True, show=lambda value: f"about {value:.0f}"),
    )
    rows = [
        SimpleNamespace(name="a", n=1, tau=0.25, tau_low=0.0, tau_high=0.5),
        SimpleNamespace(name="b", n=None, tau=math.nan, tau_low=math.nan, tau_high=math.nan),
    ]
    report = Report("T", (), parts=(Part("p", "P", "m", Grid("p", columns, rows)),))
    assert formats["csv"].render(report).splitlines() == [
        "name,n,tau,tau_low,tau_high",
        "a,1,0.250000,0.000000,0.500000",
        "b,,,,",
    ]
    (part,) = read_json(report)["parts"]
    assert part["rows"][0]["tau_high"] == 0.5
    assert part["rows"][1] == {"name": "b"} | dict.fromkeys(("n", "tau", "tau_low", "tau_high"))


def test_columns_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"the table 'x' share a name: \['n', 'n'\]"):
        Grid("x", (Column("n"), Column("n")), ())


def test_no_cell_of_a_text_is_a_formula():
    texts = ["=HYPERLINK(1)", "+1+cmd", "@SUM(1)", "\tx", "-1+1", "plain", "-0.5"]
    grid = Grid("x", (Column("name"), Column("n")), [SimpleNamespace(name=t, n=-1) for t in texts])
    rows = list(csv.DictReader(io.StringIO(grid_csv(grid))))
    assert [row["name"] for row in rows] == [*(f"'{text}" for text in texts[:5]), *texts[5:]]
    assert {row["n"] for row in rows} == {"-1"}


def test_no_control_character_reaches_a_file(tmp_path):
    (file,) = write_files({"report.md": "a\x1b[31mb\x07\x9bc\td\n"}, tmp_path)
    assert file.read_text("utf-8") == "a\ufffd[31mb\ufffd\ufffdc\td\n"
