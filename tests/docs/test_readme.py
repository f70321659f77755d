"""What the README shows works as shown."""

import re
from pathlib import Path

import pytest
import torch

from untrained.indicators import indicators, measure
from untrained.spaces import spaces

CELL = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|"
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def python_blocks():
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(4, 3, 16, 16, generator=generator)
    return images, torch.tensor([0, 1, 2, 3])


def test_the_example_indicator_is_one_working_file(python_blocks, batch):
    (source,) = (block for block in python_blocks if "@indicator" in block)
    names = {"__name__": "readme"}
    exec(compile(source, str(README), "exec"), names)
    try:
        network = spaces["nasbench201"].build(CELL, num_classes=10, channels=4, cells=1)
        assert measure(network, *batch, ["mean_gradient"])["mean_gradient"] > 0
    finally:
        # the registry has no way to forget: nothing but this test defines an item twice
        indicators._items.pop("mean_gradient")
        indicators._origins.pop("mean_gradient")


def test_the_example_call_measures_any_network(python_blocks, batch):
    (source,) = (block for block in python_blocks if "measure(network" in block)
    inputs, labels = batch
    network = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(768, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4)
    )
    exec(compile(source, str(README), "exec"), locals())


def test_every_command_shown_exists():
    text = README.read_text(encoding="utf-8")

    from untrained.harness.cli.main import COMMANDS

    shown = set(re.findall(r"^untrained ([a-z]+)", text, re.MULTILINE))
    assert shown
    assert shown <= COMMANDS.keys()


def cells(text):
    """Return the first table of a document: its lines as texts, without marks of notes."""
    lines = text[text.index("| Indicator") :].split("\n\n")[0].splitlines()
    table = [
        [re.sub("[⁰¹²³⁴-⁹]", "", cell.strip()) for cell in line.split("|")[1:-1]] for line in lines
    ]
    return [dict(zip(table[0], line, strict=True)) for line in table[2:]]


def test_the_first_table_is_that_of_the_committed_report():
    report = README.parent / "results" / "committed" / "nasbench201-quick" / "report.md"
    shown, committed = (cells(file.read_text("utf-8")) for file in (README, report))
    assert "s/arch" not in shown[0]
    assert shown == [{name: line[name] for name in shown[0]} for line in committed]
    assert any("functions" in name for name in shown[0])
