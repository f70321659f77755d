"""A file is read, its indicator found, and forgotten afterwards; mistakes are named."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from untrained.foundation import MalformedInput, MissingData, UserError
from untrained.harness.validation.candidate import find_candidate
from untrained.indicators import Need, indicators

Write = Callable[..., Path]
Decorated = Callable[..., str]

PLAIN = """
def mine(network, inputs, labels):
    return 1.0
"""


def test_it_is_registered_in_the_block_and_nowhere_else(write: Write, decorated: Decorated) -> None:
    candidate = find_candidate(write(decorated("mine")))
    assert "mine" not in indicators
    before = list(indicators)
    with candidate.registered() as item:
        assert indicators["mine"] is item
        assert item.title == "Title of mine"
        assert [*before, "mine"] == [n for n in indicators if n != "mine"] + ["mine"]
    assert list(indicators) == before


def test_an_edited_file_is_another_version(write: Write, decorated: Decorated) -> None:
    text = decorated("mine")
    one, same = find_candidate(write(text)), find_candidate(write(text))
    other = find_candidate(write(f"{text}\n# edited\n"))
    assert one.version == same.version != other.version
    assert one.version < 2**48
    with one.registered() as item:
        assert item.version == one.version


def test_a_plain_function_is_found_among_private_and_unfit_ones(write: Write) -> None:
    text = "def _a(x, y, z): ...\ndef b(x): ...\n" + PLAIN
    candidate = find_candidate(write(text))
    assert (candidate.function, candidate.plain) == ("mine", True)
    with candidate.registered() as item:
        assert item.higher_is_better


def test_the_direction_of_a_plain_function_is_an_option(write: Write) -> None:
    candidate = find_candidate(write(PLAIN), higher_is_better=False)
    with candidate.registered() as item:
        assert not item.higher_is_better


def test_of_several_one_is_named(write: Write, decorated: Decorated) -> None:
    path = write(decorated("one") + decorated("two"))
    with pytest.raises(UserError, match=r"2 functions .*\(one, two\).*--function one"):
        find_candidate(path)
    candidate = find_candidate(path, function="two")
    with candidate.registered():
        assert "two" in indicators
        assert "one" not in indicators


def test_an_indicator_of_the_project_is_validated_too() -> None:
    from untrained.indicators import gradsign as module

    path = Path(str(module.__file__))
    candidate = find_candidate(path)
    stored = indicators["gradsign"]
    with candidate.registered() as item:
        assert item.version == candidate.version
    assert indicators["gradsign"] is stored


CASES = [
    ("def mine(:\n", MalformedInput, r"mine\.py:1: not Python: .*correct that line"),
    ("x = 1\n", UserError, r"has no indicator.*its functions: none"),
    ("def f(x): return x\n", UserError, r"has no indicator.*its functions: f\)"),
    (
        "def a(x, y, z): ...\ndef b(x, y, z): ...\n",
        UserError,
        r"2 plain functions .*\(a, b\).*--function a",
    ),
    ("\nraise RuntimeError('no')\n", MalformedInput, r"mine\.py:2: .*RuntimeError: no"),
    ("import not_there_at_all\n", MalformedInput, r"mine\.py:1: .*not_there_at_all.*install it"),
    ("def params(n, x, y): return 1.0\n", UserError, "'params' exists already.*rename"),
    ("import sys; sys.exit(3)\n", MalformedInput, "SystemExit: 3"),
]


@pytest.mark.parametrize(("text", "kind", "message"), CASES)
def test_what_is_wrong_is_said(
    write: Write, text: str, kind: type[UserError], message: str
) -> None:
    with pytest.raises(kind, match=re.compile(message, re.DOTALL)):
        find_candidate(write(text))


def test_a_decorated_name_that_is_taken_is_said(write: Write, decorated: Decorated) -> None:
    with pytest.raises(UserError, match=r"two indicators are named 'naswot'.*rename"):
        find_candidate(write(decorated("naswot")))
    assert indicators["naswot"].title == "NASWOT"


def test_a_wrong_function_is_answered_with_those_there_are(
    write: Write, decorated: Decorated
) -> None:
    path = write(decorated("one") + PLAIN)
    with pytest.raises(UserError, match=r"'three'.*there is: one, mine"):
        find_candidate(path, function="three")


def test_a_declared_direction_is_not_overruled(write: Write, decorated: Decorated) -> None:
    with pytest.raises(UserError, match="--lower-is-better was given, but mine declares"):
        find_candidate(write(decorated("mine")), higher_is_better=False)


def test_a_file_that_is_not_there(tmp_path: Path, write: Write) -> None:
    write("x = 1", "other.py")
    with pytest.raises(MissingData, match=r"in that folder there are other\.py"):
        find_candidate(tmp_path / "mine.py")
    with pytest.raises(MalformedInput, match="is a folder"):
        find_candidate(tmp_path)


NETWORK = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 7))


@pytest.mark.parametrize(
    ("body", "needs", "cost"),
    [
        ("return sum(p.numel() for p in network.parameters())", set(), "none"),
        ("return float(network(inputs).detach().var())", set(), "1 forward"),
        ("import torch; return float(torch.randn(()))", {Need.RANDOMNESS}, "none"),
        (
            "from torch.nn.functional import cross_entropy\n"
            "    cross_entropy(network(inputs), labels).backward()\n"
            "    return float(sum(p.grad.abs().sum() for p in network.parameters()))",
            {Need.LABELS, Need.GRADIENTS},
            "1 forward, 1 backward",
        ),
        (
            "from torch.autograd import grad\n"
            "    w = list(network.parameters())\n"
            "    return sum(float(grad(network(x[None]).sum(), w)[0].norm()) for x in inputs)",
            {Need.GRADIENTS},
            "B forward, B backward",
        ),
        (
            "value = 0.0 if labels is None else float(labels.sum())\n"
            "    return value if labels is None else value + 0 * float(labels.zero_().sum())",
            {Need.LABELS},
            "none",
        ),
    ],
)
def test_what_a_plain_function_needs_and_costs_is_found_by_trying(
    write: Write, body: str, needs: set[Need], cost: str
) -> None:
    from untrained.harness.validation.trials import traits_of

    candidate = find_candidate(write(f"def mine(network, inputs, labels):\n    {body}\n"))
    with candidate.registered():
        traits = traits_of(candidate)
    with replace(candidate, traits=traits).registered() as item:
        assert item.needs == needs
        assert str(item.cost) == cost
        assert (item.protocol.labels == "none") == (Need.LABELS not in needs)


def test_a_plain_function_may_ruin_its_network_and_draws_by_the_seed(write: Write) -> None:
    from untrained.indicators import Measurement, read

    candidate = find_candidate(
        write(
            "import torch\ndef mine(network, inputs, labels):\n"
            "    for p in network.parameters():\n        p.data.zero_()\n"
            "    return float(torch.rand(()))\n"
        )
    )
    batch = (torch.randn(2, 3, 8, 8), torch.tensor([0, 1]))
    weight = NETWORK[0].weight.detach().clone()
    with candidate.registered():
        values = []
        for seed in (0, 0, 1):
            with Measurement(NETWORK, [batch], seed=seed) as m:
                values.append(read(m, ["mine"])["mine"].value)
    assert values[0] == values[1] != values[2]
    assert torch.equal(NETWORK[0].weight, weight)


def test_a_mark_at_the_beginning_of_the_file_is_no_part_of_it(write: Write) -> None:
    path = write("def mine(network, inputs, labels):\n    return 1.0\n")
    plain = find_candidate(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert find_candidate(path) == plain
