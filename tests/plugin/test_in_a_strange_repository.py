"""What the plug-in does to runs of pytest that have nothing to do with it, and when asked."""

from types import SimpleNamespace

import pytest

from untrained.foundation import UserError
from untrained.harness import pytest_plugin
from untrained.harness.contract import find_subjects

NOTHING = "def test_nothing(): pass\n"
NO_TORCH = """
import sys

def test_torch_is_not_there():
    heavy = {"torch", "numpy", "pandas", "untrained.indicators", "untrained.spaces"}
    assert not heavy & set(sys.modules)
"""
SETTING = "untrained_contract = params"


def test_nothing_heavy_is_imported_where_nobody_asks(stranger):
    strict = ("-W", "error", "--strict-markers", "--strict-config")
    done = stranger(NO_TORCH, *strict, beside_others=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "untrained contract" not in done.stdout


def test_files_and_tests_by_name_leave_the_setting_out_and_say_so(stranger):
    for named in ("test_stranger.py", "test_stranger.py::test_torch_is_not_there"):
        done = stranger(NO_TORCH, named, ini=SETTING)
        assert done.returncode == 0, done.stdout
        assert "1 passed" in done.stdout
        assert "untrained contract: left out, because files or tests are named" in done.stdout


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("naswoot", "no indicator, space or searcher named 'naswoot'; did you mean naswot"),
        ("space:naswot", "no search space named 'naswot'"),
        ("networks:x", "there are no plug-ins of kind 'networks'; write a name, or one of indica"),
        ("package:nowhere", "'nowhere' is not installed here; install it (pip install --editable"),
        ("package:pluggy", "'pluggy' has no entry point in untrained.indicators, untrained.spaces"),
        ("package:.", "means the project of this folder, but"),
    ],
)
def test_a_wrong_name_is_a_usage_error_that_helps(word, text, tmp_path):
    with pytest.raises(UserError) as caught:
        find_subjects([word], project=tmp_path)
    assert text in str(caught.value)


def test_what_words_of_the_option_mean(tmp_path):
    words = ["indicator:depth,random", "nasbench201"]  # as the option is given twice
    config = SimpleNamespace(getoption=lambda name: words, getini=lambda name: ["params"])
    chosen = pytest_plugin._words(config)
    assert chosen == ["indicator:depth", "random", "nasbench201"]
    assert list(find_subjects(chosen, project=tmp_path)) == [
        "indicator depth",
        "indicator random",
        "searcher random",
        "space nasbench201",
    ]


def test_a_usage_error_ends_the_run_without_a_traceback(stranger_here):
    done = stranger_here(NOTHING, "--untrained-contract", "naswoot", ini=SETTING)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --untrained-contract / untrained_contract: no indicator" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_help_and_fixtures_explain_themselves(stranger):
    shown = " ".join(stranger(NOTHING, "--help").stdout.split())
    assert "--untrained-contract=NAME examine a plug-in for untrained: one test for each" in shown
    assert "untrained_contract (args):" in shown
    listed = stranger(NOTHING, "--fixtures").stdout
    for name in ("toy_network", "plain_network", "toy_batch", "golden_networks"):
        assert f"untrained_{name}" in listed
    assert "untrained_golden_measurement" in listed


FIXTURES = """
import torch

def test_toys(untrained_toy_network, untrained_plain_network, untrained_toy_batch):
    images, labels = untrained_toy_batch
    for network in (untrained_toy_network, untrained_plain_network):
        assert network(images).shape == (10, 5)
    assert sorted(labels.tolist()) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]

def test_golden(untrained_golden_networks, untrained_golden_measurement):
    assert len(untrained_golden_networks) == 3
    first = next(untrained_golden_measurement.network.parameters())
    assert any(
        torch.equal(first, next(network.parameters()))
        for network in untrained_golden_networks.values()
    )
"""


def test_the_setting_adds_promises_to_the_tests_of_a_folder(stranger_here):
    done = stranger_here(FIXTURES, ".", "-v", "-k", "it_says or test_", ini=SETTING)
    assert done.returncode == 0, done.stdout
    assert "untrained contract: params" in done.stdout
    assert "untrained/indicator params::it_says_what_it_is PASSED" in done.stdout
    assert "5 passed, " in done.stdout  # the rest is deselected
    for name in ("every_operation", "no_convolution", "dead_node"):
        assert f"test_golden[{name}] PASSED" in done.stdout
