"""Check that the pages that docs/reproduction.py writes are what the committed results say."""

import importlib.util
import os
import sys
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from untrained.foundation import MalformedInput, UnknownName
from untrained.reports.tables.columns import MINUS, RHO
from untrained.reports.tables.numbers import MISSING
from untrained.results import published_values
from untrained.results.comparison.published import equivalence, reference_rows
from untrained.results.searches.table import published_searches

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def generator(monkeypatch):
    spec = importlib.util.spec_from_file_location("reproduction", DOCS / "reproduction.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "reproduction", module)
    monkeypatch.syspath_prepend(DOCS)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["reproduction", "published", "nasbench201"])
def test_a_page_is_that_of_the_committed_results(generator, name):
    assert generator.page(name=name) == (DOCS / f"{name}.md").read_text("utf-8"), (
        f"docs/{name}.md is not what the results say; write it again with\n"
        "    python docs/reproduction.py"
    )


CSV = """space,indicator,tau,tau_low,tau_high,delta_tau,delta_low,delta_high,delta_p_holm
darts,synflow,0.25,0.125,0.375,-0.25,-0.5,-0.125,0.03
darts,params,0.5,0.4,0.6,,,,
nasbench101,synflow,0.5,0.4,0.625,-0.0625,-0.1,0.125,0.3
"""
REPORT = f"""# T

## Main

| Indicator | τ {MINUS} params [95 %] |
| :-- | --: |
| synflow¹ | +0.100* [+0.050, +0.150] |
| naswot ↓² | +0.100 [-0.050, +0.150] |
| random | -0.600* [-0.700, -0.500] |

### Published beside measured

| Indicator | τ published | τ here | within 0.05 | {RHO} published | {RHO} here | within 0.05 |
| :-- | --: | --: | :-- | --: | --: | :-- |
| synflow | 0.450 | 0.500 [0.4, 0.6] | cannot say | {MISSING} | {MISSING} | {MISSING} |
| synflow | 0.700 abs. | 0.500 [0.4, 0.6] | no | 0.650 | 0.700 [0.69, 0.71] | yes |
"""


@pytest.fixture
def made(generator, tmp_path, monkeypatch):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "report.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "made" / "report.md").write_text(REPORT, encoding="utf-8")
    monkeypatch.setattr(generator, "COMMITTED", tmp_path)
    return generator


def test_numbers_and_tables_are_read_from_reports(made):
    assert made.number("made", "synflow") == 0.5
    assert made.estimate("made", "synflow") == "0.500 [0.400, 0.625]"
    assert made.number("made", "synflow", space="darts") == 0.25
    assert made.estimate("made", "synflow", space="darts") == "0.250 [0.125, 0.375]"
    assert [row["space"] for row in made.lines("made")] == ["darts", "darts", "nasbench101"]
    assert made.told_apart(["made"], "syn", side=-1) == ["synflow on darts"]
    assert made.told_apart(["made"], "syn", side=1) == []
    assert made.estimate("made", "synflow", "delta_tau") == "-0.062 [-0.100, +0.125]"
    assert made.cell("made", "Main", "random", f"τ {MINUS} params [95 %]")[:7] == "-0.600*"
    column = f"τ {MINUS} params"
    assert (made.starred("made", column, "+"), made.starred("made", column, "-")) == (
        "synflow",
        "random",
    )
    assert made.published("made").splitlines()[2:] == [
        "| synflow | τ-b | 0.500 [0.4, 0.6] | 0.450 to 0.700 (2) | 0, 1, 1 |",
        f"| synflow | {RHO} | 0.700 [0.69, 0.71] | 0.650 | 1, 0, 0 |",
    ]
    assert made.verdicts("made", "synflow") == {"cannot say": 1, "no": 1, "yes": 1, MISSING: 1}
    copied = made.table("made", "Published", "Indicator", "τ here").splitlines()
    assert copied[:3] == [
        "| Indicator | τ here |",
        "| :-- | --: |",
        "| synflow | 0.500 [0.4, 0.6] |",
    ]


def test_a_sentence_cannot_outlive_its_numbers(made):
    template = '{{ say(number("made", "synflow") > LIMIT, "SynFlow is good.") }}'
    assert made.page(template.replace("LIMIT", "0.4")) == "SynFlow is good."
    with pytest.raises(made.Outlived, match=r"no longer say: SynFlow is good\."):
        made.page(template.replace("LIMIT", "0.6"))


def test_every_published_number_is_one_cell(generator):
    names = [*generator.tables_published()]
    cells = [one for name in names for one in generator.published_cells(name)]
    assert Counter(c.published for c in cells) == Counter(published_values())
    assert [c.published for c in generator.search_cells()] == [*published_searches()]
    *lines, total = [
        [int(text) for text in line.split("|")[2:-1]]
        for line in generator.summary().splitlines()[4:]
    ]
    assert len(lines) == len(names) + 1
    assert total == [sum(column) for column in zip(*lines, strict=True)]
    for count, compared, yes, no, open_, *reasons in (*lines, total):
        assert compared == yes + no + open_
        assert count == compared + sum(reasons)
    assert total[1] >= 300


