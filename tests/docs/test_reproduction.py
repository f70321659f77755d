"""Check that docs/reproduction.md is what the committed reports say."""

import importlib.util
from pathlib import Path

import pytest

from untrained.reports.tables.columns import MINUS, RHO
from untrained.reports.tables.numbers import MISSING

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def generator():
    spec = importlib.util.spec_from_file_location("reproduction", DOCS / "reproduction.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_that_of_the_committed_reports(generator):
    assert generator.page() == (DOCS / "reproduction.md").read_text("utf-8"), (
        "docs/reproduction.md is not what the reports say; write it again with\n"
        "    python docs/reproduction.py"
    )


CSV = """indicator,tau,tau_low,tau_high,delta_tau,delta_low,delta_high
synflow,0.5,0.4,0.625,-0.0625,-0.1,0.125
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
