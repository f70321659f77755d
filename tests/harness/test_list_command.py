"""What `untrained list` says of the indicators, to people and to programs."""

import json
from pathlib import Path

import pytest

from untrained.harness.cli.list import catalogue, study_schema
from untrained.indicators import indicators


def test_the_table_of_indicators_fits_a_hundred_columns(untrained):
    code, out, _ = untrained("list", "indicators")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 100
    row = next(line for line in out.splitlines() if line.split()[:1] == ["ntk_trace"])
    assert row.split("  ")[0].strip() == "ntk_trace"
    assert "1 fwd, B K bwd" in row
    assert "16 images" in row
    assert "gennas_search_nasbench101 † " in out
    assert all(name in out for name in indicators)


def test_json_tells_all_that_an_indicator_declares(untrained):
    _, out, _ = untrained("list", "indicators", "--json")
    found = {row["name"]: row for row in json.loads(out)}
    assert set(found) == set(indicators)
    for name, item in indicators.items():
        row = found[name]
        assert row["cost"] == str(item.cost)
        assert row["formula"] == item.formula
        assert row["reference"] == item.reference
        assert row["deviations"] == item.deviations
        assert row["uses_accuracy"] == item.uses_accuracy
        assert set(row["needs"]) == {need.value for need in item.needs}
        assert row["protocol_fields"]["batch_size"] == item.protocol.batch_size


def test_markdown_is_the_catalogue(untrained):
    assert untrained("list", "indicators", "--markdown") == (0, catalogue(), "")


@pytest.mark.parametrize(
    "arguments", [["--markdown"], ["spaces", "--markdown"], ["indicators", "--json", "--markdown"]]
)
def test_only_the_indicators_have_a_page(untrained, arguments):
    code, _, err = untrained("list", *arguments)
    assert code == 2
    assert "write `untrained list indicators --markdown`" in err


def test_the_committed_schema_is_that_of_the_model(untrained):
    page = Path(__file__).parents[2] / "docs" / "study.schema.json"
    assert page.read_text(encoding="utf-8") == study_schema(), (
        "docs/study.schema.json is not what the code says; write it again with\n"
        "    untrained list studies --schema > docs/study.schema.json"
    )
    assert untrained("list", "studies", "--schema") == (0, study_schema(), "")
    properties = json.loads(study_schema())["properties"]
    assert properties["batch_size"]["description"] == "Batch size (default: that of the protocol)."
    assert {"const": "all", "type": "string"} in properties["indicators"]["anyOf"]
    code, _, err = untrained("list", "--schema")
    assert code == 2
    assert "write `untrained list studies --schema`" in err