def test_a_cell_has_the_statement_of_its_interval(generator):
    cells = [c for name in generator.tables_published() for c in generator.published_cells(name)]
    for one in cells:
        assert bool(one.reason) == (one.comparison is None)
        if one.comparison and not one.published.absolute:
            found = one.comparison
            assert one.verdict == equivalence(found.low, found.high, one.published.value)


def test_what_was_measured_for_tables_is_what_reports_say(generator):
    for names, _ in generator.measured.SCORES.values():
        assert all((generator.COMMITTED / name).is_dir() for name in names)
    compared = 0
    for row in generator.measured.reference("measured.csv"):
        report = generator.rows(row["scores"]).get(row["indicator"])
        if report and report["target"] == row["target"] and not row["population"]:
            own = [float(row[name]) for name in generator.measured.SIZES]
            assert own == [float(report[name]) for name in generator.measured.SIZES], row
            compared += 1
    assert compared > 60


MEASURED = {
    "scores": "made-quick",
    "space": "nasbench101",
    "population": "",
    "dataset": "cifar10",
    "target": "cifar10 test accuracy",
    "split": "test accuracy",
    "indicator": "synflow",
    "inputs": "no batch",
    "n": "200",
    **dict.fromkeys(("tau", "rho"), "0.375"),
    **dict.fromkeys(("tau_low", "rho_low"), "0.365"),
    **dict.fromkeys(("tau_high", "rho_high"), "0.385"),
}


@pytest.mark.parametrize(
    ("change", "population", "verdict"),
    [
        ({}, "", "yes"),
        ({"indicator": "snip"}, "", "not measured"),
        ({"split": "validation accuracy"}, "", "other target"),
        ({}, "without dead operations", "other population"),
        ({"dataset": "cifar100"}, "", "no accuracies"),
    ],
)
def test_a_cell_is_compared_or_says_why_not(generator, monkeypatch, change, population, verdict):
    monkeypatch.setattr(generator.measured, "reference", lambda name: [MEASURED | change])
    [item] = [
        one
        for one in published_values(space="nasbench101", indicator="synflow", metric="spearman")
        if one.source.startswith("ZiCo")
    ]
    one = generator.cell_of(replace(item, value=0.35), population, "")
    assert one.verdict == verdict


def test_an_unknown_or_missing_column_is_refused(generator, tmp_path, monkeypatch):
    (tmp_path / "reference").mkdir()
    heads = [*generator.measured.COLUMNS["measured.csv"], "tau_c"]
    (tmp_path / "reference" / "measured.csv").write_text(",".join(heads) + "\n", encoding="utf-8")
    monkeypatch.setattr(generator.measured, "COMMITTED", tmp_path)
    generator.measured.reference.cache_clear()
    with pytest.raises(
        MalformedInput, match=r"read measured\.csv: unknown column 'tau_c'\. Its col"
    ):
        generator.measured.reference("measured.csv")
    with pytest.raises(MalformedInput, match="missing column 'b'"):
        reference_rows("made.csv", "a\n1\n", ("a", "b"))


def test_a_source_without_a_table_is_refused(generator, monkeypatch):
    monkeypatch.setattr(generator.measured, "reference", lambda name: [])
    with pytest.raises(MalformedInput, match=r"cannot place the published values of .* Add a line"):
        generator.tables_published()


def test_an_unknown_table_is_refused(generator):
    with pytest.raises(UnknownName, match="no published table named 'NASWOTT'; did you mean"):
        generator.measure_again(["NASWOTT"])


def test_measuring_again_replaces_the_rows_of_a_space(generator, tmp_path, monkeypatch):
    measured = generator.measured
    kept, old = MEASURED | {"space": "darts"}, MEASURED | {"tau": "0.1"}
    (tmp_path / "reference").mkdir()
    monkeypatch.setattr(measured, "COMMITTED", tmp_path)
    monkeypatch.setattr(measured, "measured_rows", lambda space: iter([MEASURED]))
    with monkeypatch.context() as patch:
        found = [old, kept]
        patch.setattr(measured, "reference", cache(lambda name: found))
        measured.measure({"nasbench101"})
    measured.reference.cache_clear()
    assert measured.reference("measured.csv") == [MEASURED, kept]
    measured.reference.cache_clear()


def test_measuring_again_gives_the_committed_rows(generator):
    if not os.environ.get("UNTRAINED_DATA"):
        pytest.skip("needs the accuracies of NDS: UNTRAINED_DATA with tables/nds.parquet")
    found = [
        {k: str(v) for k, v in row.items()} for row in generator.measured.measured_rows("nds_darts")
    ]
    assert found == [
        r for r in generator.measured.reference("measured.csv") if r["space"] == "nds_darts"
    ]
