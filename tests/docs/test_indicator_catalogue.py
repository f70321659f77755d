"""The committed catalogue of indicators is the one that the code writes, and says it all."""

from pathlib import Path

import pytest

from untrained.harness.cli.list import brief, catalogue
from untrained.indicators import Protocol, indicators

PAGE = Path(__file__).parents[2] / "docs" / "indicators.md"


def sections() -> dict[str, str]:
    parts = PAGE.read_text(encoding="utf-8").split("\n### ")[1:]
    return {name: text.split("\n## ")[0] for name, text in (p.split("\n", 1) for p in parts)}


def test_the_committed_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == catalogue(), (
        "docs/indicators.md is not what the code says; write it again with\n"
        "    untrained list indicators --markdown > docs/indicators.md"
    )


def test_every_indicator_has_one_section_and_one_row():
    page = PAGE.read_text(encoding="utf-8")
    assert sorted(sections()) == sorted(indicators)
    assert all(page.count(f"\n| [{name}](#{name})") == 1 for name in indicators)


@pytest.mark.parametrize("name", indicators)
def test_a_section_says_what_the_indicator_declares(name):
    item, text = indicators[name], sections()[name].replace("\\", "")
    assert f"`{item.formula}`".replace("\\", "") in text
    assert item.reference in text
    assert f"Passes: {item.cost}\n" in text
    assert f"{'Higher' if item.higher_is_better else 'Lower'} is better" in text
    assert all(need.value.replace("_", " ") in text for need in item.needs)
    assert item.protocol.describe().replace("\\", "") in text
    assert ("† Uses accuracies" in text) == item.uses_accuracy
    assert item.deviations in text or "Deviations: as [" in text
    assert bool(item.deviations) == ("Deviations:" in text)


@pytest.mark.parametrize(
    ("protocol", "text"),
    [
        (Protocol(), "64 images"),
        (Protocol(inputs="none", batch_size=1), "no batch"),
        (Protocol(inputs="gaussian", num_batches=2, batch_size=1000), "2 x 1,000 gaussian"),
        (
            Protocol(resolution=64, channels=3, cells=1, batch_norm="eval", initialisation="a_b"),
            "64 images, 64 px, 3 ch x 1, running statistics, a b",
        ),
    ],
)
def test_a_protocol_in_brief_names_what_is_unusual(protocol, text):
    assert brief(protocol) == text
